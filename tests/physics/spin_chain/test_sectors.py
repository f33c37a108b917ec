"""Both sectors of a chain in a transverse field, against tensor products of QuTiP."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.sectors import Sector, ising, pairs, spins, turn_each, up_or_down
from tests.support.reference import tensor_chain

Array = NDArray[np.float64]

SIZES = [1, 2, 3, 6]
TRANSVERSE = 0.7


def couplings(length: int, seed: int = 0) -> Array:
    return ring(length, 0.7, "ring", np.random.default_rng(seed))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("length", SIZES)
def test_hamiltonian(length: int, sign: int) -> None:
    """Reference: H of tensor products between the states of the sector, which it does not leave."""
    coupling = couplings(length)
    sector = Sector.of(coupling, TRANSVERSE, sign)
    states, whole = tensor_chain.sector_states(length, sign), tensor_chain.hamiltonian(coupling, TRANSVERSE)
    np.testing.assert_allclose(sector.dense(), states.T @ whole @ states, rtol=0, atol=4e-14)
    np.testing.assert_allclose(whole @ states, states @ sector.dense(), rtol=0, atol=4e-14)
    np.testing.assert_allclose(tensor_chain.parity(length) @ states, sign * states, rtol=0, atol=0)
    assert len(sector) == 2 ** (length - 1)
    assert sector.dense().flags.f_contiguous


@pytest.mark.parametrize("transverse", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("length", SIZES)
def test_sectors_together_are_the_whole(length: int, transverse: float) -> None:
    """Reference: the spectrum of tensor products."""
    coupling = couplings(length, 1)
    both = [np.linalg.eigvalsh(Sector.of(coupling, transverse, sign).dense()) for sign in (1, -1)]
    expected = np.linalg.eigvalsh(tensor_chain.hamiltonian(coupling, transverse))
    np.testing.assert_allclose(np.sort(np.concatenate(both)), expected, rtol=0, atol=4e-14)


def test_patterns() -> None:
    """Bit i of the number of a pattern is spin i, 1 for up; in a sector the last spin is up in all."""
    assert up_or_down(2).tolist() == [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    assert spins(3).tolist() == [[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]
    assert pairs(3).tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1]]
    assert spins(1).tolist() == [[1]]
    assert pairs(1).shape == (1, 0)


def test_energies_of_patterns() -> None:
    """Reference: a sum over pairs, each once."""
    coupling, values = couplings(5), up_or_down(5)
    expected = [sum(coupling[i, j] * z[i] * z[j] for i in range(5) for j in range(i)) for z in values]
    np.testing.assert_allclose(ising(values, coupling), expected, rtol=0, atol=1e-14)


def test_each_spin_is_turned_once() -> None:
    """Reference: Σ X_i of tensor products has the same spectrum, h times -n, -n + 2, ... n."""
    matrix = np.zeros((16, 16))
    turn_each(matrix, 0.5)
    assert np.array_equal(matrix, matrix.T)
    assert np.array_equal(np.count_nonzero(matrix, axis=0), np.full(16, 4))
    np.testing.assert_allclose(np.unique(np.linalg.eigvalsh(matrix).round(12)), [-2, -1, 0, 1, 2])
