"""Samples of models, measured once for all tests of a process, and what is told of them."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.models.model import Model
from ensemble.realization.random_streams import random_stream

Array = NDArray[np.float64]

SEED = 2017


@functools.cache
def measured(model: Any, realizations: int, *names: str) -> Mapping[str, Array]:
    """Observables of the first realizations, a row for each; at other parameters they have the same disorder."""
    rows = []
    for index in range(realizations):
        sample = model.measure(model.draw(random_stream(SEED, model, index)))
        rows.append([np.asarray(sample[name], dtype=np.float64) for name in names])
    return {name: np.array([row[place] for row in rows]) for place, name in enumerate(names)}


def mean(values: Array) -> float:
    """The mean of numbers, one of each realization."""
    return float(values.mean())


def error(values: Array) -> float:
    """Its standard error."""
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def made(model: Model, name: str, rows: Mapping[str, Array]) -> Any:
    """What a model makes of the averages of these rows, as the framework calls it."""
    quantity = type(model).functions_of_means[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        return quantity.value(model, *(rows[each].mean(axis=0) for each in quantity.of))


def jackknife(model: Model, name: str, rows: Mapping[str, Array]) -> tuple[float, float]:
    """The same number with its error, from leaving out one realization at a time."""
    count = len(next(iter(rows.values())))
    without = [
        float(made(model, name, {each: np.delete(values, left_out, axis=0) for each, values in rows.items()}))
        for left_out in range(count)
    ]
    return float(made(model, name, rows)), float(np.std(without)) * math.sqrt(count - 1)


def agrees(values: Array, expected: float, uncertain: float, tolerance: float, at_most: float) -> None:
    """Whether the mean of numbers is the expected one."""
    near(mean(values), error(values), expected, uncertain, tolerance, at_most)


def near(value: float, deviation: float, expected: float, uncertain: float, tolerance: float, at_most: float) -> None:
    """Whether a number with a standard error is the expected one, which has another."""
    allowed = 4 * math.hypot(deviation, uncertain) + tolerance
    assert allowed < at_most, f"{allowed:.3g} is too coarse: take more samples"
    assert abs(value - expected) < allowed, f"{value:.5g} +- {deviation:.2g} must be {expected:g} +- {uncertain:g}"
