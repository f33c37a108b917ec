"""Densities of numbers on a grid that is the same for every sample."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def middles(low: float, high: float, bins: int) -> Array:
    """(bins,), where evenly spaced bins have their middles."""
    return low + (high - low) * (np.arange(bins) + 0.5) / bins


def density(values: Array, low: float, high: float, bins: int) -> Array:
    """(bins,), the part of the values in each bin over its width; what lies outside counts, but in none of them."""
    counts, _ = np.histogram(values, bins=bins, range=(low, high))
    return counts * bins / ((high - low) * len(values))


def within(values: Array, low: float, high: float) -> float:
    """The density of values with low <= abs(value) < high, on an axis where they have their sign."""
    size = np.abs(values)
    return float(np.mean((size >= low) & (size < high))) / (2 * (high - low))
