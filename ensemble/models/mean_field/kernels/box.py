"""The side of a periodic box of random points, for three meanings of "nearest neighbours are one apart".

paper      side N^(1/d) - 1: the density falls with N towards 1
density    side N^(1/d): the density is 1
neighbour  the mean distance of nearest neighbours is 1, for many independent points
"""

import math

import numpy as np
from numpy.typing import NDArray

BOXES = ("paper", "density", "neighbour")


def side(box: str, points: int, dimension: int) -> float:
    """Return the side of a box of this kind."""
    if box == "paper":
        return float(points ** (1 / dimension)) - 1.0
    if box == "density":
        return float(points ** (1 / dimension))
    ball = math.pi ** (dimension / 2) / math.gamma(dimension / 2 + 1)
    return float((points * ball) ** (1 / dimension)) / math.gamma(1 + 1 / dimension)


def nearest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance (n,) of each point to its nearest neighbour, from all distances (n, n)."""
    closest: NDArray[np.float64] = np.where(np.eye(len(distance), dtype=bool), np.inf, distance).min(axis=1)
    return closest
