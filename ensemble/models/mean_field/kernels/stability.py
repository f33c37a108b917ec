"""Cholesky factor of a matrix that is positive if the averages are in a minimum of the free energy."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky

from ensemble.errors import ConvergenceError

Array = NDArray[np.float64]


def root(matrix: Array) -> Array:
    """Return L (n, n) of M = L Lᵀ; M is overwritten. Raises a `ConvergenceError` if M is not positive."""
    try:
        found: Array = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise ConvergenceError(
            "energies must lie in a minimum of the free energy, but they do not: change the start"
        ) from error
    return found
