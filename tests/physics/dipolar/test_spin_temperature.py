"""Spin temperatures: those that are known, SciPy's root of the same equations, and means that no state has."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import root

from ensemble.errors import ConvergenceError
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.resonance import population_lines
from ensemble.models.driven_spins.kernels.spin_temperature import SpinTemperature, matched
from tests.support.reference import dense_spins

Array = NDArray[np.float64]


def populations(basis: Eigenbasis, beta: float, mu: float) -> Array:
    exponents = -beta * basis.energy + mu * basis.magnetization
    weights = np.exp(exponents - exponents.max())
    return np.asarray(weights / weights.sum())


def matching(basis: Eigenbasis, p: Array) -> SpinTemperature:
    """The spin temperature of a state with these populations."""
    return matched(basis.energy, basis.magnetization, float(p @ basis.energy), float(p @ basis.magnetization))


def misses(basis: Eigenbasis, p: Array, found: SpinTemperature) -> tuple[float, float]:
    """By how much the means differ, in the largest energy and magnetization there are."""
    difference = found.populations - p
    energy, magnetization = basis.energy, basis.magnetization
    return (
        float(abs(difference @ energy) / abs(energy).max()),
        float(abs(difference @ magnetization) / magnetization.max()),
    )


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(2, 7), beta=st.floats(-0.1, 0.1), polarization=st.floats(-0.95, 0.95)
)
def test_recovers_what_is_known(seed: int, n: int, beta: float, polarization: float) -> None:
    """Temperatures of either sign, up to five times colder than a drive makes the spins, at any polarization."""
    basis = Eigenbasis.of(*dense_spins.drawn(seed, n))
    mu = 2 * math.atanh(polarization)
    p = populations(basis, beta, mu)
    found = matching(basis, p)
    assert max(misses(basis, p, found)) < 4e-15
    np.testing.assert_allclose(found.populations, p, rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0023, 0.0049, 0.0113, 0.0272])
@pytest.mark.parametrize("field", [-1.33, -2.99, -6.6, -11.96])
def test_recovers_what_drives_lead_to(beta: float, field: float) -> None:
    basis = Eigenbasis.of(*dense_spins.drawn(8, 8))
    found = matching(basis, populations(basis, beta, beta * 2 * np.pi * field))
    assert found.inverse_temperature == pytest.approx(beta, rel=1e-12)
    assert found.field == pytest.approx(2 * np.pi * field, rel=1e-12)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_root_of_the_two_equations(n: int) -> None:
    """Reference: SciPy's root from a start nearby, for a state that is far from any spin temperature."""
    basis = Eigenbasis.of(*dense_spins.drawn(n, n))
    p = np.random.default_rng(n).dirichlet(np.ones(2**n))
    moments = np.stack([basis.energy, basis.magnetization])
    found = matching(basis, p)

    def missed(at: Array) -> Array:
        return np.asarray(moments @ (populations(basis, *at.tolist()) - p))

    solution = root(missed, [found.inverse_temperature + 0.01, found.mu + 0.05], tol=1e-13)
    assert solution.success
    assert solution.x == pytest.approx([found.inverse_temperature, found.mu], rel=1e-9)
    assert max(misses(basis, p, found)) < 4e-15


def test_a_bath_without_a_drive() -> None:
    """exp(-β ω_e S^z) is reached at once: infinite temperature of the spins among themselves, in an infinite field."""
    basis = Eigenbasis.of(*dense_spins.drawn(1, 5))
    found = matching(basis, populations(basis, 0.0, -3.7554077))
    assert found.inverse_temperature == pytest.approx(0.0, abs=1e-15)
    assert found.mu == pytest.approx(-3.7554077, rel=1e-14)
    assert SpinTemperature(0.0, -1.0, np.ones(1)).field == -math.inf


@pytest.mark.parametrize(("beta", "field"), [(0.0049, -6.6), (0.0272, -1.33), (-0.02, 3.0)])
def test_the_line_shape(beta: float, field: float) -> None:
    """Line by line, the signal is -tanh(β_s (ν - (h - ω_e)) / 2) of that with the anticommutator."""
    basis = Eigenbasis.of(*dense_spins.drawn(6, 6))
    found = matching(basis, populations(basis, beta, beta * 2 * np.pi * field))
    lines = population_lines(basis, found.populations)
    expected = -np.tanh(found.inverse_temperature * (lines.frequency - found.field) / 2) * lines.anticommutator
    np.testing.assert_allclose(lines.commutator, expected, rtol=0, atol=1e-16)


@pytest.mark.parametrize(
    ("energy", "magnetization"), [(1e3, 0.0), (-1e3, 0.0), (0.0, 1.5), (0.0, -2.5), (math.nan, 0.0), (0.0, math.nan)]
)
def test_means_that_no_state_has(energy: float, magnetization: float) -> None:
    basis = Eigenbasis.of(*dense_spins.drawn(2, 3))
    with pytest.raises(ConvergenceError, match="one spin temperature must give these 8 levels the energy") as told:
        matched(basis.energy, basis.magnetization, energy, magnetization)
    assert isinstance(told.value, ArithmeticError)
    assert told.value.exit_code == 1


def test_one_spin_has_no_temperature_beside_its_field() -> None:
    basis = Eigenbasis.of(np.array([3.0]), np.zeros((1, 1)))
    with pytest.raises(ConvergenceError, match="not a function of their magnetization"):
        matching(basis, np.array([0.6, 0.4]))
