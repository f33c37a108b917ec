"""The laws of the draws, on fixed seeds with bounds of five standard errors, and the geometry of the box."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.physics import disorder

N = 100_000


def rng() -> np.random.Generator:
    return np.random.default_rng(2021)


def assert_moments(x: NDArray[np.float64], mean: float, variance: float, fourth: float) -> None:
    """Mean and variance, with `fourth` the central fourth moment that sets the error of the variance."""
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / x.size)
    assert abs(x.var() - variance) < 5 * np.sqrt((fourth - variance**2) / x.size)


def test_uniform() -> None:
    x = disorder.uniform(rng(), N)
    assert x.min() >= 0.0
    assert x.max() < 1.0
    assert_moments(x, 1 / 2, 1 / 12, 1 / 80)


def test_log_uniform() -> None:
    """log10 is uniform over the decades, centred on the typical value."""
    x = disorder.log_uniform(disorder.centred_uniform(rng(), N), typical=0.1, decades=2.0)
    assert x.min() >= 0.01
    assert x.max() <= 1.0
    assert_moments(np.log10(x), -1.0, 4 / 12, 16 / 80)


def test_log_uniform_without_width_is_the_typical_value() -> None:
    assert np.all(disorder.log_uniform(disorder.centred_uniform(rng(), 10), typical=0.3, decades=0.0) == 0.3)


def test_chi_square() -> None:
    """One degree of freedom: mean 1, variance 2, fourth central moment 60."""
    x = disorder.chi_square(rng(), N)
    assert x.min() >= 0.0
    assert_moments(x, 1.0, 2.0, 60.0)


def test_symmetric_gaussian() -> None:
    matrix = disorder.symmetric_gaussian(rng(), 450)
    assert np.array_equal(matrix, matrix.T)
    assert np.all(np.diag(matrix) == 0.0)
    assert_moments(matrix[np.triu_indices(450, k=1)], 0.0, 1.0, 3.0)


def test_symmetric_gaussian_is_filled_row_after_row() -> None:
    numbers = rng().standard_normal(3)
    expected = [[0, numbers[0], numbers[1]], [numbers[0], 0, numbers[2]], [numbers[1], numbers[2], 0]]
    assert np.array_equal(disorder.symmetric_gaussian(rng(), 3), expected)


def test_bloch_angles() -> None:
    """Every Cartesian component of a direction on the sphere is uniform on (-1, 1)."""
    theta, phi = disorder.bloch_angles(rng(), N)
    assert theta.min() >= 0.0
    assert theta.max() <= np.pi
    assert phi.min() >= 0.0
    assert phi.max() < 2 * np.pi
    for component in (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)):
        assert_moments(component, 0.0, 1 / 3, 1 / 5)


def test_positions() -> None:
    position = disorder.positions(rng(), N)
    assert position.shape == (N, 3)
    for component in position.T:
        assert_moments(component, 1 / 2, 1 / 12, 1 / 80)


def test_minimum_image_distances() -> None:
    """Reference: the shortest of the distances to the 27 nearest images."""
    side = 3.0
    position = side * disorder.positions(rng(), 20)
    shifts = side * np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])
    separation = position[:, None, None] - position[None, :, None] + shifts
    expected = np.sqrt((separation**2).sum(axis=-1)).min(axis=-1)
    found = disorder.minimum_image_distances(position, side)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert np.array_equal(found, found.T)


def test_neighbours_across_the_boundary() -> None:
    distance = disorder.minimum_image_distances(np.array([[0.1, 0.5, 0.5], [1.9, 0.5, 0.5]]), 2.0)
    assert distance[0, 1] == pytest.approx(0.2, rel=1e-14)
