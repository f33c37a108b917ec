"""Draws of random numbers that disordered models are made of, and the geometry that goes with them.

Every function that draws takes the generator first and advances it by a fixed number of variates,
so that a model's `draw` is defined by the order of its calls.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def uniform(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` numbers that are uniform on (0, 1)."""
    return rng.random(n)


def centred_uniform(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` numbers that are uniform on (-1/2, 1/2): the exponents of `log_uniform`."""
    return rng.random(n) - 0.5


def log_uniform(exponent: Array, typical: float, decades: float) -> Array:
    """Numbers log-uniform over `decades` powers of ten, centred on `typical`, from `centred_uniform` exponents."""
    return typical * 10.0 ** (decades * exponent)


def chi_square(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` squares of standard normal numbers."""
    return rng.standard_normal(n) ** 2


def gaussian(rng: np.random.Generator, *shape: int) -> Array:
    """Draw standard normal numbers, row after row."""
    return rng.standard_normal(shape)


def symmetric(pairs: Array, n: int) -> Array:
    """The symmetric (n, n) matrix with the numbers `pairs` above its diagonal, row after row, and zeros on it."""
    matrix = np.zeros((n, n))
    matrix[~np.tri(n, dtype=np.bool_)] = pairs
    return matrix + matrix.T


def azimuths(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` angles that are uniform on (0, 2π)."""
    return 2.0 * np.pi * rng.random(n)


def positions(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` points, uniform in a cube, as an (n, 3) array in units of the cube's side."""
    return rng.random((n, 3))


def minimum_image_separations(position: Array, side: float) -> Array:
    """Vectors (n, n, d) from the second to the first of two points (n, d) in a periodic box: to the nearest image."""
    separation: Array = position[:, np.newaxis, :] - position[np.newaxis, :, :]
    separation -= side * np.round(separation / side)
    return separation


def minimum_image_distances(position: Array, side: float) -> Array:
    """Distances (n, n) between points (n, d) in a periodic box: for each pair that of the nearest images."""
    distance: Array = np.sqrt(np.sum(minimum_image_separations(position, side) ** 2, axis=-1))
    return distance
