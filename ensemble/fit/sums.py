"""Least squares of few parameters, summed in an order of its own.

A library of linear algebra divides its sums among threads, and their last digits depend on how many there are. Where
parameters are hard to tell apart a search makes much of last digits. Here are only sums whose order is that of the
data: the same numbers give the same fit, to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def straight(x: Array, y: Array, weight: Array) -> Array:
    """Offset and slope of the straight line through the points."""
    return solved(np.stack([np.ones_like(x), x], axis=-1) * weight[:, None], y * weight)


def solved(slopes: Array, gap: Array) -> Array:
    """The steps (..., k) by which slopes (..., n, k) come closest to a gap (..., n); no step along a slope of zero.

    Gram and Schmidt, modified: each direction is taken out of all that follow, and of the gap, before the next.
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
