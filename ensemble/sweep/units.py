"""Format numbers with errors, durations and sizes as text or JSON, and parse durations."""

import math
import re
from typing import Any

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|m|min|h|d)?")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")


def format_with_error(value: float, error: float) -> str:
    """Format a number with its standard error in the last digits, such as 0.0321(12)."""
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


def format_duration(seconds: float) -> str:
    """Format a duration in seconds with a suitable unit: µs, ms, s, min, h or days."""
    if 0 < seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 86400:.3g} days"


def parse_duration(text: str) -> float:
    """Return a duration in seconds from text such as 90, 90s, 10m, 10 min, 8h, 1d or 1:30:00.

    Any other text, and a duration of zero, raise a ValueError.
    """
    seconds = 0.0
    if clock := _CLOCK.fullmatch(text.strip()):
        hours, minutes, rest = map(float, clock.groups())
        seconds = 3600.0 * hours + 60.0 * minutes + rest
    elif span := _SPAN.fullmatch(text.strip()):
        seconds = float(span[1]) * _UNITS[span[2] or "s"]
    if 0 < seconds < math.inf:
        return seconds
    raise ValueError(f"a span of time must be more than nothing, such as 90s, 10m, 8h, 1d or 1:30:00, got {text!r}")


def format_bytes(count: int) -> str:
    """Format a number of bytes with a suitable unit: B, KiB, MiB, GiB or TiB."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"


def to_json(value: Any) -> Any:
    """Convert rows to values that JSON can hold: nan and infinity become null, a complex number a pair."""
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, complex):
        return [to_json(value.real), to_json(value.imag)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
