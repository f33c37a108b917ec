"""The bath of driven spins, against jumps as dense Kronecker products."""

import math

import numpy as np
import pytest

from ensemble.models.driven_spins.kernels.bath import Bath, Dissipator
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.sectors import Sectors
from tests.support.reference import dense_spins
from tests.support.reference.driven_spins import BATHS, COLD, HOT, Spins, Times, dissipator, drawn

SLOW_DIAGONAL = Times(T_1=3.0, T_star=0.4, T_0=2.0, gap=0.7)
"""T(0) > T*, so that b is negative."""


@pytest.mark.parametrize(
    ("times", "local", "diagonal"), [(COLD, 0.0790569, 0.4799600), (HOT, 1.7677670, 0.0)], ids=BATHS
)
def test_rates(times: Times, local: float, diagonal: float) -> None:
    """Reference: a and b of Table I; k_dn + k_up = 1 / T_1, and k_up / k_dn is the Boltzmann factor."""
    bath = times.bath
    assert (bath.local, bath.diagonal) == pytest.approx((local, diagonal), abs=1e-7)
    assert bath.down + bath.up == pytest.approx(1 / times.T_1, rel=1e-15)
    assert bath.up / bath.down == pytest.approx(math.exp(-times.gap), rel=1e-15)
    assert (bath.up - bath.down) * times.T_1 == pytest.approx(times.equilibrium, rel=1e-15)


def test_equal_times_have_exactly_no_diagonal_part() -> None:
    """Whatever the time: 1/√(2 T) - 1/√(2 T) is left to no rounding."""
    for time in np.geomspace(1e-3, 1e3, 50).tolist():
        assert Bath.of(T_1=1.0, T_star=time, T_0=time, gap=1.0).diagonal == 0.0


def test_a_bath_at_no_temperature_only_lowers() -> None:
    bath = Bath.of(T_1=2.0, T_star=1.0, T_0=1.0, gap=math.inf)
    assert (bath.down, bath.up) == (0.5, 0.0)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_leaving(n: int) -> None:
    """Reference: the diagonal of Σ_i k_dn S_i^+ S_i^- + k_up S_i^- S_i^+."""
    sectors, (down, up) = Sectors.of(n), COLD.flips
    expected = sum(down * raising @ raising.T + up * raising.T @ raising for raising in dense_spins.raising(n))
    np.testing.assert_allclose(COLD.bath.leaving(sectors), np.diagonal(expected)[sectors.patterns], rtol=1e-15, atol=0)


@pytest.mark.parametrize("times", [COLD, HOT, SLOW_DIAGONAL], ids=[*BATHS, "T(0) > T*"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_dissipated(n: int, times: Times) -> None:
    """Reference: the dense superoperator of all jumps, on a random Hermitian matrix held as Re ρ + Im ρ."""
    spins = drawn(n, n)
    basis = Eigenbasis.of(spins.frequency, spins.coupling)
    rho = dense_spins.random_state(n, 2**n)
    expected = (dissipator(spins.jumps(times)) @ rho.ravel()).reshape(rho.shape)
    order = np.ix_(basis.sectors.patterns, basis.sectors.patterns)
    found = Dissipator(basis, times.bath)((rho.real + rho.imag)[order])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, (expected.real + expected.imag)[order], rtol=0, atol=2e-14 * scale)
    assert abs(np.trace(found)) < 1e-14 * scale * 2**n


def test_another_basis_and_another_bath_are_not_mistaken_for_the_last() -> None:
    """Reference: the dense superoperator; what is kept from one call to the next belongs to its basis and bath."""
    rho = dense_spins.random_state(3, 8)
    order = np.ix_(*[Sectors.of(3).patterns] * 2)
    x = (rho.real + rho.imag)[order]
    systems = [drawn(seed, 3) for seed in (1, 2)]
    bases = [Eigenbasis.of(spins.frequency, spins.coupling) for spins in systems]
    for k, times in ((0, COLD), (1, COLD), (1, SLOW_DIAGONAL), (0, SLOW_DIAGONAL), (0, COLD)):
        expected = (dissipator(systems[k].jumps(times)) @ rho.ravel()).reshape(rho.shape)
        found = Dissipator(bases[k], times.bath)(x)
        np.testing.assert_allclose(found, (expected.real + expected.imag)[order], rtol=0, atol=1e-14)


def test_a_bath_of_local_jumps_asks_for_no_eigenstates() -> None:
    """With b = 0 other frequencies and couplings change no bit."""
    n = 4
    x = np.random.default_rng(5).standard_normal((2**n, 2**n))
    one, other = (Eigenbasis.of(*each) for each in (dense_spins.drawn(1, n), dense_spins.drawn(2, n)))
    assert np.array_equal(Dissipator(one, HOT.bath)(x), Dissipator(other, HOT.bath)(x))
    assert not np.array_equal(Dissipator(one, COLD.bath)(x), Dissipator(other, COLD.bath)(x))


def test_input_is_kept() -> None:
    spins = Spins(*dense_spins.drawn(3, 3))
    x = np.random.default_rng(5).standard_normal((8, 8))
    kept = x.copy()
    Dissipator(Eigenbasis.of(spins.frequency, spins.coupling), COLD.bath)(x)
    assert np.array_equal(x, kept)
