"""Which values a parameter may have: rules that models put together, one for each of their fields."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from ensemble.errors import ParameterError

Rule = Callable[[str, Any], Any]
"""Takes a parameter's name and value, returns the value in its own type or says what it must be."""


def checked(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all parameters in their own types; raises where one cannot be used."""
    return {name: rules[name](name, value) for name, value in values.items()}


def integer(least: int, most: int | None = None) -> Rule:
    """An integer in a range."""
    wanted = (
        f"from {least} to {most}" if most is not None else f"of at least {least}" if least else "that is not negative"
    )

    def rule(name: str, value: Any) -> int:
        known = isinstance(value, Integral) and not isinstance(value, bool)
        if not known or int(value) < least or (most is not None and int(value) > most):
            raise ParameterError(f"{name} must be an integer {wanted}, got {value!r}")
        return int(value)

    return rule


def finite(name: str, value: Any) -> float:
    """A number that is neither infinite nor missing."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ParameterError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def not_negative(name: str, value: Any) -> float:
    """Zero or a positive number."""
    number = finite(name, value)
    if number < 0.0:
        raise ParameterError(f"{name} must not be negative, got {number!r}")
    return number


def positive(name: str, value: Any) -> float:
    """A positive number."""
    number = finite(name, value)
    if number <= 0.0:
        raise ParameterError(f"{name} must be positive, got {number!r}")
    return number


def truth(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be true or false, got {value!r}")
    return bool(value)


def one_of(*choices: str) -> Rule:
    """One of some words."""
    wanted = " or ".join(f'"{choice}"' for choice in choices)

    def rule(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ParameterError(f"{name} must be {wanted}, got {value!r}")
        return str(value)

    return rule


def increasing(name: str, value: Any) -> tuple[float, ...]:
    """Finite numbers, each larger than the one before."""
    return _increasing(name, value, -math.inf, "strictly increasing")


def increasing_from_zero(name: str, value: Any) -> tuple[float, ...]:
    """Such numbers, none of them negative."""
    return _increasing(name, value, 0.0, "strictly increasing and not negative")


def parts(name: str, value: Any) -> tuple[float, ...]:
    """Such numbers from 0 to 1."""
    numbers = increasing(name, value)
    if numbers[0] < 0 or numbers[-1] > 1:
        raise ParameterError(f"{name} must lie between 0 and 1, got {value!r}")
    return numbers


def two(numbers_of: Rule) -> Rule:
    """From and to: two numbers that another rule allows."""

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
