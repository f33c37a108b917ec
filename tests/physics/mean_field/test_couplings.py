"""Couplings against plain sums over images, and fields of many random dipoles against the law that they obey."""

import math

import numpy as np
import pytest

from ensemble.models.mean_field.kernels.box import side
from ensemble.models.mean_field.kernels.couplings import coulomb, dipolar
from ensemble.models.mean_field.kernels.self_consistent import fields
from ensemble.physics.disorder import symmetric
from tests.support.reference.localized import images

SIZES = [2, 3, 63, 64, 65, 130]


def off_diagonal(n: int) -> np.ndarray:
    return ~np.eye(n, dtype=bool)


@pytest.mark.parametrize("n", SIZES)
def test_dipolar(n: int) -> None:
    """Reference: the nearest of 27 images of each point, and all pairs drawn in one go by a generator like it."""
    position = np.random.default_rng(n).random((n, 3))
    found = dipolar(position, 4.0, 0.7, np.random.default_rng(n + 1))
    pairs = symmetric(np.random.default_rng(n + 1).standard_normal(n * (n - 1) // 2), n)
    apart = off_diagonal(n)
    np.testing.assert_allclose(found[apart], 0.7 * pairs[apart] / images(position, 4.0)[apart] ** 3, rtol=1e-13)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


@pytest.mark.parametrize("n", SIZES)
def test_coulomb(n: int) -> None:
    """Reference: the nearest of 9 images of each point."""
    position = np.random.default_rng(n).random((n, 2))
    found = coulomb(position, 4.0, -0.5)
    apart = off_diagonal(n)
    np.testing.assert_allclose(found[apart], -0.5 / images(position, 4.0)[apart], rtol=1e-13)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


@pytest.mark.parametrize("n", SIZES)
def test_as_many_numbers_are_drawn_as_there_are_pairs(n: int) -> None:
    """Reference: what a generator like it draws after so many."""
    one, other = np.random.default_rng(n), np.random.default_rng(n)
    dipolar(np.random.default_rng(0).random((n, 3)), 1.0, 1.0, one)
    other.standard_normal(n * (n - 1) // 2)
    assert one.random() == other.random()


def test_units() -> None:
    """Twice the side is an eighth or a half, four times the strength is four times as much, to the last bit."""
    position = np.random.default_rng(5).random((20, 3))
    one, other = (dipolar(position, length, 1.0, np.random.default_rng(1)) for length in (3.0, 6.0))
    assert np.array_equal(one, 8 * other)
    assert np.array_equal(4 * one, dipolar(position, 3.0, 4.0, np.random.default_rng(1)))
    plane = position[:, :2].copy()
    assert np.array_equal(coulomb(plane, 3.0, 1.0), 2 * coulomb(plane, 6.0, 1.0))


def test_no_coupling() -> None:
    position = np.random.default_rng(5).random((5, 3))
    assert not dipolar(position, 1.0, 0.0, np.random.default_rng(0)).any()
    assert not coulomb(position[:, :2].copy(), 1.0, 0.0).any()


def test_fields_of_random_dipoles() -> None:
    """At density 1 and c = 1/2 they are Cauchy, with median (π²/3) √(2/π) of their size, and 6.35 % beyond ten medians.

    The density of couplings above k is (4π/3) <|g|> c / k for each dipole, which a Cauchy law of width π/2 times that
    has. Medians and tails of 60 samples, within four standard errors of their means.
    """
    n, samples = 500, 60
    expected = math.pi**2 / 3 * math.sqrt(2 / math.pi)
    rng = np.random.default_rng(2017)
    sizes = np.empty((samples, n))
    for sample in sizes:
        coupling = dipolar(rng.random((n, 3)), side("density", n, 3), 0.5, rng)
        sample[:] = np.abs(fields(coupling, rng.choice([-1.0, 1.0], n)))
    medians, tails = np.median(sizes, axis=1), (sizes > 10 * expected).mean(axis=1)
    for values, known in ((medians, expected), (tails, 1 - 2 / math.pi * math.atan(10))):
        assert values.mean() == pytest.approx(known, abs=4 * values.std(ddof=1) / math.sqrt(samples))
    assert medians.std() / math.sqrt(samples) < 0.05 * expected
