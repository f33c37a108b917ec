"""Random power-law couplings on a ring: one matrix, the only large array.

The random numbers of the pairs are drawn into the matrix row by row, multiplied by the power of the distance, which
depends on j - i only, and mirrored.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.mirror import mirror

Array = NDArray[np.float64]

DISTANCES = ("ring", "chord")
"""The shorter way along the ring, or the straight line through it."""


def separations(length: int, distance: str) -> Array:
    """Return the distances (L,) from spin 0 to each spin: min(d, L - d), or the chord (L / π) sin(π d / L).

    For neighbours both are the same, for large L.
    """
    position = np.arange(length)
    shorter = np.minimum(position, length - position).astype(np.float64)
    if distance == "ring":
        return shorter
    chord: Array = length / np.pi * np.sin(np.pi * shorter / length)
    return chord


def ring(length: int, alpha: float, distance: str, pairs: np.random.Generator) -> Array:
    """Return J_ij = g_ij / d_ij^α, (L, L), 0 for i = j.

    g_ij are standard normal numbers for the pairs (0, 1), (0, 2), ... (L - 2, L - 1).
    """
    matrix = np.zeros((length, length))
    for i, row in enumerate(matrix):
        pairs.standard_normal(out=row[i + 1 :])
    decay = np.zeros(length)
    decay[1:] = separations(length, distance)[1:] ** -alpha
    _times(matrix, decay)
    mirror(matrix)
    return matrix


def variance(length: int, alpha: float, distance: str) -> float:
    """Return Σ_d d^(-2α) over all other spins: the mean square of the local field of random spins."""
    return float((separations(length, distance)[1:] ** (-2 * alpha)).sum())


@compiled
def _times(matrix: Array, decay: Array) -> None:
    """Multiply the elements above the diagonal by a factor that depends on j - i."""
    for i in range(len(matrix)):
        row = matrix[i, i:]
        for d in range(len(row)):
            row[d] *= decay[d]
