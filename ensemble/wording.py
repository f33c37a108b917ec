"""Numbers in words: with their errors, as spans of time, as sizes, for JSON; and a span of time from words."""

import math
import re
from typing import Any

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|m|min|h|d)?")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")


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
    if 0 < seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 86400:.3g} days"


def seconds_of(text: str) -> float:
    """The seconds of a span of time: 90 or 90s, 10m or 10 min, 8h, 1d, 1:30:00; a ValueError for anything else."""
    seconds = 0.0
    if clock := _CLOCK.fullmatch(text.strip()):
        hours, minutes, rest = map(float, clock.groups())
        seconds = 3600.0 * hours + 60.0 * minutes + rest
    elif span := _SPAN.fullmatch(text.strip()):
        seconds = float(span[1]) * _UNITS[span[2] or "s"]
    if 0 < seconds < math.inf:
        return seconds
    raise ValueError(f"a span of time must be more than nothing, such as 90s, 10m, 8h, 1d or 1:30:00, got {text!r}")


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"


def plain(value: Any) -> Any:
    """Rows as JSON can tell them: null for what is missing, a pair for a complex number."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
