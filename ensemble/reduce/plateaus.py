"""The plateau of each realization: its mean over the last part of the time grid.

Each realization is averaged over time before realizations are averaged, because the times of one trajectory are
correlated and different realizations are not.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LATE = 0.1
"""The plateau is the mean over this fraction of the time points, the last ones."""


def plateau_mean(rows: NDArray[Any], time: int | None) -> NDArray[Any]:
    """The plateau of every realization.

    `time` is the position of t among the dims of the observable. If it is None, the observable is not a function of t
    and its values are returned unchanged.
    """
    if time is None:
        return rows
    length = rows.shape[time + 1]
    late = math.ceil(length * _LATE)
    rows = rows[(slice(None),) * (time + 1) + (slice(length - late, None),)]
    dims, sum_dtype = list(range(rows.ndim)), rows.dtype if rows.dtype.kind in "fc" else np.float64
    # For so few numbers, np.mean is ten times slower than this sum.
    mean: NDArray[Any] = np.einsum(rows, dims, dims[: time + 1] + dims[time + 2 :], dtype=sum_dtype) / late
    return mean
