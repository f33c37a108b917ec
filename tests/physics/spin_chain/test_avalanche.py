"""Avalanches against plain loops that sum all fields anew after each flip and keep the same list."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.spin_glass.kernels.avalanche import avalanche, newly_resonant
from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.relaxation import fields, stable
from tests.support.reference import plain_chain
from tests.support.reference.plain_chain import PlainAvalanche

Array = NDArray[np.float64]


def state(length: int, seed: int, cold: bool) -> tuple[Array, Array, Array]:
    """Couplings, spins and fields."""
    rng = np.random.default_rng(seed)
    coupling, spins = ring(length, 0.7, "ring", rng), rng.choice([-1.0, 1.0], length)
    if cold:
        found = stable(coupling, spins, "random", rng)
        return coupling, found.spins, found.field
    return coupling, spins, fields(coupling, spins)


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(
    ("length", "h", "seeds"), [(2, 0.5, 10), (20, 0.3, 20), (127, 0.1, 4), (128, 0.1, 4), (129, 0.1, 4), (300, 0.02, 4)]
)
def test_flip_by_flip(length: int, h: float, seeds: int, cold: bool) -> None:
    longest = 0
    for seed in range(seeds):
        coupling, spins, field = state(length, seed, cold)
        kept, numbers = (spins.copy(), field.copy()), np.random.default_rng(seed).random(200)
        found = avalanche(coupling, spins, field, h, 200, np.random.default_rng(seed))
        expected = PlainAvalanche.of(coupling, spins, h, numbers.tolist())
        ever = expected.ever + [expected.ever[-1]] * (201 - len(expected.ever))
        assert found.ever.tolist() == ever
        assert found.flips == min(len(expected.flipped), ever.index(length) if length in ever else 200)
        assert np.array_equal(kept, (spins, field))
        longest = max(longest, found.flips)
    assert longest > 1 or length == 2


def test_each_resonant_spin_is_as_likely_as_the_others() -> None:
    """One flip from a state with some of them: who is flipped is told by who becomes resonant by it."""
    coupling, spins, field = state(60, 1, cold=False)
    h = 0.5
    before = np.abs(field) < h
    count = int(before.sum())
    grown = []
    for i in np.flatnonzero(before).tolist():
        after = np.abs(coupling @ plain_chain.turned(spins, i)) < h
        grown.append(int((after | before).sum()))
    assert count > 4
    assert len(set(grown)) > 2
    choices = np.random.default_rng(0)
    found = [int(avalanche(coupling, spins, field, h, 1, choices).ever[1]) for _ in range(4000)]
    for size in set(grown):
        share = grown.count(size) / count
        assert found.count(size) / 4000 == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))


def test_where_none_is_resonant_nothing_happens() -> None:
    coupling, spins, field = state(50, 2, cold=True)
    found = avalanche(coupling, spins, field, np.abs(field).min(), 10, np.random.default_rng(0))
    assert found.flips == 0
    assert found.ever.tolist() == [0] * 11
    assert newly_resonant(coupling, spins, field, np.abs(field).min()) == 0


def test_where_all_have_been_resonant_it_ends() -> None:
    coupling, spins, field = state(50, 2, cold=False)
    found = avalanche(coupling, spins, field, 1e3, 10, np.random.default_rng(0))
    assert (found.flips, found.ever.tolist()) == (0, [50] * 11)


def test_a_flipped_spin_stays_resonant() -> None:
    """Alone it turns for ever: its flips do not change its own field."""
    coupling, spins, field = state(12, 0, cold=True)
    h = np.sort(np.abs(field))[:2].mean()
    coupling = coupling * (np.abs(coupling) > 1e9)
    found = avalanche(coupling, spins, field, h, 30, np.random.default_rng(0))
    assert (found.flips, found.ever.tolist()) == (30, [1] * 31)


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("h", [0.05, 0.2, 1.0])
def test_newly_resonant(h: float, cold: bool) -> None:
    found = []
    for seed in range(10):
        coupling, spins, field = state(60, seed, cold)
        found.append(newly_resonant(coupling, spins, field, h))
        assert found[-1] == plain_chain.newly_resonant(coupling, spins, h)
    assert max(found) > 0
