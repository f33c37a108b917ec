"""What a small system does not have: missing values, so that arrays have the same shape at every point."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def padded(values: Array, length: int) -> Array:
    """The first values, as many as `length`, and nan where there are fewer."""
    found = np.full((length, *values.shape[1:]), np.nan)
    found[: len(values)] = values[:length]
    return found
