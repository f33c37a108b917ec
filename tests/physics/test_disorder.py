"""The laws of the draws, on fixed seeds with bounds of five standard errors, and the geometry of the box."""

from itertools import product

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


def test_gaussian() -> None:
    x = disorder.gaussian(rng(), 20_000, 6)
    assert x.shape == (20_000, 6)
    assert_moments(x.ravel(), 0.0, 1.0, 3.0)


def test_symmetric_matrices_are_filled_row_after_row() -> None:
    expected = [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]
    assert np.array_equal(disorder.symmetric(np.arange(1.0, 7.0), 4), expected)


def test_azimuths() -> None:
    phi = disorder.azimuths(rng(), N)
    assert phi.min() >= 0.0
    assert phi.max() < 2 * np.pi
    assert_moments(phi, np.pi, (2 * np.pi) ** 2 / 12, (2 * np.pi) ** 4 / 80)


def test_positions() -> None:
    position = disorder.positions(rng(), N)
    assert position.shape == (N, 3)
    for component in position.T:
        assert_moments(component, 1 / 2, 1 / 12, 1 / 80)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_minimum_images(d: int) -> None:
    """Reference: the shortest of the separations to the 3^d nearest images."""
    side = 3.0
    position = side * disorder.positions(rng(), 20)[:, :d]
    shifts = side * np.array(list(product((-1, 0, 1), repeat=d)))
    images = position[:, None, None] - position[None, :, None] + shifts
    lengths = np.sqrt((images**2).sum(axis=-1))
    found = disorder.minimum_image_distances(position, side)
    np.testing.assert_allclose(found, lengths.min(axis=-1), rtol=1e-13, atol=1e-15)
    assert np.array_equal(found, found.T)
    nearest = np.take_along_axis(images, lengths.argmin(axis=-1)[..., None, None], axis=2)[:, :, 0]
    separation = disorder.minimum_image_separations(position, side)
    np.testing.assert_allclose(separation, nearest, rtol=0, atol=1e-15)
    assert np.array_equal(separation, -separation.transpose(1, 0, 2))


def test_neighbours_across_the_boundary() -> None:
    distance = disorder.minimum_image_distances(np.array([[0.1, 0.5, 0.5], [1.9, 0.5, 0.5]]), 2.0)
    assert distance[0, 1] == pytest.approx(0.2, rel=1e-14)
