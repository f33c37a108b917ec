"""Lines of the resonance against the time evolution of dense operators, sum rules and the thermal state."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.resonance import Lines, lines, population_lines
from tests.support.reference import dense_spins

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def without_coherences_between_sectors(basis: Eigenbasis, rho: ComplexArray) -> ComplexArray:
    kept = np.zeros_like(rho)
    for part in basis.sectors.parts:
        kept[part, part] = rho[part, part]
    return kept


def held(rho: ComplexArray) -> Array:
    """X of a Hermitian matrix."""
    return rho.real + rho.imag


def signals(found: Lines, tau: float) -> tuple[complex, complex]:
    turned = np.exp(1j * found.frequency * tau)
    return complex(found.commutator @ turned), complex(found.anticommutator @ turned)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_time_evolution(n: int) -> None:
    """Reference: mean over i of Tr{S_i^+(τ) [S_i^-, ρ]} with S^+(τ) = exp(i H' τ) S^+ exp(-i H' τ), all dense."""
    frequency, coupling = dense_spins.drawn(n, n)
    basis = Eigenbasis.of(frequency, coupling)
    rho = dense_spins.random_state(n, 2**n)
    states = dense_spins.eigenstates(basis)
    dense = states @ without_coherences_between_sectors(basis, rho) @ states.T
    hamiltonian = dense_spins.hamiltonian(frequency, coupling)
    found = lines(basis, held(rho))
    for tau in (0.0, 0.07, 0.31, 2.0):
        evolution = expm(1j * hamiltonian * tau)
        commutator = anticommutator = 0j
        for raising in dense_spins.raising(n):
            evolved = evolution @ raising @ evolution.conj().T
            commutator += np.trace(evolved @ (raising.T @ dense - dense @ raising.T)) / n
            anticommutator += np.trace(evolved @ (raising.T @ dense + dense @ raising.T)) / n
        assert signals(found, tau) == pytest.approx((commutator, anticommutator), abs=2e-14)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_sums(n: int) -> None:
    """Σ c = 2 Tr(ρ S^z) / N, Σ c⁺ = 1, as many lines as pairs of neighbouring levels."""
    basis = Eigenbasis.of(*dense_spins.drawn(n, n))
    rho = dense_spins.random_state(n, 2**n)
    found = lines(basis, held(rho))
    polarization = 2 * basis.magnetization @ rho.diagonal().real / n
    assert complex(found.commutator.sum()) == pytest.approx(polarization, abs=1e-14)
    assert complex(found.anticommutator.sum()) == pytest.approx(1.0, abs=1e-14)
    assert len(found.frequency) == math.comb(2 * n, n + 1)
    assert np.abs(found.commutator.imag).max() > 1e-6


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_populations_alone(n: int) -> None:
    """The general way finds the same for a diagonal state, without an imaginary part."""
    basis = Eigenbasis.of(*dense_spins.drawn(n + 10, n))
    populations = np.random.default_rng(n).dirichlet(np.ones(2**n))
    fast, general = population_lines(basis, populations), lines(basis, np.diag(populations))
    assert np.array_equal(fast.frequency, general.frequency)
    np.testing.assert_allclose(general.commutator, fast.commutator, rtol=0, atol=1e-16)
    np.testing.assert_allclose(general.anticommutator, fast.anticommutator, rtol=0, atol=1e-16)
    assert np.all(fast.anticommutator >= abs(fast.commutator))


@pytest.mark.parametrize("gap", [0.3755408, 3.7554077])
def test_spins_that_are_thermal_in_the_field_alone(gap: float) -> None:
    """exp(-β ω_e S^z): every line has the polarization -tanh(β ω_e / 2), whatever the couplings."""
    basis = Eigenbasis.of(*dense_spins.drawn(6, 6))
    weights = np.exp(-gap * basis.magnetization)
    found = population_lines(basis, weights / weights.sum())
    np.testing.assert_allclose(found.commutator, -math.tanh(gap / 2) * found.anticommutator, rtol=0, atol=1e-16)
    assert found.commutator.sum() == pytest.approx(-math.tanh(gap / 2), abs=1e-14)


def test_spins_that_do_not_interact() -> None:
    """Each is one line at its own Δ_i, of weight 2 <S_i^z> / N: all that is left of the sum over the others."""
    frequency = np.array([-9.0, 1.0, 4.0])
    basis = Eigenbasis.of(frequency, np.zeros((3, 3)))
    rho = without_coherences_between_sectors(basis, dense_spins.random_state(5, 8))
    found = lines(basis, held(rho))
    polarizations = 2 * basis.spin.T @ rho.diagonal().real
    for delta, polarization in zip(frequency, polarizations, strict=True):
        here = abs(found.frequency - delta) < 1e-9
        assert complex(found.commutator[here].sum()) == pytest.approx(polarization / 3, abs=1e-15)
        assert complex(found.anticommutator[here].sum()) == pytest.approx(1 / 3, abs=1e-15)
