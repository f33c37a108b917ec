"""Which values the parameters of the glass may have: one rule for each, and those that tie two together."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from ensemble.errors import ParameterError

Rule = Callable[[str, Any], Any]
"""Takes a parameter's name and value, returns the value in its own type or says what it must be."""


def accepted(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all parameters in their own types; raises where one cannot be used."""
    checked = {name: RULES[name](name, value) for name, value in values.items()}
    if checked["dipoles"] == "elastic" and checked["convention"] == "preprint":
        raise ParameterError(
            'dipoles must be "gaussian" in the preprint\'s convention, which has numbers instead of tensors, '
            'got "elastic": take convention = "published"'
        )
    if checked["dipoles"] == "elastic" and checked["d"] != 3:
        raise ParameterError(
            f"d must be 3 for elastic dipoles, which are tensors in space, got {checked['d']}: "
            'take d = 3, or dipoles = "gaussian"'
        )
    return checked


def _number_of_sites(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 2:
        raise ParameterError(f"{name} must be an integer of at least 2, got {value!r}")
    return int(value)


def _dimension(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) not in (1, 2, 3):
        raise ParameterError(f"{name} must be 1, 2 or 3, got {value!r}")
    return int(value)


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 0:
        raise ParameterError(f"{name} must be an integer that is not negative, got {value!r}")
    return int(value)


def _cluster(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= 8:
        raise ParameterError(f"{name} must be an integer from 1 to 8, got {value!r}")
    return int(value)


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ParameterError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def _not_negative(name: str, value: Any) -> float:
    number = _finite(name, value)
    if number < 0.0:
        raise ParameterError(f"{name} must not be negative, got {number!r}")
    return number


def _positive(name: str, value: Any) -> float:
    number = _finite(name, value)
    if number <= 0.0:
        raise ParameterError(f"{name} must be positive, got {number!r}")
    return number


def _one_of(*choices: str) -> Rule:
    wanted = " or ".join(f'"{choice}"' for choice in choices)

    def rule(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ParameterError(f"{name} must be {wanted}, got {value!r}")
        return str(value)

    return rule


def _increasing_times(name: str, value: Any) -> tuple[float, ...]:
    try:
        times = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        times = np.empty(())
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ParameterError(f"{name} must be a sequence of finite numbers, got {value!r}")
    if times[0] < 0.0 or np.any(np.diff(times) <= 0.0):
        raise ParameterError(f"{name} must be strictly increasing and not negative, got {value!r}")
    return tuple(times.tolist())


RULES: Mapping[str, Rule] = {
    "N": _number_of_sites,
    "epsilon": _not_negative,
    "eta": _finite,
    "delta_bar": _positive,
    "n_delta": _not_negative,
    "L0": _positive,
    "W": _positive,
    "gamma": _positive,
    "density": _positive,
    "v_L": _positive,
    "v_T": _positive,
    "temperature": _not_negative,
    "dipoles": _one_of("gaussian", "elastic"),
    "convention": _one_of("published", "preprint"),
    "angles": _one_of("sphere", "uniform"),
    "d": _dimension,
    "power": _not_negative,
    "bubbles": _count,
    "pairs": _count,
    "sites": _count,
    "cluster": _cluster,
    "t": _increasing_times,
}
