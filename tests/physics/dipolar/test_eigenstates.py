"""Eigenstates of density matrices against QuTiP, Bell pairs and products, and lists that are told by hand."""

import math

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.eigenstates import (
    energy_order,
    entanglement_entropy,
    middle,
    middle_sector,
    ranked,
    spin_histogram,
    spin_values,
)
from ensemble.models.driven_spins.kernels.sectors import Sectors
from tests.support.reference import dense_spins

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

FIELD = 2 * math.pi * 93_900.0


def eigenvectors(n: int, *, real: bool) -> Array | ComplexArray:
    """Of a random density matrix, between product states in the order of the sectors."""
    rho = dense_spins.random_state(n, 2**n)
    return np.asarray(np.linalg.eigh(rho.real if real else rho)[1])


def ket(sectors: Sectors, state: Array | ComplexArray) -> qutip.Qobj:
    """The last spin is QuTiP's first."""
    plain = np.empty(len(state), dtype=complex)
    plain[sectors.patterns] = state
    return qutip.Qobj(plain[:, None], dims=[[2] * sectors.spins, [1] * sectors.spins])


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("n", [3, 4, 5])
def test_qutip(n: int, real: bool) -> None:
    """Reference: QuTiP's partial trace and entropy, for any number of spins that are kept; dense S_i^z."""
    sectors, states = Sectors.of(n), eigenvectors(n, real=real)
    kets = [ket(sectors, state) for state in states.T]
    for kept in range(1, n):
        places = [n - 1 - i for i in range(kept)]
        expected = [qutip.entropy_vn(one.ptrace(places)) for one in kets]
        np.testing.assert_allclose(entanglement_entropy(sectors, states, kept), expected, rtol=0, atol=1e-13)
    values = [[qutip.expect(qutip.Qobj(z, dims=one.dims[:1] * 2), one) for z in dense_spins.along_z(n)] for one in kets]
    np.testing.assert_allclose(spin_values(sectors, states), values, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
def test_product_states(kept: int) -> None:
    """No entropy at all, and the spins as the patterns have them."""
    sectors = Sectors.of(4)
    assert np.all(entanglement_entropy(sectors, np.eye(16), kept) == 0.0)
    assert np.array_equal(spin_values(sectors, np.eye(16)), sectors.values)
    rng = np.random.default_rng(kept)
    spins = rng.standard_normal((4, 2, 2)).view(np.complex128)[..., 0]
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    turned = np.prod(spins[np.arange(4), (sectors.values > 0).astype(int)], axis=1)
    assert np.all(entanglement_entropy(sectors, turned[:, None], kept) == 0.0)
    expected = (abs(spins[:, 1]) ** 2 - abs(spins[:, 0]) ** 2) / 2
    np.testing.assert_allclose(spin_values(sectors, turned[:, None]), [expected], rtol=0, atol=1e-15)


@pytest.mark.parametrize(("pairs", "entropies"), [([(0, 1), (2, 3)], [1, 0, 1]), ([(0, 2), (1, 3)], [1, 2, 1])])
def test_bell_pairs(pairs: list[tuple[int, int]], entropies: list[int]) -> None:
    """ln 2 for every pair that the cut divides, whatever its phase."""
    sectors = Sectors.of(4)
    bits = sectors.values > 0
    amplitude = np.ones(16, dtype=complex)
    for number, (i, j) in enumerate(pairs):
        amplitude *= np.where(bits[:, i] == bits[:, j], 0.0, np.where(bits[:, i], 1.0, np.exp(1j * number))) / 2**0.5
    for kept, many in zip((1, 2, 3), entropies, strict=True):
        found = entanglement_entropy(sectors, amplitude[:, None], kept)
        np.testing.assert_allclose(found, [many * math.log(2)], rtol=0, atol=1e-14)
    np.testing.assert_allclose(spin_values(sectors, amplitude[:, None]), np.zeros((1, 4)), rtol=0, atol=1e-15)


@pytest.mark.parametrize("weight", [1e-3, 1e-6, 1e-9, 1e-12])
def test_weak_entanglement(weight: float) -> None:
    """√(1 - p) |↓↓> + √p |↑↑>: -p ln p - (1 - p) ln(1 - p), to 1e-13 however small p is."""
    state = np.array([[math.sqrt(1 - weight)], [0.0], [0.0], [math.sqrt(weight)]])
    expected = -weight * math.log(weight) - (1 - weight) * math.log1p(-weight)
    np.testing.assert_allclose(entanglement_entropy(Sectors.of(2), state, 1), [expected], rtol=0, atol=1e-13)


def test_the_order_is_by_sectors_and_then_by_energy() -> None:
    """Levels of H' come in this order already; shuffled, they come back."""
    basis = Eigenbasis.of(*dense_spins.drawn(4, 6))
    assert np.array_equal(energy_order(basis.energy, basis.magnetization, FIELD), np.arange(64))
    shuffled = np.random.default_rng(4).permutation(64)
    order = energy_order(basis.energy[shuffled], basis.magnetization[shuffled], FIELD)
    assert np.array_equal(shuffled[order], np.arange(64))


def test_states_without_a_sector_are_ordered_by_their_mean_energy() -> None:
    """ω_e = 2π 93.9 GHz: a millionth of a spin flip weighs 0.59 rad/us."""
    order = energy_order(np.array([0.0, 0.58, 0.6, -1.0]), np.array([1e-6, 0.0, 0.0, 1.0]), FIELD)
    assert order.tolist() == [1, 0, 2, 3]


def test_ranks() -> None:
    values = np.array([[1.0, 3.0, 5.0, 7.0], [0.0, 0.0, 2.0, 4.0]])
    assert ranked(values, 2).tolist() == [[2.0, 6.0], [0.0, 3.0]]
    assert ranked(values, 4).tolist() == values.tolist()
    assert ranked(values[0], 8).tolist() == [1.0, 1.0, 3.0, 3.0, 5.0, 5.0, 7.0, 7.0]
    assert ranked(values[0], 1).tolist() == [4.0]


@pytest.mark.parametrize(
    ("n", "first", "size", "start", "count"),
    [
        (2, 1, 2, 1, 1),
        (3, 1, 3, 2, 1),
        (4, 5, 6, 7, 2),
        (6, 22, 20, 28, 8),
        (8, 93, 70, 114, 28),
        (10, 386, 252, 462, 100),
    ],
)
def test_the_middle(n: int, first: int, size: int, start: int, count: int) -> None:
    """Sectors begin at the cumulative binomials; 40 % of the middle one, at most 100 states."""
    sectors = Sectors.of(n)
    assert middle_sector(sectors) == slice(first, first + size)
    assert middle(sectors) == slice(start, start + count)
    assert np.all((sectors.values > 0).sum(axis=1)[middle(sectors)] == n // 2)


def test_the_histogram_is_a_density() -> None:
    """Values that rounding has carried beyond one half are counted with the last bin."""
    values = np.array([[-0.5, -0.5 - 1e-15, -0.3], [0.5, 0.5 + 1e-15, 0.1]])
    density = spin_histogram(values, 4)
    assert density.tolist() == pytest.approx([4 * part / 6 for part in (3, 0, 1, 2)])
    assert density.mean() == pytest.approx(1.0)
