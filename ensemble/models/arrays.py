"""Arrays of fixed length, and grids that have the same values on every machine."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def padded(values: Array, length: int) -> Array:
    """Return the first `length` values along the first dimension; pad with nan if there are fewer."""
    found = np.full((length, *values.shape[1:]), np.nan)
    found[: len(values)] = values[:length]
    return found


def evenly_spaced(start: float, stop: float, num: int, *, log: bool = False) -> list[float]:
    """Return a linear or logarithmic grid, rounded to 12 digits so that it is the same on every machine."""
    values = np.geomspace(start, stop, num) if log else np.linspace(start, stop, num)
    return [float(f"{value:.12g}") for value in values]
