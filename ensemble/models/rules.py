"""Validate the values of parameters: a model has one rule for each of its fields."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from ensemble.errors import ParameterError

Rule = Callable[[str, Any], Any]
"""Function of the name and the value of a parameter; returns the converted value or raises a `ParameterError`."""


def checked(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the converted values of all parameters; raise a `ParameterError` if a value is invalid."""
    return {name: rules[name](name, value) for name, value in values.items()}


def integer(least: int, most: int | None = None) -> Rule:
    """Return a rule for an integer between `least` and `most`, both included; `most=None`: no upper limit."""
    wanted = (
        f"from {least} to {most}" if most is not None else f"of at least {least}" if least else "that is not negative"
    )

    def rule(name: str, value: Any) -> int:
        is_integer = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_integer or int(value) < least or (most is not None and int(value) > most):
            raise ParameterError(f"{name} must be an integer {wanted}, got {value!r}")
        return int(value)

    return rule


def finite(name: str, value: Any) -> float:
    """Require a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ParameterError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def not_negative(name: str, value: Any) -> float:
    """Require zero or a positive number."""
    number = finite(name, value)
    if number < 0.0:
        raise ParameterError(f"{name} must not be negative, got {number!r}")
    return number


def positive(name: str, value: Any) -> float:
    """Require a positive number."""
    number = finite(name, value)
    if number <= 0.0:
        raise ParameterError(f"{name} must be positive, got {number!r}")
    return number


def truth(name: str, value: Any) -> bool:
    """Require True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be true or false, got {value!r}")
    return bool(value)


def one_of(*choices: str) -> Rule:
    """Return a rule for one of these strings."""
    wanted = " or ".join(f'"{choice}"' for choice in choices)

    def rule(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ParameterError(f"{name} must be {wanted}, got {value!r}")
        return str(value)

    return rule


def increasing(name: str, value: Any) -> tuple[float, ...]:
    """Require a sequence of finite, strictly increasing numbers."""
    return _increasing(name, value, -math.inf, "strictly increasing")


def increasing_from_zero(name: str, value: Any) -> tuple[float, ...]:
    """Require a sequence of finite, strictly increasing numbers that are not negative."""
    return _increasing(name, value, 0.0, "strictly increasing and not negative")


def parts(name: str, value: Any) -> tuple[float, ...]:
    """Require a sequence of strictly increasing numbers between 0 and 1."""
    numbers = increasing(name, value)
    if numbers[0] < 0 or numbers[-1] > 1:
        raise ParameterError(f"{name} must lie between 0 and 1, got {value!r}")
    return numbers


def two(numbers_of: Rule) -> Rule:
    """Return a rule for a range, two numbers (from, to) that another rule accepts."""

    def rule(name: str, value: Any) -> tuple[float, ...]:
        numbers: tuple[float, ...] = numbers_of(name, value)
        if len(numbers) != 2:
            raise ParameterError(f"{name} must be two numbers, from and to, got {value!r}")
        return numbers

    return rule


def _increasing(name: str, value: Any, least: float, wanted: str) -> tuple[float, ...]:
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(())
    if numbers.ndim != 1 or numbers.size == 0 or not np.all(np.isfinite(numbers)):
        raise ParameterError(f"{name} must be a sequence of finite numbers, got {value!r}")
    if numbers[0] < least or np.any(np.diff(numbers) <= 0.0):
        raise ParameterError(f"{name} must be {wanted}, got {value!r}")
    return tuple(numbers.tolist())
