"""Linear least squares for few parameters, with a fixed order of all sums.

A linear algebra library divides sums among threads, so their last digits depend on the number of threads. If parameters
are strongly correlated, a search amplifies such differences. The sums of this module always have the order of the data:
the same data give the same fit, to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def straight(x: Array, y: Array, weight: Array) -> Array:
    """Offset and slope of the weighted straight line through the points."""
    return solved(np.stack([np.ones_like(x), x], axis=-1) * weight[:, None], y * weight)


def solved(slopes: Array, gap: Array) -> Array:
    """Least-squares solution x (..., k) of slopes (..., n, k) times x = gap (..., n); 0 along columns that are zero.

    It uses the modified Gram-Schmidt process: each column is projected out of all later columns and of the gap.
    """
    rest, left = [slopes[..., i] for i in range(slopes.shape[-1])], gap
    shares, heights = [], []
    for i, column in enumerate(rest):
        length = np.sqrt(np.sum(column**2, axis=-1, keepdims=True))
        unit = column / np.where(length > 0, length, np.inf)
        along = [np.sum(unit * other, axis=-1, keepdims=True) for other in rest[i + 1 :]]
        rest[i + 1 :] = [other - share * unit for other, share in zip(rest[i + 1 :], along, strict=True)]
        height = np.sum(unit * left, axis=-1, keepdims=True)
        left = left - height * unit
        shares.append([np.where(length > 0, length, np.inf), *along])
        heights.append(height)
    steps: list[Array] = []
    for (length, *along), height in zip(reversed(shares), reversed(heights), strict=True):
        known = sum((share * step for share, step in zip(along, steps, strict=True)), np.zeros_like(height))
        steps.insert(0, (height - known) / length)
    return np.concatenate(steps, axis=-1)
