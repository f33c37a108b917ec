"""Values from a file: read as TOML, each coerced to the type of the field that it is for, lists and grids alike."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np

from ensemble.errors import EnsembleError, SweepError

Value = int | float | str | bool
"""What a parameter can be."""

MOST = 1_000_000
"""Values that a list or a grid may have, and points that a sweep may."""

MOST_REALIZATIONS = 1_000_000_000
"""Of all points together: a driver holds twelve bytes for each in memory."""
_SAID = {int: "an integer", float: "a finite number", str: "a text", bool: "true or false"}
_LARGEST = 2**63
"""Integers of TOML have 64 bits."""


def load(path: Path, refusal: type[EnsembleError], called: str = "the file") -> tuple[str, dict[str, Any]]:
    """A TOML file, word for word and as a table; an error of the given type tells why it cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise refusal(f"{called} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise refusal(f"{called} {path} must be UTF-8 text, but byte {error.start} is not") from error
    except ValueError as error:  # Python itself refuses integers of many thousand digits
        raise refusal(f"{path} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise refusal(f"{path} must not nest lists and tables as deeply as it does") from error
    if _has_huge(table):
        raise refusal(f"{path} must hold integers of at most 64 bits, but there is a larger one")
    return text, table


def _has_huge(value: Any) -> bool:
    """Whether there is an integer in it that TOML does not have."""
    if isinstance(value, int):
        return not -_LARGEST <= value < _LARGEST
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_huge, inner))


def coerce(name: str, kind: Any, value: Any) -> Any:
    """`value` as a `kind` (int, float, str, bool, or tuple of one of them), or an error that names the field."""
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
    return value + 0.0 if kind is float else value  # no negative zero: it would be another name for zero


def grid(name: str, kind: Any, given: Any) -> list[Any]:
    """The values of an axis, from a list or from a table { start, stop, num, spacing }."""
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
    """The values of a table { start, stop, num, spacing }."""
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
    if num > MOST:
        raise SweepError(f"{name}: num must be at most {MOST}, got {num}")
    if num > 1 and not stop > start:
        raise SweepError(f"{name}: stop must be greater than start, got start = {start:g} and stop = {stop:g}")
    if spacing == "log" and start <= 0:
        raise SweepError(f"{name}: a logarithmic grid must start above zero, got start = {start:g}")
    return evenly_spaced(start, stop, num, log=spacing == "log")


def evenly_spaced(start: float, stop: float, num: int, *, log: bool = False) -> list[float]:
    """Numbers on a linear or logarithmic grid, rounded to 12 digits: the same on every machine."""
    values = np.geomspace(start, stop, num) if log else np.linspace(start, stop, num)
    return [float(f"{value:.12g}") for value in values]


def at_least(least: int, name: str, value: Any) -> int:
    """An integer that must not be too small."""
    number: int = coerce(name, int, value)
    if number < least:
        raise SweepError(f"{name} must be at least {least}, got {number}")
    return number


def bounded(axes: Mapping[str, Sequence[Value]], realizations: int) -> None:
    """Refuse a grid that no driver could hold."""
    points = math.prod(map(len, axes.values()))
    if points > MOST:
        raise SweepError(f"[axes] must span at most {MOST} points, got {points}")
    if points * realizations > MOST_REALIZATIONS:
        raise SweepError(
            f"realizations must be at most {MOST_REALIZATIONS // points} at each of {points} points, "
            f"{MOST_REALIZATIONS} in all, got {realizations}"
        )
