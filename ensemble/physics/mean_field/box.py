"""Points that are uniform in a periodic box: what "nearest neighbours are one apart" may mean.

paper      side N^(1/d) - 1: then the density falls with N towards 1
density    side N^(1/d): the density is 1
neighbour  the mean distance of nearest neighbours is 1, for many points that know nothing of each other
"""

import math

import numpy as np
from numpy.typing import NDArray

BOXES = ("paper", "density", "neighbour")


def side(box: str, points: int, dimension: int) -> float:
    """The side of a box of so many points."""
    if box == "paper":
        return float(points ** (1 / dimension)) - 1.0
    if box == "density":
        return float(points ** (1 / dimension))
    ball = math.pi ** (dimension / 2) / math.gamma(dimension / 2 + 1)
    return float((points * ball) ** (1 / dimension)) / math.gamma(1 + 1 / dimension)


def nearest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,), how far it is to the nearest other point, from the distances (n, n) between all."""
    closest: NDArray[np.float64] = np.where(np.eye(len(distance), dtype=bool), np.inf, distance).min(axis=1)
    return closest
