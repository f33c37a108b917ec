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


def symmetric_gaussian(rng: np.random.Generator, n: int) -> Array:
    """Draw a symmetric (n, n) matrix, standard normal above the diagonal (row after row) and zero on it."""
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, k=1)] = rng.standard_normal(n * (n - 1) // 2)
    return matrix + matrix.T


def bloch_angles(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Draw `n` polar and then `n` azimuthal angles of directions that are uniform on the sphere."""
    theta = np.arccos(2.0 * rng.random(n) - 1.0)
    phi = 2.0 * np.pi * rng.random(n)
    return theta, phi


def positions(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` points, uniform in a cube, as an (n, 3) array in units of the cube's side."""
    return rng.random((n, 3))


def minimum_image_distances(position: Array, side: float) -> Array:
    """Distances (n, n) between points (n, 3) in a periodic cube: for each pair that of the nearest images."""
    separation = position[:, np.newaxis, :] - position[np.newaxis, :, :]
    separation -= side * np.round(separation / side)
    distance: Array = np.sqrt(np.sum(separation**2, axis=-1))
    return distance
