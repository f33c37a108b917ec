"""Stationary states of the whole master equation, against dense superoperators, QuTiP and closed forms."""

import re

import numpy as np
import pytest
import qutip

from ensemble.errors import ConvergenceError
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.steady_state import steady_state
from tests.support.reference import dense_spins
from tests.support.reference.driven_spins import (
    BATHS,
    COLD,
    HOT,
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

TOLERANCE = 1e-13

temperatures = pytest.mark.parametrize("times", BATHS.values(), ids=BATHS)
drives = pytest.mark.parametrize("drive", [STRONG, WEAK], ids=["strong", "weak"])


def solved(spins: Spins, times: Times, drive: float, offset: float = OFFSET, tolerance: float = TOLERANCE) -> Array:
    """X = Re ρ + Im ρ between product states in the plain order."""
    basis = Eigenbasis.of(spins.frequency, spins.coupling)
    x = basis.out(steady_state(basis, times.bath, offset=offset, drive=drive, tolerance=tolerance).matrix)
    plain = np.empty_like(x)
    plain[np.ix_(*[basis.sectors.patterns] * 2)] = x
    return plain


def density(x: Array) -> ComplexArray:
    return np.asarray((x + x.T) / 2 + 0.5j * (x - x.T))


def polarizations(rho: ComplexArray | Array) -> Array:
    """2 Tr(ρ S_i^z)."""
    n = len(rho).bit_length() - 1
    return np.array([2 * np.trace(rho @ z).real for z in dense_spins.along_z(n)])


def generator(spins: Spins, times: Times, drive: float) -> ComplexArray:
    return liouvillian(spins.driven(drive), spins.jumps(times))


@temperatures
@drives
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_null_vector(n: int, drive: float, times: Times) -> None:
    """Reference: the null vector of the dense Liouvillian on 4^N numbers."""
    spins = drawn(n, n)
    whole = generator(spins, times, drive)
    rho = density(solved(spins, times, drive))
    np.testing.assert_allclose(rho, stationary(whole), rtol=0, atol=3e-13)
    assert np.abs(whole @ rho.ravel()).max() < 1e-13 * np.abs(whole).max()


@temperatures
@drives
@pytest.mark.parametrize("n", [3, 4])
def test_qutip(n: int, drive: float, times: Times) -> None:
    """Reference: QuTiP's steadystate of jumps along x and y, as Eq. (7) has them: the spectrum of ρ, and all P_i."""
    spins = drawn(n + 10, n)
    down, up = np.sqrt(times.flips)
    jumps: list[Array | ComplexArray] = [*spins.jumps(times)[2::3]]
    for raising in dense_spins.raising(n):
        lower, higher = down * raising.T, up * raising
        jumps += [(lower + higher) / np.sqrt(2), 1j * (lower - higher) / np.sqrt(2)]
    expected = qutip.steadystate(qutip.Qobj(spins.driven(drive)), [qutip.Qobj(jump) for jump in jumps]).full()
    rho = density(solved(spins, times, drive))
    np.testing.assert_allclose(np.linalg.eigvalsh(rho), np.linalg.eigvalsh(expected), rtol=0, atol=1e-13)
    np.testing.assert_allclose(polarizations(rho), polarizations(expected), rtol=0, atol=1e-13)


@temperatures
@drives
@pytest.mark.parametrize("n", [2, 5, 6])
def test_a_state(n: int, drive: float, times: Times) -> None:
    """Trace one and positive."""
    x = solved(drawn(n, n), times, drive)
    assert np.trace(x) == pytest.approx(1.0, abs=1e-12)
    assert np.linalg.eigvalsh(density(x)).min() > 0


@temperatures
@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_without_a_drive(n: int, times: Times) -> None:
    """exp(-β ω_e S^z) / Z: whatever the couplings, all spins have the polarization of the field."""
    sz = np.diagonal(np.sum(dense_spins.along_z(n), axis=0))
    weights = np.exp(-times.gap * sz)
    expected = np.diag(weights / weights.sum())
    np.testing.assert_allclose(solved(drawn(n, n), times, 0.0), expected, rtol=0, atol=1e-13)


@temperatures
@drives
@pytest.mark.parametrize("n", [1, 2, 4])
def test_bloch(n: int, drive: float, times: Times) -> None:
    """Spins without couplings: P = P0 (1 + d² T2²) / (1 + d² T2² + ω_1² T1 T2), 1 / T2 = 1 / 2 T1 + 1 / 4 T(0)."""
    spins = Spins(drawn(n, n).frequency, np.zeros((n, n)))
    T_2 = 1 / (0.5 / times.T_1 + 0.25 / times.T_0)
    detuned = 1 + ((spins.frequency + OFFSET) * T_2) ** 2
    expected = times.equilibrium * detuned / (detuned + drive**2 * times.T_1 * T_2)
    found = polarizations(density(solved(spins, times, drive)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("times", "T_2", "saturation"), [(COLD, 6.2745, 15630.7), (HOT, 0.53333, 13.286)], ids=BATHS)
def test_saturation_at_resonance(times: Times, T_2: float, saturation: float) -> None:
    """The published times: P0 / P - 1 of a single spin is ω_1² T1 T2 at resonance, half as much at d = 1 / T2."""
    alone = Spins(np.zeros(1), np.zeros((1, 1)))

    def suppression(offset: float) -> float:
        return float(times.equilibrium / polarizations(density(solved(alone, times, STRONG, offset)))[0] - 1)

    assert suppression(0.0) == pytest.approx(saturation, rel=1e-5)
    assert suppression(1 / T_2) == pytest.approx(saturation / 2, rel=2e-5)


@temperatures
def test_numbering_of_spins(times: Times) -> None:
    """The same spins in another order have the same polarizations."""
    spins = drawn(5, 5)
    order = np.array([3, 0, 4, 1, 2])
    other = Spins(spins.frequency[order], spins.coupling[np.ix_(order, order)])
    one, two = (polarizations(density(solved(each, times, STRONG))) for each in (spins, other))
    np.testing.assert_allclose(two, one[order], rtol=0, atol=1e-12)


@temperatures
def test_tolerance(times: Times) -> None:
    """The residual of the master equation is below the tolerance; a loose one costs fewer applications."""
    spins = drawn(4, 4)
    basis = Eigenbasis.of(spins.frequency, spins.coupling)
    costs = []
    for tolerance in (1e-4, 1e-8, 1e-12):
        found = steady_state(basis, times.bath, offset=OFFSET, drive=STRONG, tolerance=tolerance)
        costs.append(found.applications)
        rho = density(solved(spins, times, STRONG, tolerance=tolerance))
        change = generator(spins, times, STRONG) @ rho.ravel()
        right_hand_side = 1 / times.T_1 / np.sqrt(2**spins.size)
        assert np.linalg.norm(change) < 10 * tolerance * right_hand_side
    assert 0 < costs[0] < costs[1] < costs[2] < 100


def test_a_tolerance_that_no_rounding_meets() -> None:
    spins = drawn(3, 3)
    basis = Eigenbasis.of(spins.frequency, spins.coupling)
    with pytest.raises(ConvergenceError) as caught:
        steady_state(basis, COLD.bath, offset=OFFSET, drive=STRONG, tolerance=1e-30)
    assert re.fullmatch(
        r"the stationary state must be found to 1e-30, but the residual is \d\.\de-1\d after \d+ "
        "applications of the master equation: allow a larger tolerance",
        str(caught.value),
    )
