"""Spectra of lines against the sum of Faddeeva functions, 40-digit integrals over time, and areas."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import wofz

from ensemble.physics.spectral_lines import gaussian_spectrum

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

GRID = np.linspace(-60.0, 60.0, 401)


def direct(frequency: Array, weight: Array | ComplexArray, width: float, grid: Array) -> Array:
    """Reference: SciPy's Faddeeva function of each line at each place."""
    kernel = wofz((frequency[:, None] - grid) / (width * np.sqrt(2))) / (width * np.sqrt(2 * np.pi))
    return np.asarray((weight @ kernel).real)


def drawn(seed: int, lines: int, spread: float = 20.0) -> tuple[Array, ComplexArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, spread, lines), rng.standard_normal((lines, 2)).view(np.complex128)[:, 0]


@pytest.mark.parametrize("width", [0.2, 0.63, 7.0])
@pytest.mark.parametrize("lines", [1, 2, 30, 3000])
def test_the_sum_of_faddeeva_functions(lines: int, width: float) -> None:
    """Reference: the direct sum, to 1e-12 of the highest point."""
    frequency, weight = drawn(lines, lines)
    turned = np.asarray(1j * weight.real, dtype=np.complex128)
    choices: list[Array | ComplexArray] = [weight, weight.real, np.hypot(weight.real, weight.imag), turned]
    for c in choices:
        expected = direct(frequency, c, width, GRID)
        found = gaussian_spectrum(frequency, c, width, GRID)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * abs(expected).max())


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), lines=st.integers(1, 40), width=st.floats(0.1, 30.0), shift=st.floats(-1e3, 1e3))
def test_any_lines_and_any_grid(seed: int, lines: int, width: float, shift: float) -> None:
    """Grids in any order, beyond all lines or of a single place; what is small is told as exactly as what is large."""
    frequency, weight = drawn(seed, lines)
    grid = shift + np.random.default_rng(seed + 1).uniform(-50.0, 50.0, 1 + seed % 9)
    scale = abs(weight).sum() / width
    expected = direct(frequency, weight, width, grid)
    np.testing.assert_allclose(gaussian_spectrum(frequency, weight, width, grid), expected, rtol=0, atol=1e-13 * scale)


def test_a_real_line_is_a_gaussian() -> None:
    """Reference: the normal density. The grid is centred on the line, next to it, or far away."""
    width, place = 0.7, 3.21
    density = 2.5 * np.exp(-(((GRID - place) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    found = gaussian_spectrum(np.array([place]), np.array([2.5]), width, GRID)
    np.testing.assert_allclose(found, density, rtol=0, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("weight", [1.0, 1j, -0.3 + 0.8j])
def test_the_integral_over_time(weight: complex) -> None:
    """Reference: the definition, Re (c/π) ∫_0^∞ exp(i (ν - ω) t - σ² t²/2) dt, by mpmath with 40 digits."""
    frequency, width, grid = 0.4, 0.63, np.array([-9.0, -0.5, 0.4, 0.41, 2.0, 30.0])
    found = gaussian_spectrum(np.array([frequency]), np.array([weight]), width, grid)
    with mpmath.workdps(40):
        for omega, value in zip(grid.tolist(), found, strict=True):
            turn = mpmath.mpf(frequency) - mpmath.mpf(omega)
            integral = mpmath.quad(
                lambda t, turn=turn: mpmath.exp(mpmath.mpc(-((width * t) ** 2) / 2, turn * t)),
                mpmath.linspace(0, 16 / mpmath.mpf(width), 60),
            )
            assert abs(float((mpmath.mpmathify(weight) * integral).real / mpmath.pi) - value) < 1e-14


def test_the_area_is_the_sum_of_the_real_weights() -> None:
    """∫ f dω = Re Σ c for a grid that is wide and centred: the imaginary part is odd about its line."""
    frequency, weight = drawn(7, 50, spread=5.0)
    width, wide = 0.63, np.arange(-2e4, 2e4, 0.2)
    real = gaussian_spectrum(frequency, weight.real, width, wide).sum() * 0.2
    assert abs(real - weight.real.sum()) < 1e-10
    both = gaussian_spectrum(frequency, weight, width, wide).sum() * 0.2
    assert abs(both - weight.real.sum()) < abs(weight * frequency).sum() / 1e4


def test_spectra_of_the_same_lines_together() -> None:
    """Any shape of weights; together, alone and in part they are the same to the last bit."""
    frequency, weight = drawn(3, 600)
    weights = np.stack([weight, weight.conj(), 1j * weight, weight.real + 0j, weight**2, -weight]).reshape(2, 3, 600)
    together = gaussian_spectrum(frequency, weights, 0.63, GRID)
    assert together.shape == (2, 3, 401)
    for i, j in np.ndindex(2, 3):
        assert np.array_equal(together[i, j], gaussian_spectrum(frequency, weights[i, j], 0.63, GRID))
    assert np.array_equal(together[0], gaussian_spectrum(frequency, weights[0], 0.63, GRID))
    assert np.array_equal(together[1, 0], gaussian_spectrum(frequency, weight.real, 0.63, GRID))


def test_no_lines() -> None:
    assert np.array_equal(gaussian_spectrum(np.empty(0), np.empty((2, 0)), 0.63, GRID), np.zeros((2, 401)))
