"""The average concurrence as its definition reads: a loop over pairs of plain NumPy density matrices."""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels import reduced_density_matrix
from ensemble.physics import concurrence
from tests.support.reference.random_ising import IsingInstance


def pair_concurrences(instance: IsingInstance, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """C_ij(t), symmetric with zero diagonal, shape (N, N, T)."""
    n = instance.size
    result = np.zeros((n, n, len(t)))
    for i in range(n):
        for j in range(i + 1, n):
            rho = reduced_density_matrix(instance, (i, j), t, occupation=instance.occupation)
            result[i, j] = result[j, i] = concurrence(rho)
    return result


def average_of_pairs(instance: IsingInstance, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """C(t) = (1/N) Σ_{i<j} C_ij(t)."""
    total: NDArray[np.float64] = pair_concurrences(instance, t).sum(axis=(0, 1)) / 2.0 / instance.size
    return total
