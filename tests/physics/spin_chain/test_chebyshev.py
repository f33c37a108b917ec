"""Polynomials of H applied to vectors, against those of its matrix."""

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.chebyshev import IDENTITY, moments, polynomial
from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.sectors import Sector

Array = NDArray[np.float64]


@pytest.fixture(params=[(1, 1), (2, -1), (7, 1), (7, -1)], ids=str)
def sector(request: pytest.FixtureRequest) -> Sector:
    """With levels between -1 and 1."""
    length, parity = request.param
    whole = Sector.of(ring(length, 0.7, "ring", np.random.default_rng(1)), 0.4, parity)
    width = 1.01 * np.abs(np.linalg.eigvalsh(whole.dense())).max()
    return Sector(parity, whole.diagonal / width, whole.transverse / width)


@pytest.mark.parametrize("count", [2, 3, 4, 41])
def test_polynomials(sector: Sector, count: int) -> None:
    """Reference: NumPy's polynomials at the levels of the matrix."""
    rng = np.random.default_rng(2)
    vector, coefficients = rng.standard_normal(len(sector)), rng.standard_normal(count)
    energy, states = np.linalg.eigh(sector.dense())
    expected = states @ (chebval(energy, coefficients) * (states.T @ vector))
    kept = vector.copy()
    np.testing.assert_allclose(polynomial(sector, vector, coefficients), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(polynomial(sector, vector, IDENTITY), sector.dense() @ vector, rtol=0, atol=1e-14)
    assert np.array_equal(vector, kept)


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_moments(sector: Sector, count: int) -> None:
    vector = np.random.default_rng(3).standard_normal(len(sector))
    found = moments(sector, vector, count)
    expected = [vector @ polynomial(sector, vector, np.eye(count + 2)[k]) for k in range(count)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
