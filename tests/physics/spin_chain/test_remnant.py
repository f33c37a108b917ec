"""What soft spins remember: against averages over times, closed forms, and fields that add up."""

import math

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.relaxation import stable
from ensemble.models.spin_glass.kernels.remnant import alone, frozen_fields, polarizations, softest
from tests.support.reference import tensor_chain

Array = NDArray[np.float64]


def drawn(count: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Couplings, fields of frozen spins, and where the free ones start."""
    rng = np.random.default_rng(seed)
    return ring(count, 0.7, "ring", rng), rng.normal(size=count), rng.choice([-1.0, 1.0], count)


def at_times(coupling: Array, field: Array, spins: Array, transverse: float) -> Array:
    """(times, n), Z_i(0) <Z_i(t)> at random times: e^{-iHt} from tensor products of QuTiP."""
    energy, states = np.linalg.eigh(tensor_chain.hamiltonian(coupling, transverse, field))
    place = tensor_chain.place(spins)
    times = np.random.default_rng(1).uniform(0, 1e6, 20_000)
    evolved = (np.exp(-1j * np.multiply.outer(times, energy)) * states[place]) @ states.T
    z = np.array([np.diagonal(each) for each in tensor_chain.operators(qutip.sigmaz(), len(spins))])
    return np.asarray(np.abs(evolved) ** 2 @ z.T * spins)


@pytest.mark.parametrize("transverse", [0.2, 1.0])
@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_against_an_average_over_times(count: int, transverse: float) -> None:
    coupling, field, spins = drawn(count, count)
    found = polarizations(coupling, field, spins, transverse)
    expected = at_times(coupling, field, spins, transverse)
    error = expected.std(axis=0) / math.sqrt(len(expected))
    assert (np.abs(found - expected.mean(axis=0)) < 4 * error).all()
    assert error.max() < 0.006
    assert found.min() < 0.98


def test_fields_add_up() -> None:
    """Those of frozen spins and of the others that are free are the field of the whole state."""
    coupling, _, start = drawn(200)
    state = stable(coupling, start, "random", np.random.default_rng(1))
    free = softest(state.field, 8)
    assert np.array_equal(np.sort(np.abs(state.field))[:8], np.abs(state.field[free]))
    inside = coupling[np.ix_(free, free)] @ state.spins[free]
    whole = frozen_fields(coupling, state.spins, free) + inside
    np.testing.assert_allclose(whole, state.field[free], rtol=0, atol=1e-13)
    np.testing.assert_allclose(whole, (coupling @ state.spins)[free], rtol=0, atol=1e-13)


def test_spins_without_couplings() -> None:
    """Reference: φ² / (φ² + h²), which half of φ = h, and more of a larger one."""
    rng = np.random.default_rng(2)
    field, spins = rng.normal(size=6), rng.choice([-1.0, 1.0], 6)
    found = polarizations(np.zeros((6, 6)), field, spins, 0.4)
    np.testing.assert_allclose(found, field**2 / (field**2 + 0.16), rtol=0, atol=1e-9)
    np.testing.assert_allclose(alone(field, 0.4), found, rtol=0, atol=1e-9)
    assert alone(np.array([-0.4, 0.0]), 0.4).tolist() == [0.5, 0.0]


def test_levels_that_coincide() -> None:
    """Reference: the same. In equal fields 2^n levels coincide but for n + 1; any mixture of them diagonalizes H."""
    for spins in np.array([[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, 1.0], [-1.0, 1.0, 1.0, 1.0]]):
        found = polarizations(np.zeros((4, 4)), np.full(4, 0.3), spins, 0.4)
        np.testing.assert_allclose(found, np.full(4, 0.36), rtol=0, atol=1e-12)


def test_a_symmetry_forgets_at_once_or_never() -> None:
    """Without frozen spins all may be turned over: by a weak field only after a time that no level tells apart."""
    coupling, _, spins = drawn(6, 4)
    assert polarizations(coupling, np.zeros(6), spins, 0.5) == pytest.approx(np.zeros(6), abs=1e-9)
    assert (polarizations(coupling, np.zeros(6), spins, 1e-4) > 0.99).all()


def test_a_strong_and_a_weak_field() -> None:
    coupling, field, spins = drawn(5, 3)
    assert polarizations(coupling, field, spins, 1e-6) == pytest.approx(np.ones(5), abs=1e-9)
    assert np.abs(polarizations(coupling, field, spins, 1e4)).max() < 1e-6
