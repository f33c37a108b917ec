"""The plateau of a realization: its mean over the last part of the time grid.

It comes before any average over realizations: the times of one trajectory are correlated, realizations are not.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LATE = 0.1
"""The plateau is the mean over this last part of the time grid."""


def late_mean(rows: NDArray[Any], time: int | None) -> NDArray[Any]:
    """The plateau of every realization; `time` is the place of t among the observable's dimensions.

    An observable that is no function of t, whose `time` is None, is its own plateau.
    """
    if time is None:
        return rows
    length = rows.shape[time + 1]
    late = math.ceil(length * _LATE)
    rows = rows[(slice(None),) * (time + 1) + (slice(length - late, None),)]
    dims, wide = list(range(rows.ndim)), rows.dtype if rows.dtype.kind in "fc" else np.float64
    # np.mean over so few numbers is ten times slower than this sum
    mean: NDArray[Any] = np.einsum(rows, dims, dims[: time + 1] + dims[time + 2 :], dtype=wide) / late
    return mean
