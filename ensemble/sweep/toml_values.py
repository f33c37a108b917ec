"""Read values from TOML files, lists and grids included, and check each against the type of its field."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from ensemble.errors import EnsembleError, SweepError
from ensemble.models.arrays import evenly_spaced

Value = int | float | str | bool
"""Type of a parameter value."""

MAX_POINTS = 1_000_000
"""Largest number of values in a list or grid, and largest number of points in a sweep."""

MAX_REALIZATIONS = 1_000_000_000
"""Largest number of realizations at all points together: the driver holds twelve bytes for each in memory."""
_SAID = {int: "an integer", float: "a finite number", str: "a text", bool: "true or false"}
_LARGEST = 2**63
"""TOML integers have 64 bits."""


def read_toml(path: Path, refusal: type[EnsembleError], called: str = "the file") -> tuple[str, dict[str, Any]]:
    """Read a TOML file and return its text and its table.

    A file that cannot be used raises an error of the type `refusal`; `called` names the file in the message.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise refusal(f"{called} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise refusal(f"{called} {path} must be UTF-8 text, but byte {error.start} is not") from error
    except ValueError as error:  # also from Python, which refuses integers with thousands of digits
        raise refusal(f"{path} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise refusal(f"{path} must not nest lists and tables as deeply as it does") from error
    if _has_huge(table):
        raise refusal(f"{path} must hold integers of at most 64 bits, but there is a larger one")
    return text, table


def _has_huge(value: Any) -> bool:
    """Return whether a value contains an integer that does not fit into 64 bits."""
    if isinstance(value, int):
        return not -_LARGEST <= value < _LARGEST
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_huge, inner))


def coerce(name: str, kind: Any, value: Any) -> Any:
    """Return `value` as a `kind`: int, float, str, bool, or a tuple of one of them; the SweepError names the field.

    An int is converted to float, and a table { start, stop, num, spacing } to a tuple.
    """
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if isinstance(value, Mapping):
            return tuple(grid(name, inner, value))
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise SweepError(f"{name} must be a list, got {value!r}")
        return tuple(coerce(name, inner, each) for each in value)
    if kind not in _SAID:
        raise SweepError(f"{name} cannot be set in a sweep: its type is {kind!r}, not int, float, str or bool")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    is_right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not is_right or (kind is float and not math.isfinite(value)):
        raise SweepError(f"{name} must be {_SAID[kind]}, got {value!r}")
    return value + 0.0 if kind is float else value  # turns -0.0 into 0.0: they are equal, but format differently


def grid(name: str, kind: Any, given: Any) -> list[Any]:
    """Return the values of an axis, given as a list or as a table { start, stop, num, spacing }."""
    if isinstance(given, Mapping):
        given = _spaced(name, given)
        if kind is int:
            given = [int(each) if each.is_integer() else each for each in given]
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SweepError(f"{name} must be a list of values or a table {{ start, stop, num, spacing }}, got {given!r}")
    if not given:
        raise SweepError(f"{name} must have at least one value, but its list is empty")
    return [coerce(name, kind, each) for each in given]


def _spaced(name: str, table: Mapping[str, Any]) -> list[float]:
    """Return the values of a table { start, stop, num, spacing }."""
    for key in ("start", "stop", "num"):
        if key not in table:
            raise SweepError(f"{name} must have start, stop and num, but {key} is missing")
    if unknown := sorted(set(table) - {"start", "stop", "num", "spacing"}):
        raise SweepError(f"{name} holds an unknown key {unknown[0]!r}: it may hold start, stop, num, spacing")
    start, stop = (coerce(f"{name}: {key}", float, table[key]) for key in ("start", "stop"))
    num = coerce(f"{name}: num", int, table["num"])
    spacing = table.get("spacing", "linear")
    if spacing not in ("linear", "log"):
        raise SweepError(f'{name}: spacing must be "linear" or "log", got {spacing!r}')
    if num < 1:
        raise SweepError(f"{name}: num must be at least 1, got {num}")
    if num > MAX_POINTS:
        raise SweepError(f"{name}: num must be at most {MAX_POINTS}, got {num}")
    if num > 1 and not stop > start:
        raise SweepError(f"{name}: stop must be greater than start, got start = {start:g} and stop = {stop:g}")
    if spacing == "log" and start <= 0:
        raise SweepError(f"{name}: a logarithmic grid must start above zero, got start = {start:g}")
    return evenly_spaced(start, stop, num, log=spacing == "log")


def integer_at_least(least: int, name: str, value: Any) -> int:
    """Return `value` as an integer; an integer below `least` is an error."""
    number: int = coerce(name, int, value)
    if number < least:
        raise SweepError(f"{name} must be at least {least}, got {number}")
    return number


def check_size(axes: Mapping[str, Sequence[Value]], realizations: int) -> None:
    """Raise a SweepError if the axes have too many points, or the points too many realizations."""
    points = math.prod(map(len, axes.values()))
    if points > MAX_POINTS:
        raise SweepError(f"[axes] must span at most {MAX_POINTS} points, got {points}")
    if points * realizations > MAX_REALIZATIONS:
        raise SweepError(
            f"realizations must be at most {MAX_REALIZATIONS // points} at each of {points} points, "
            f"{MAX_REALIZATIONS} in all, got {realizations}"
        )
