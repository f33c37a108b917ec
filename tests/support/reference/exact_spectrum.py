"""Eigenvalues with as many digits as one likes, of matrices that doubles define exactly."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def laplacian(weights: Array, null: Array) -> Any:
    """-w_ij, and on the diagonal Σ_j w_ij v_j / v_i, to the present precision."""
    w, v = exact(weights), [mpmath.mpf(float(each)) for each in null]
    matrix = -w
    for i in range(len(v)):
        matrix[i, i] = mpmath.fsum(w[i, j] * v[j] for j in range(len(v)) if j != i) / v[i]
    return matrix


def exact(matrix: Array) -> Any:
    """The same numbers."""
    return mpmath.matrix(matrix.tolist())


def eigenvalues(matrix: Callable[[], Any], digits: int) -> list[Any]:
    """Of a symmetric matrix that is made to so many digits, in increasing order."""
    with mpmath.workdps(digits):
        return sorted(mpmath.eigsy(matrix(), eigvals_only=True))


def relative_errors(found: Array, exact: list[Any]) -> Array:
    """Of each number."""
    return np.array([float(abs(value / reference - 1)) for value, reference in zip(found, exact, strict=True)])
