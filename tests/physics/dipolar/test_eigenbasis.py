"""Eigenstates of spins in a strong field, against plain Kronecker products."""

import numpy as np
import pytest

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis, matrix
from ensemble.models.driven_spins.kernels.sectors import Sectors
from tests.support.reference import dense_spins
from tests.support.reference.driven_spins import Array, Spins, drawn

SIZES = [1, 2, 3, 6]


def of(spins: Spins) -> Eigenbasis:
    return Eigenbasis.of(spins.frequency, spins.coupling)


def close(found: Array, expected: Array, atol: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("n", SIZES)
def test_hamiltonian(n: int) -> None:
    """Reference: H' term by term as Kronecker products; |n> diagonalize it, and no two of them overlap."""
    spins = drawn(n, n)
    sectors, basis = Sectors.of(n), of(spins)
    close(matrix(sectors, spins.frequency, spins.coupling), spins.hamiltonian[np.ix_(*[sectors.patterns] * 2)], 5e-14)
    states = dense_spins.eigenstates(basis)
    close(states.T @ states, np.eye(2**n), 1e-13)
    close(states * basis.energy @ states.T, spins.hamiltonian, 1e-12)


@pytest.mark.parametrize("n", SIZES)
def test_energies(n: int) -> None:
    """Reference: each S^z of the dense H' diagonalized alone; ascending in each sector."""
    spins = drawn(n, n)
    basis = of(spins)
    close(basis.energy, spins.levels[0], 1e-12)
    assert all(np.all(np.diff(basis.energy[part]) >= 0) for part in basis.sectors.parts)


@pytest.mark.parametrize("n", SIZES)
def test_polarization_of_every_eigenstate(n: int) -> None:
    """Reference: the diagonal of V^T S_i^z V. Its sum over spins is the magnetization, that over states is zero."""
    basis = of(drawn(n, n))
    states = dense_spins.eigenstates(basis)
    expected = [np.diagonal(states.T @ z @ states) for z in dense_spins.along_z(n)]
    close(basis.spin, np.transpose(expected), 1e-14)
    close(basis.spin.sum(axis=1), basis.magnetization, 1e-14)
    close(basis.spin.sum(axis=0), np.zeros(n), 1e-13)
    assert np.array_equal(basis.spin[[0, -1]], [[-0.5] * n, [0.5] * n])


@pytest.mark.parametrize("n", SIZES)
def test_raised(n: int) -> None:
    """Reference: V^T S_i^+ V of Kronecker products, which has no other elements."""
    basis = of(drawn(n, n))
    states = dense_spins.eigenstates(basis)
    for i, up in enumerate(dense_spins.raising(n)):
        whole = np.zeros((2**n, 2**n))
        for (above, below), raised in zip(basis.sectors.steps, basis.raised, strict=True):
            whole[above, below] = raised[i]
        close(whole, states.T @ up @ states, 1e-14)


@pytest.mark.parametrize("n", SIZES)
def test_into_and_out(n: int) -> None:
    """Reference: V^T M V and V M V^T with the dense V in the order of the sectors; one undoes the other."""
    basis = of(drawn(n, n))
    states = dense_spins.eigenstates(basis)[basis.sectors.patterns]
    any_matrix = np.random.default_rng(n).standard_normal((2**n, 2**n))
    close(basis.into(any_matrix), states.T @ any_matrix @ states, 1e-13)
    close(basis.out(any_matrix), states @ any_matrix @ states.T, 1e-13)
    close(basis.left(any_matrix), states.T @ any_matrix, 1e-13)
    close(basis.back(any_matrix), states @ any_matrix, 1e-13)
    close(basis.out(basis.into(any_matrix)), any_matrix, 1e-13)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_levels_that_coincide_do_not_mix(n: int) -> None:
    """Without any Δ a state and the one with all spins turned over have the same energy, and still one S^z each.

    Any mixture of two such states is an eigenstate of H' too, and would have polarizations closer to zero.
    """
    spins = Spins(np.zeros(n), drawn(n, n).coupling)
    basis = of(spins)
    for part, mirrored in zip(basis.sectors.parts, reversed(basis.sectors.parts), strict=True):
        close(basis.energy[part], basis.energy[mirrored], 1e-12)
    close(basis.spin.sum(axis=1), basis.magnetization, 1e-14)
    for states, part in zip(basis.vectors, basis.sectors.parts, strict=True):
        assert states.shape == (part.stop - part.start,) * 2
    assert np.array_equal(basis.spin[[0, -1]], [[-0.5] * n, [0.5] * n])
    assert basis.energy[0] == pytest.approx(basis.energy[-1], abs=1e-12)
