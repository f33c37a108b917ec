"""Singular values with high relative accuracy for each, however different they are."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from ensemble.errors import ConvergenceError

Array = NDArray[np.float64]

_ACCURATE = {"joba": 0, "jobu": 3, "jobv": 3, "jobr": 0, "jobt": 1, "jobp": 0}
"""The options joba to jobp of LAPACK's dgejsv: C, N, N, N, N, N."""


def singular_values(matrix: Array) -> Array:
    """Return the singular values (n,) of a matrix (m, n), m >= n, the largest first, by one-sided Jacobi rotations.

    Each is accurate to about the last digit if the matrix is well conditioned after its columns are scaled to equal
    length. The lengths of the columns may differ by any factor.
    """
    if not np.isfinite(matrix).all():
        raise ConvergenceError("rates must be finite, but some overflow: change the temperature or the units")
    values, _, _, work, _, info = lapack.dgejsv(matrix, **_ACCURATE)
    if info:
        raise ConvergenceError(
            f"a spectrum must be found, but LAPACK's dgejsv ended with {info}: tell how this came about"
        )
    scaled: Array = values * (work[0] / work[1])
    return scaled
