"""Numbers in words: with their errors, as spans of time, as sizes."""

import math


def with_error(value: float, error: float) -> str:
    """A number with its standard error in the last digits, as in 0.0321(12)."""
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{value:.4g}"
    if error == 0:
        return f"{value:.6g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    scaled = exponent < -3 or exponent > 5
    scale = 10.0**exponent if scaled else 1.0
    two_digits = float(f"{error / scale:.1e}")
    digits = max(0, 1 - math.floor(math.log10(two_digits)))
    bracket = round(two_digits * 10**digits)
    text = f"{value / scale:.{digits}f}({bracket})"
    return f"{text}e{exponent:+03d}" if scaled else text


def duration(seconds: float) -> str:
    """A time span in the unit that suits it."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 86400:.3g} days"


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
