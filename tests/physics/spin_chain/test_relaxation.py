"""Stable states against plain loops that sum all fields anew after each flip."""

import numpy as np
import pytest

from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.relaxation import ORDERS, fields, stable
from tests.support.reference import plain_chain

every_order = pytest.mark.parametrize("order", ORDERS)


def spins(length: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], length)


@every_order
@pytest.mark.parametrize(("length", "seeds"), [(2, 20), (3, 20), (20, 20), (64, 5), (65, 5), (150, 5)])
def test_flip_by_flip(length: int, seeds: int, order: str) -> None:
    """The same flips, so the same state; nobody gains there."""
    for seed in range(seeds):
        coupling = ring(length, 0.7, "ring", np.random.default_rng(seed))
        start = spins(length, seed)
        found = stable(coupling, start, order, np.random.default_rng(7))
        expected, flips = plain_chain.relaxed(coupling, start, order, np.random.default_rng(7))
        assert np.array_equal(found.spins, expected)
        assert found.flips == flips
        np.testing.assert_allclose(found.field, coupling @ expected, rtol=0, atol=1e-12)
        assert (found.spins * (coupling @ found.spins) < 0).all()
        assert np.array_equal(start, spins(length, seed))


@every_order
def test_who_is_stable_stays(order: str) -> None:
    coupling = ring(80, 0.7, "chord", np.random.default_rng(3))
    first = stable(coupling, spins(80, 3), order, np.random.default_rng(1))
    for other in ORDERS:
        again = stable(coupling, first.spins, other, np.random.default_rng(2))
        assert again.flips == 0
        assert np.array_equal(again.spins, first.spins)


@every_order
def test_without_couplings_nobody_flips(order: str) -> None:
    found = stable(np.zeros((5, 5)), spins(5, 0), order, np.random.default_rng(0))
    assert found.flips == 0
    assert not found.field.any()


def test_orders_have_states_of_their_own() -> None:
    """Of the same couplings and start; those who are reluctant make by far the most flips."""
    coupling = ring(300, 0.7, "ring", np.random.default_rng(4))
    found = {order: stable(coupling, spins(300, 4), order, np.random.default_rng(5)) for order in ORDERS}
    assert len({each.spins.tobytes() for each in found.values()}) == len(ORDERS)
    assert found["reluctant"].flips > 10 * max(each.flips for order, each in found.items() if order != "reluctant")
    other = stable(coupling, spins(300, 4), "random", np.random.default_rng(6))
    assert not np.array_equal(other.spins, found["random"].spins)


@pytest.mark.parametrize("length", [2, 3, 100])
def test_fields_and_energies(length: int) -> None:
    """Reference: the energy of all pairs, and what a flip changes it by: -2 Z φ, with the own field left as it is."""
    coupling, state = ring(length, 0.6, "ring", np.random.default_rng(9)), spins(length, 9)
    field = fields(coupling, state)
    np.testing.assert_allclose(field, coupling @ state, rtol=0, atol=1e-12)
    before = plain_chain.energy(coupling, state)
    assert state @ field / 2 == pytest.approx(before, abs=1e-11)
    for i in range(min(length, 5)):
        other = plain_chain.turned(state, i)
        assert plain_chain.energy(coupling, other) - before == pytest.approx(-2 * state[i] * field[i], abs=1e-11)
        moved = fields(coupling, other)
        np.testing.assert_allclose(moved, field - 2 * coupling[i] * state[i], rtol=0, atol=1e-12)
        assert moved[i] == field[i]
