"""Pairs against perturbation theory on energies of states, and the flips that these energies tell to gain."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.pairs import resonant_pairs, unstable_pairs
from ensemble.models.spin_glass.kernels.relaxation import fields, stable
from tests.support.reference.plain_chain import energy, second_order, turned

Array = NDArray[np.float64]


def state(length: int, seed: int, cold: bool) -> tuple[Array, Array]:
    """Couplings and spins."""
    rng = np.random.default_rng(seed)
    coupling, spins = ring(length, 0.7, "ring", rng), rng.choice([-1.0, 1.0], length)
    return coupling, stable(coupling, spins, "random", rng).spins if cold else spins


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(("h", "p"), [(0.2, 1.0), (0.4, 1.0), (0.8, 0.25), (0.3, 2.0)])
def test_resonances(h: float, p: float, cold: bool) -> None:
    """Second order in the transverse field is p = 1/4."""
    most = 0
    for seed in range(20):
        coupling, spins = state(14, seed, cold)
        field = coupling @ spins
        apart = [pair for pair in itertools.combinations(range(14), 2) if (np.abs(field[list(pair)]) >= h).all()]
        expected = sum(abs(4 * p * second_order(coupling, spins, h, i, j)) > 1 for i, j in apart)
        assert resonant_pairs(coupling, spins, fields(coupling, spins), h, p) == expected
        most = max(most, expected)
    assert most > 0


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("h", [0.05, 0.4])
def test_pairs_that_are_not_stable(h: float, cold: bool) -> None:
    most = 0
    for seed in range(12):
        coupling, spins = state(16, seed, cold)
        field, before = coupling @ spins, energy(coupling, spins)
        steady = [i for i in range(16) if abs(field[i]) >= h and energy(coupling, turned(spins, i)) > before]
        expected = sum(energy(coupling, turned(spins, *pair)) < before for pair in itertools.combinations(steady, 2))
        assert unstable_pairs(coupling, spins, fields(coupling, spins), h) == expected
        most = max(most, expected)
    assert most > 0


def test_without_their_coupling_no_pair_is_resonant() -> None:
    """A = -h² / f_1 f_2 where neither is resonant alone, if p = 1; it takes a larger p."""
    field = np.random.default_rng(1).standard_normal(200)
    uncoupled, spins = np.zeros((200, 200)), np.ones(200)
    assert resonant_pairs(uncoupled, spins, field, 0.1, 1.0) == 0
    assert resonant_pairs(uncoupled, spins, field, 0.1, 1.5) > 0
    assert unstable_pairs(uncoupled, spins, field, 0.1) == 0


@pytest.mark.parametrize("cold", [False, True])
def test_which_way_spins_point_is_a_convention(cold: bool) -> None:
    """Spins turned over, and the signs of their couplings with them."""
    coupling, spins = state(90, 3, cold)
    signs = np.random.default_rng(4).choice([-1.0, 1.0], 90)
    other, others = coupling * np.outer(signs, signs), spins * signs
    counts = [
        (resonant_pairs(J, Z, fields(J, Z), 0.2, 1.0), unstable_pairs(J, Z, fields(J, Z), 0.2))
        for J, Z in ((coupling, spins), (other, others))
    ]
    assert counts[0] == counts[1]
    assert min(counts[0]) > 0
