"""Random numbers for disordered models, and distances in a periodic box.

Every function that draws takes the generator as its first argument and advances it by a fixed number of variates.
So the order of the calls defines a model's `draw`.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def uniform(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` numbers that are uniform on (0, 1)."""
    return rng.random(n)


def centred_uniform(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` numbers that are uniform on (-1/2, 1/2). `log_uniform` takes them as exponents."""
    return rng.random(n) - 0.5


def log_uniform(exponent: Array, typical: float, decades: float) -> Array:
    """Return log-uniform numbers over `decades` powers of ten around `typical`, from exponents of `centred_uniform`."""
    return typical * 10.0 ** (decades * exponent)


def chi_square(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` squares of standard normal numbers."""
    return rng.standard_normal(n) ** 2


def gaussian(rng: np.random.Generator, *shape: int) -> Array:
    """Draw standard normal numbers of this shape, row by row."""
    return rng.standard_normal(shape)


def symmetric(pairs: Array, n: int) -> Array:
    """Return the symmetric (n, n) matrix with `pairs` above the diagonal, row by row, and a diagonal of zeros."""
    matrix = np.zeros((n, n))
    matrix[~np.tri(n, dtype=np.bool_)] = pairs
    return matrix + matrix.T


def azimuths(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` angles that are uniform on (0, 2π)."""
    return 2.0 * np.pi * rng.random(n)


def positions(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` points that are uniform in a cube, shape (n, 3), in units of the side of the cube."""
    return rng.random((n, 3))


def minimum_image_separations(position: Array, side: float) -> Array:
    """Return the vectors r_i - r_j, shape (n, n, d), to the nearest image of points (n, d) in a periodic box."""
    separation: Array = position[:, np.newaxis, :] - position[np.newaxis, :, :]
    separation -= side * np.round(separation / side)
    return separation


def minimum_image_distances(position: Array, side: float) -> Array:
    """Return the distances (n, n) between the nearest images of points (n, d) in a periodic box."""
    distance: Array = np.sqrt(np.sum(minimum_image_separations(position, side) ** 2, axis=-1))
    return distance
