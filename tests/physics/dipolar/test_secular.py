"""Rates between eigenstates, against secular jumps written out one by one as dense matrices."""

import numpy as np
import pytest

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.secular import bath_rates, decoherence, drive_rates, secular_populations
from tests.support.reference import dense_spins
from tests.support.reference.driven_spins import (
    BATHS,
    COLD,
    OFFSET,
    STRONG,
    WEAK,
    Array,
    ComplexArray,
    Spins,
    Times,
    drawn,
    liouvillian,
    stationary,
)

temperatures = pytest.mark.parametrize("times", BATHS.values(), ids=BATHS)
sizes = pytest.mark.parametrize("n", [1, 2, 3])


def basis_of(spins: Spins) -> Eigenbasis:
    return Eigenbasis.of(spins.frequency, spins.coupling)


def populations(spins: Spins, times: Times, drive: float) -> Array:
    return secular_populations(basis_of(spins), times.bath, offset=OFFSET, drive=drive)


def between_eigenstates(spins: Spins, generator: ComplexArray) -> ComplexArray:
    """A Liouvillian with four indices: from ρ_kl to ρ_nm, all eigenstates."""
    states = spins.levels[1]
    turned = np.kron(states, states)
    return np.asarray(turned.T @ generator @ turned).reshape((2**spins.size,) * 4)


@temperatures
@sizes
@pytest.mark.parametrize("secular", [False, True], ids=["whole", "secular"])
def test_decay_of_coherences_and_flow_of_populations(n: int, times: Times, secular: bool) -> None:
    """Reference: the dense Liouvillian without a drive, between eigenstates.

    Its diagonal is -(i δ_nm + 1 / T_nm) and its block of populations holds the rates, whichever jumps are taken.
    """
    spins = drawn(n, n)
    basis = basis_of(spins)
    jumps = spins.secular_jumps(times) if secular else spins.jumps(times)
    generator = between_eigenstates(spins, liouvillian(spins.driven(0.0), jumps))
    energy = basis.energy + OFFSET * basis.magnetization
    expected = -1j * (energy[:, None] - energy) - decoherence(basis, times.bath)
    found = np.einsum("nmnm->nm", generator)
    off = ~np.eye(2**n, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=0, atol=1e-13)
    rates = bath_rates(basis, times.bath)
    assert np.all(np.diagonal(rates) == 0.0)
    flow = np.einsum("mmnn->mn", generator)
    np.testing.assert_allclose(flow, rates - np.diag(rates.sum(axis=0)), rtol=0, atol=1e-13)


@temperatures
@pytest.mark.parametrize("n", [2, 3])
def test_weak_drives(n: int, times: Times) -> None:
    """Reference: the null vector of the secular Liouvillian with the drive in it.

    They agree to second order in ω_1, so what they differ by grows with the fourth power.
    """
    spins = drawn(n, n)
    states = spins.levels[1]
    errors = []
    for drive in (0.05 * WEAK, 0.1 * WEAK, 0.2 * WEAK):
        rho = states.T @ stationary(liouvillian(spins.driven(drive), spins.secular_jumps(times))) @ states
        errors.append(np.abs(np.diagonal(rho) - populations(spins, times, drive)).max())
    np.testing.assert_allclose(np.diff(np.log2(errors)), 4.0, rtol=0, atol=0.03)
    assert errors[1] < (1e-4 if times is COLD else 1e-7)


@temperatures
def test_one_spin(times: Times) -> None:
    """P = P0 (1 + d² T2²) / (1 + d² T2² + ω_1² T1 T2) with 1 / T2 = 1 / 2 T1 + 1 / 4 T(0), for any drive."""
    T_2 = 1 / (0.5 / times.T_1 + 0.25 / times.T_0)
    for detuning in (-8.0, -1.0, 0.0, 5.0):
        for drive in (WEAK, STRONG):
            down, up = populations(Spins(np.array([detuning]), np.zeros((1, 1))), times, drive)
            detuned = 1 + ((detuning + OFFSET) * T_2) ** 2
            expected = times.equilibrium * detuned / (detuned + drive**2 * times.T_1 * T_2)
            assert up - down == pytest.approx(expected, rel=1e-13)


@temperatures
@pytest.mark.parametrize("n", [1, 3, 6])
def test_without_a_drive(n: int, times: Times) -> None:
    """exp(-β ω_e S^z) / Z, whatever the couplings."""
    spins = drawn(n, n)
    weights = np.exp(-times.gap * basis_of(spins).magnetization)
    np.testing.assert_allclose(populations(spins, times, 0.0), weights / weights.sum(), rtol=0, atol=1e-14)


@temperatures
@pytest.mark.parametrize("n", [2, 6])
def test_populations(n: int, times: Times) -> None:
    """They are populations, and those of no drive if it is far off resonance."""
    spins = drawn(n, n)
    found = populations(spins, times, STRONG)
    assert found.sum() == pytest.approx(1.0, abs=1e-14)
    assert found.min() > 0
    far = secular_populations(basis_of(spins), times.bath, offset=1e9, drive=STRONG)
    np.testing.assert_allclose(far, populations(spins, times, 0.0), rtol=0, atol=1e-12)


@temperatures
def test_the_drive_joins_neighbouring_sectors_evenly(times: Times) -> None:
    """Reference: 2 ω_1² |<n|S^x|m>|² T_nm / (1 + T_nm² δ_nm²) with S^x as Kronecker products."""
    n = 4
    spins = drawn(n, n)
    basis = basis_of(spins)
    states, driven = dense_spins.eigenstates(basis), sum(dense_spins.raising(n))
    element = states.T @ (driven + np.transpose(driven)) @ states / 2
    gaps = np.subtract.outer(*[basis.energy + OFFSET * basis.magnetization] * 2)
    lifetime = 1 / np.where(np.eye(2**n, dtype=bool), 1.0, decoherence(basis, times.bath))
    expected = 2 * STRONG**2 * element**2 * lifetime / (1 + (lifetime * gaps) ** 2)
    found = drive_rates(basis, times.bath, offset=OFFSET, drive=STRONG)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * expected.max())
    assert np.array_equal(found, found.T)
