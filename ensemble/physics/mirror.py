"""Copy the upper triangle of a matrix to the lower one, in place, tile by tile so that tiles fit into the cache."""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled

_TILE = 64
"""Rows and columns of a tile."""


@compiled
def mirror(matrix: NDArray[np.float64]) -> None:
    """Copy the elements above the diagonal to below the diagonal."""
    count = len(matrix)
    for top in range(0, count, _TILE):
        for left in range(top, count, _TILE):
            for i in range(top, min(top + _TILE, count)):
                for j in range(max(left, i + 1), min(left + _TILE, count)):
                    matrix[j, i] = matrix[i, j]
