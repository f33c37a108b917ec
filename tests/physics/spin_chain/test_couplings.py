"""Couplings on a ring against plain loops over pairs, and the fields that they make against sums over distances."""

import math

import numpy as np
import pytest
from scipy.special import zeta

from ensemble.models.spin_glass.kernels.couplings import DISTANCES, ring, separations, variance
from ensemble.models.spin_glass.kernels.relaxation import fields
from tests.support.reference import plain_chain

SIZES = [2, 3, 10, 63, 64, 65, 130]
BOTH = pytest.mark.parametrize("distance", DISTANCES)


@BOTH
@pytest.mark.parametrize("length", SIZES)
def test_couplings(length: int, distance: str) -> None:
    """Reference: distances pair by pair, along a circle or between points on it, and all pairs drawn in one go."""
    found = ring(length, 0.7, distance, np.random.default_rng(length))
    expected = plain_chain.couplings(length, 0.7, distance, np.random.default_rng(length))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


@pytest.mark.parametrize("length", SIZES)
def test_as_many_numbers_are_drawn_as_there_are_pairs(length: int) -> None:
    """Reference: what a generator like it draws after so many."""
    one, other = np.random.default_rng(length), np.random.default_rng(length)
    ring(length, 1.0, "ring", one)
    other.standard_normal(length * (length - 1) // 2)
    assert one.random() == other.random()


@BOTH
def test_all_powers_have_the_same_numbers(distance: str) -> None:
    """J(α) d^α does not depend on α."""
    apart = separations(50, distance)[np.abs(np.subtract.outer(np.arange(50), np.arange(50)))]
    one, other = (apart**alpha * ring(50, alpha, distance, np.random.default_rng(1)) for alpha in (0.6, 3.0))
    np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.6, 0.7, 0.8, 0.9])
@BOTH
def test_fields_of_random_spins(distance: str, alpha: float) -> None:
    """<φ²> = Σ_d d^(-2α) for every length, and those of neighbours know nothing of each other: within four errors."""
    length, samples = 150, 400
    rng = np.random.default_rng(2017)
    expected = sum(
        (min(d, length - d) if distance == "ring" else length / math.pi * math.sin(math.pi * d / length))
        ** (-2 * alpha)
        for d in range(1, length)
    )
    assert variance(length, alpha, distance) == pytest.approx(expected, rel=1e-12)
    squares, products = np.empty(samples), np.empty(samples)
    for sample in range(samples):
        field = fields(ring(length, alpha, distance, rng), rng.choice([-1.0, 1.0], length))
        squares[sample], products[sample] = np.mean(field**2), np.mean(field * np.roll(field, 1))
    for values, known in ((squares, expected), (products, 0.0)):
        error = values.std(ddof=1) / math.sqrt(samples)
        assert error < 0.02 * expected
        assert values.mean() == pytest.approx(known, abs=4 * error)


@pytest.mark.parametrize(
    ("alpha", "limit", "of_200", "of_1000"),
    [
        (0.6, 11.183, 7.202, 8.298),
        (0.7, 6.2111, 5.419, 5.795),
        (0.8, 4.5715, 4.361, 4.491),
        (0.9, 3.7645, 3.702, 3.747),
    ],
)
def test_how_they_converge(alpha: float, limit: float, of_200: float, of_1000: float) -> None:
    """Reference: numbers of an independent implementation; towards 2 ζ(2α) the rest is 2 (L/2)^(1-2α) / (2α-1)."""
    assert 2 * zeta(2 * alpha) == pytest.approx(limit, abs=1e-3)
    assert variance(200, alpha, "ring") == pytest.approx(of_200, abs=1e-3)
    assert variance(1000, alpha, "ring") == pytest.approx(of_1000, abs=1e-3)
    rest = 2 * zeta(2 * alpha) - variance(10**6, alpha, "ring")
    assert rest == pytest.approx(2 * 5e5 ** (1 - 2 * alpha) / (2 * alpha - 1), rel=1e-4)
