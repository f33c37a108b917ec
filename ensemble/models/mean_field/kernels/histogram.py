"""Densities of numbers on a grid that is the same for every realization."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def middles(low: float, high: float, bins: int) -> Array:
    """Return the centres (bins,) of evenly spaced bins."""
    return low + (high - low) * (np.arange(bins) + 0.5) / bins


def density(values: Array, low: float, high: float, bins: int) -> Array:
    """Return the density (bins,) of the values; values outside the range count in the norm, but in no bin."""
    counts, _ = np.histogram(values, bins=bins, range=(low, high))
    return counts * bins / ((high - low) * len(values))


def within(values: Array, low: float, high: float) -> float:
    """Return the density of values with low <= abs(value) < high, on the axis of signed values."""
    magnitude = np.abs(values)
    return float(np.mean((magnitude >= low) & (magnitude < high))) / (2 * (high - low))
