"""Rates of two-level systems: bounds, mpmath, detailed balance, and the derivative of the equation that they solve."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from ensemble.errors import ConvergenceError
from ensemble.models.mean_field.kernels import tunnelling
from ensemble.models.mean_field.kernels.histogram import density
from tests.support.reference.exact_spectrum import eigenvalues, exact, relative_errors
from tests.support.reference.localized import Glass

Array = NDArray[np.float64]

SMALLEST, LARGEST = 1e-7, 1e-1


def amplitudes(seed: int, n: int, smallest: float = SMALLEST) -> Array:
    """Log-uniform."""
    found: Array = smallest * (LARGEST / smallest) ** np.random.default_rng(seed).random(n)
    return found


def rate_matrix(x: Array, amplitude: Array, glass: Glass) -> Array:
    """B of the docstring of the module: λ_i δ_ij - λ_i g_i K_ij."""
    energy = tunnelling.energies(x, amplitude)
    alone = tunnelling.rates(energy, amplitude, glass.temperature)
    following = tunnelling.susceptibilities(x, energy, glass.temperature)
    return np.diag(alone) - (alone * following)[:, None] * glass.coupling


def exact_rates(x: Array, amplitude: Array, glass: Glass, digits: int) -> list[mpmath.mpf]:
    """Eigenvalues of the symmetric matrix that B is similar to."""

    def matrix() -> mpmath.matrix:
        n, T, K = len(x), mpmath.mpf(glass.temperature), exact(glass.coupling)
        alone, scale = [], []
        for each, Δ0 in zip(x.tolist(), amplitude.tolist(), strict=True):
            E = mpmath.sqrt(mpmath.mpf(each) ** 2 + mpmath.mpf(Δ0) ** 2)
            alone.append(mpmath.mpf(Δ0) ** 2 * E * mpmath.coth(E / (2 * T)))
            g = abs(mpmath.mpf(each)) / E / (2 * T * mpmath.cosh(E / (2 * T)) ** 2)
            scale.append(mpmath.sqrt(alone[-1] * g))
        return mpmath.matrix(
            [[(alone[i] if i == j else 0) - scale[i] * K[i, j] * scale[j] for j in range(n)] for i in range(n)]
        )

    return eigenvalues(matrix, digits)


energies = st.floats(-100, 100)
temperatures = st.floats(1e-3, 1e3)


@given(energies, st.floats(SMALLEST, LARGEST))
def test_energies(x: float, amplitude: float) -> None:
    """√(x² + Δ0²) with the sign of x."""
    (energy,) = tunnelling.energies(np.array([x]), np.array([amplitude]))
    assert abs(energy) == pytest.approx(math.sqrt(x * x + amplitude * amplitude), rel=1e-15)
    assert energy * x >= 0


@given(energies, temperatures)
def test_bounds(energy: float, temperature: float) -> None:
    """2T <= E coth(E / 2T) <= |E| + 2T, so that no rate is below 2T Δ0²."""
    (factor,) = tunnelling.thermal_factors(np.array([energy]), temperature)
    assert 2 * temperature * (1 - 1e-15) <= factor <= (abs(energy) + 2 * temperature) * (1 + 1e-15)
    (rate,) = tunnelling.rates(np.array([energy]), np.array([0.1]), temperature)
    assert rate == pytest.approx(0.01 * factor, rel=1e-15)


@pytest.mark.parametrize("ratio", [0.0, 1e-300, 1e-20, 1e-9, 1e-4, 0.01, 0.3, 1.0, 5.0, 18.0, 40.0, 800.0, 1e20, 1e300])
@pytest.mark.parametrize("temperature", [0.05, 3.0])
def test_thermal_factors(ratio: float, temperature: float) -> None:
    """Reference: mpmath, with E / 2T as it is; its limit 2T at E = 0."""
    energy = ratio * 2 * temperature
    half = mpmath.mpf(energy) / (2 * mpmath.mpf(temperature))
    expected = abs(energy) * mpmath.coth(half) if energy else 2 * temperature
    found = tunnelling.thermal_factors(np.array([energy, -energy]), temperature)
    np.testing.assert_allclose(found, float(expected), rtol=5e-16)


@pytest.mark.parametrize("temperature", [1e-300, 1e-200, 1e200])
def test_extreme_temperatures(temperature: float) -> None:
    """Y is |E| where it is cold, and 2T where it is hot; nobody follows its field."""
    energy = np.array([-2.0, 1e-3, 0.5])
    found = tunnelling.thermal_factors(energy, temperature)
    np.testing.assert_allclose(found, np.maximum(np.abs(energy), 2 * temperature), rtol=1e-15)
    following = tunnelling.susceptibilities(energy, energy, temperature)
    np.testing.assert_allclose(following, 0.5 / temperature if temperature > 1 else 0.0, rtol=1e-15)


@given(energies.filter(lambda energy: abs(energy) > 1e-9), temperatures)
def test_detailed_balance(energy: float, temperature: float) -> None:
    """Reference: up Δ0² E N(E) and down Δ0² E (N(E) + 1) with phonons N, whatever the sign of E.

    Down minus up is Δ0² E, so that dσ/dt = -λ σ - Δ0² E comes to rest at σ = -tanh(E / 2T).
    """
    (rate,) = tunnelling.rates(np.array([energy]), np.array([0.1]), temperature)
    exponent = mpmath.mpf(energy) / temperature
    up, down = (mpmath.mpf(0.1) ** 2 * energy / each for each in (mpmath.expm1(exponent), -mpmath.expm1(-exponent)))
    assert up > 0
    assert down > 0
    assert rate == pytest.approx(float(up + down), rel=1e-14)
    assert float((up - down) / (up + down)) == pytest.approx(-math.tanh(energy / (2 * temperature)), rel=1e-13)


@pytest.mark.parametrize("temperature", [0.01, 0.1, 10.0])
def test_susceptibilities(temperature: float) -> None:
    """Reference: the derivative of tanh(E(x) / 2T) with 300 digits; never negative."""
    x, amplitude = np.random.default_rng(3).standard_normal(30), amplitudes(4, 30)
    found = tunnelling.susceptibilities(x, tunnelling.energies(x, amplitude), temperature)
    with mpmath.workdps(300):
        for each, Δ0, value in zip(x.tolist(), amplitude.tolist(), found, strict=True):
            sign = 1 if each > 0 else -1
            expected = mpmath.diff(
                lambda x, sign=sign, Δ0=Δ0: mpmath.tanh(sign * mpmath.sqrt(x * x + Δ0**2) / (2 * temperature)), each
            )
            assert float(value) == pytest.approx(float(expected), rel=1e-12, abs=1e-300)
            assert value >= 0


@pytest.mark.parametrize(("temperature", "c"), [(0.1, 0.5), (0.1, 0.25), (1.0, 0.5)])
def test_the_whole_matrix(temperature: float, c: float) -> None:
    """Reference: differences, with 300 digits, of what each average does in the field of all the others.

    dσ_i/dt = -λ_i σ_i - Δ0_i² E_i with λ_i and E_i of x_i = local_i - Σ K_ij σ_j, at rest at σ_i = -tanh(E_i / 2T).
    """
    n = 8
    glass, amplitude = Glass.of_tls(7, n, temperature, c=c), amplitudes(8, n)
    x = glass.solved().x
    found = rate_matrix(x, amplitude, glass)
    with mpmath.workdps(300):
        coupling, T, Δ0 = exact(glass.coupling), mpmath.mpf(temperature), [mpmath.mpf(each) for each in amplitude]

        def signed(field: mpmath.matrix) -> list[mpmath.mpf]:
            return [mpmath.sign(each) * mpmath.sqrt(each**2 + Δ**2) for each, Δ in zip(field, Δ0, strict=True)]

        rest = mpmath.matrix([-mpmath.tanh(E / (2 * T)) for E in signed(exact(x))])
        local = exact(x) + coupling * rest

        def speed(σ: mpmath.matrix) -> mpmath.matrix:
            energy = signed(local - coupling * σ)
            each = zip(Δ0, energy, σ, strict=True)
            return mpmath.matrix([-(Δ**2) * E * (s * mpmath.coth(E / (2 * T)) + 1) for Δ, E, s in each])

        assert mpmath.norm(speed(rest), mpmath.inf) < 1e-290
        unit, step = mpmath.eye(n), mpmath.mpf(10) ** -140
        for j in range(n):
            slope = (speed(rest + step * unit[:, j]) - speed(rest - step * unit[:, j])) / (2 * step)
            np.testing.assert_allclose(-found[:, j], [float(each) for each in slope], rtol=1e-12, atol=1e-120)
    assert np.count_nonzero(found) > n * n / 2


@pytest.mark.parametrize(("temperature", "c"), [(0.1, 0.5), (0.1, 0.25), (1.0, 0.5), (0.02, 0.5)])
def test_coupled_rates(temperature: float, c: float) -> None:
    """Reference: mpmath with 60 digits. Rates span 12 decades, and each of them is right to 1e-13."""
    glass, amplitude = Glass.of_tls(11, 24, temperature, c=c), amplitudes(12, 24)
    x = glass.solved().x
    found = tunnelling.coupled_rates(x, amplitude, glass.coupling, temperature)
    assert relative_errors(found, exact_rates(x, amplitude, glass, 60)).max() < 1e-13
    assert found[-1] / found[0] > 1e8


def test_coupled_rates_of_the_nonsymmetric_matrix() -> None:
    """Reference: NumPy's eigenvalues of B, for amplitudes that are not too different for it; they are all real."""
    glass, amplitude = Glass.of_tls(13, 120, 0.2), amplitudes(14, 120, smallest=1e-2)
    x = glass.solved().x
    expected = np.linalg.eigvals(rate_matrix(x, amplitude, glass))
    found = tunnelling.coupled_rates(x, amplitude, glass.coupling, 0.2)
    assert np.abs(expected.imag).max() < 1e-9 * np.abs(expected).max()
    np.testing.assert_allclose(found, np.sort(expected.real), rtol=1e-8)
    alone = np.sort(tunnelling.rates(tunnelling.energies(x, amplitude), amplitude, 0.2))
    assert np.abs(found / alone - 1).max() > 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_coupled_rates_are_positive(seed: int) -> None:
    """Where energies are a solution, there is no way down from it."""
    glass, amplitude = Glass.of_tls(seed, 200, 0.1), amplitudes(seed, 200)
    found = tunnelling.coupled_rates(glass.solved().x, amplitude, glass.coupling, 0.1)
    assert found.shape == (200,)
    assert np.all(np.diff(found) >= 0)
    assert found[0] > 0


def test_without_couplings() -> None:
    """Rates are those of each alone."""
    x, amplitude = np.random.default_rng(1).standard_normal(50), amplitudes(2, 50)
    alone = tunnelling.rates(tunnelling.energies(x, amplitude), amplitude, 0.1)
    for coupling in (0.0, 1e-20):
        found = tunnelling.coupled_rates(x, amplitude, coupling * (1 - np.eye(50)), 0.1)
        np.testing.assert_allclose(found, np.sort(alone), rtol=1e-14)


def test_energies_that_are_no_minimum() -> None:
    """Of two that want to be alike, both at zero."""
    x, amplitude = np.array([1e-3, 1e-3]), np.array([1e-6, 1e-6])
    with pytest.raises(ConvergenceError, match="minimum of the free energy"):
        tunnelling.coupled_rates(x, amplitude, np.array([[0.0, 1.0], [1.0, 0.0]]), 0.1)


@pytest.mark.parametrize("t", [0.0, 1e-3, 1.0, 1e3, 1e6, 1e10, 1e14, 1e20])
def test_averaged_relaxation(t: float) -> None:
    """Reference: quadrature over the logarithm of the amplitude."""
    factors = np.array([0.1, 1.0, 7.0])
    span = math.log(LARGEST / SMALLEST)

    def averaged(factor: float) -> float:
        def left(exponent: float) -> float:
            return math.exp(-((SMALLEST * math.exp(exponent)) ** 2) * factor * t)

        edge = [0.5 * math.log(1 / (factor * t)) - math.log(SMALLEST)] if t else []
        found: float = quad(left, 0, span, points=[each for each in edge if 0 < each < span] or None, limit=200)[0]
        return found / span

    expected = np.mean([averaged(factor) for factor in factors.tolist()])
    found = tunnelling.averaged_relaxation(np.array([t]), factors, SMALLEST, LARGEST)
    assert found.shape == (1,)
    assert found[0] == pytest.approx(expected, abs=1e-9)


def test_logarithmic_relaxation() -> None:
    """Between both rates it is what is averaged, but for the part λ_min t that has gone of the slowest."""
    t, factor = np.geomspace(1e5, 1e12, 20), 0.7
    slowest, span = SMALLEST**2 * factor, 2 * math.log(LARGEST / SMALLEST)
    averaged = tunnelling.averaged_relaxation(t, np.array([factor]), SMALLEST, LARGEST)
    difference = averaged - tunnelling.logarithmic_relaxation(t, slowest, span)
    assert np.all(np.abs(difference) <= slowest * t / span + 1e-12)
    assert tunnelling.logarithmic_relaxation(np.array([0.0]), slowest, span) == np.inf


def test_the_plateau() -> None:
    """Amplitudes log-uniform over six decades: log10 λ has density 1 / 12 where energies do not reach.

    Reference: the binomial law of 400,000 rates in each of 20 bins, within four and a half standard errors.
    """
    n, low, high = 400_000, -11.5, -3.5
    rng = np.random.default_rng(36191)
    amplitude = SMALLEST * (LARGEST / SMALLEST) ** rng.random(n)
    energy = tunnelling.energies(3 * rng.standard_cauchy(n).clip(-100, 100), amplitude)
    found = density(np.log10(tunnelling.rates(energy, amplitude, 0.1)), low, high, 20)
    width = (high - low) / 20
    part = width / 12
    np.testing.assert_allclose(found * width, part, rtol=0, atol=4.5 * math.sqrt(part * (1 - part) / n))
