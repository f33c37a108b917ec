"""Where averages are in a minimum of the free energy: its second derivatives are positive there, and have a root."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky

from ensemble.errors import ConvergenceError

Array = NDArray[np.float64]


def root(matrix: Array) -> Array:
    """L (n, n) of M = L Lᵀ, in the place of M; refused where M is not positive."""
    try:
        found: Array = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise ConvergenceError(
            "energies must lie in a minimum of the free energy, but they do not: change the start"
        ) from error
    return found
