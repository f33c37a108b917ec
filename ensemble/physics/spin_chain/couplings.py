"""Random couplings on a ring that fall off as a power of the distance: one matrix, and nothing else of its size.

Numbers of pairs are drawn into it row by row, then multiplied by what the distance makes of them, which depends on
j - i alone, then mirrored.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.mirror import mirror

Array = NDArray[np.float64]

DISTANCES = ("ring", "chord")
"""Along the ring, the shorter way; or straight through it."""


def separations(length: int, distance: str) -> Array:
    """(L,), from spin 0 to each spin: min(d, L - d), or (L / π) sin(π d / L), which is that for neighbours."""
    place = np.arange(length)
    shorter = np.minimum(place, length - place).astype(np.float64)
    if distance == "ring":
        return shorter
    chord: Array = length / np.pi * np.sin(np.pi * shorter / length)
    return chord


def ring(length: int, alpha: float, distance: str, pairs: np.random.Generator) -> Array:
    """(L, L), g_ij / d_ij^α with standard normal g_ij for the pairs (0, 1), (0, 2), ... (L - 2, L - 1), 0 for i = j."""
    matrix = np.zeros((length, length))
    for i, row in enumerate(matrix):
        pairs.standard_normal(out=row[i + 1 :])
    decay = np.zeros(length)
    decay[1:] = separations(length, distance)[1:] ** -alpha
    _times(matrix, decay)
    mirror(matrix)
    return matrix


def variance(length: int, alpha: float, distance: str) -> float:
    """Σ_d d^(-2α) over all other spins: the mean square of a field of spins that point at random."""
    return float((separations(length, distance)[1:] ** (-2 * alpha)).sum())


@compiled
def _times(matrix: Array, decay: Array) -> None:
    """Multiply what is above the diagonal by a number that depends on j - i."""
    for i in range(len(matrix)):
        row = matrix[i, i:]
        for d in range(len(row)):
            row[d] *= decay[d]
