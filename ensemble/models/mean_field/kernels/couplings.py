"""The matrix of couplings, the only large array in memory.

The random numbers of the pairs are drawn into the matrix row by row, multiplied by the power of the distance, and
mirrored. At 10,000 points the matrix takes 0.8 GB; an array of separations would take three times as much.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.mirror import mirror

Array = NDArray[np.float64]


def dipolar(position: Array, side: float, strength: float, pairs: np.random.Generator) -> Array:
    """Return strength g_ij / r_ij³, (n, n), with standard normal g_ij for the pairs (0, 1), (0, 2), ... (n - 2, n - 1).

    Positions (n, 3) are in units of the side of the periodic box; r_ij is the distance to the nearest image.
    """
    matrix = np.zeros((len(position), len(position)))
    for i, row in enumerate(matrix):
        pairs.standard_normal(out=row[i + 1 :])
    _times_inverse_cubes(matrix, position, strength / side**3)
    mirror(matrix)
    return matrix


def coulomb(position: Array, side: float, strength: float) -> Array:
    """Return strength / r_ij, (n, n), for positions (n, 2) in units of the side of the periodic box."""
    matrix = np.zeros((len(position), len(position)))
    _inverse_distances(matrix, position, strength / side)
    mirror(matrix)
    return matrix


@compiled
def _times_inverse_cubes(matrix: Array, position: Array, strength: float) -> None:
    count = len(position)
    x, y, z = position[:, 0].copy(), position[:, 1].copy(), position[:, 2].copy()
    for i in range(count):
        for j in range(i + 1, count):
            dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
            dx, dy, dz = dx - np.floor(dx + 0.5), dy - np.floor(dy + 0.5), dz - np.floor(dz + 0.5)
            squared = dx * dx + dy * dy + dz * dz
            matrix[i, j] *= strength / (squared * np.sqrt(squared))


@compiled
def _inverse_distances(matrix: Array, position: Array, strength: float) -> None:
    count = len(position)
    x, y = position[:, 0].copy(), position[:, 1].copy()
    for i in range(count):
        for j in range(i + 1, count):
            dx, dy = x[i] - x[j], y[i] - y[j]
            dx, dy = dx - np.floor(dx + 0.5), dy - np.floor(dy + 0.5)
            matrix[i, j] = strength / np.sqrt(dx * dx + dy * dy)
