"""Fields, avalanches and pairs against the numbers of an independent implementation, with the errors of both.

A number may be off by four standard errors of both together and by a tolerance besides; each comparison says how far
off it may be at most.
"""

import functools
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ensemble.models.spin_glass import SpinGlassAvalanches, SpinGlassFields, SpinGlassPairs
from ensemble.models.spin_glass.kernels.avalanche import newly_resonant
from ensemble.realization.random_streams import random_stream
from tests.support.samples import SEED, agrees, error, jackknife, mean, measured, near

Array = NDArray[np.float64]

FIELDS = SpinGlassFields(L=800)
AVALANCHES = SpinGlassAvalanches(L=1000, step=(0, 10, 30, 100, 300, 1000))
PAIRS = SpinGlassPairs(L=100)
NAMES = ("density", "density_at_zero", "smallest_field", "energy", "flips")


def fields(model: SpinGlassFields, count: int) -> dict[str, Array]:
    """All that is compared, of so many realizations."""
    return dict(measured(model, count, *NAMES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "energy", "uncertain", "count"),
    [
        ("stable", -1.5193, 0.0008, 300),
        ("stable_index", -1.5298, 0.0016, 200),
        ("stable_greedy", -1.5105, 0.0015, 200),
        ("stable_reluctant", -1.5833, 0.0014, 40),
    ],
)
def test_the_order_sets_the_energy(state: str, energy: float, uncertain: float, count: int) -> None:
    agrees(fields(replace(FIELDS, state=state), count)["energy"], energy, uncertain, 0.0, at_most=0.025)


@pytest.mark.slow
def test_orders_differ() -> None:
    """Of common disorder: greedy steps end highest, reluctant ones lowest."""
    counts = {"stable_greedy": 200, "stable": 300, "stable_index": 200, "stable_reluctant": 40}
    energies = [fields(replace(FIELDS, state=state), count)["energy"] for state, count in counts.items()]
    for higher, lower in pairwise(energies):
        count = min(len(higher), len(lower))
        apart = higher[:count] - lower[:count]
        assert mean(apart) > 2 * error(apart)


@pytest.mark.slow
def test_the_reluctant_take_their_time() -> None:
    """Flips of a spin grow as L; those of random sweeps do not: .6."""
    agrees(fields(replace(FIELDS, state="stable_reluctant"), 40)["flips"], 71.0, 0.5, 1.0, at_most=7.0)
    agrees(fields(replace(FIELDS, L=200, state="stable_reluctant"), 40)["flips"], 71 / 4, 0.5, 1.0, at_most=7.0)
    for L, count in ((200, 1000), (800, 300)):
        agrees(fields(replace(FIELDS, L=L), count)["flips"], 0.6, 0.005, 0.02, at_most=0.06)


@pytest.mark.parametrize(
    ("L", "count", "slope", "at_zero", "smallest"),
    [
        (200, 1000, (0.367, 0.003), (0.0350, 0.0006), (0.0619, 0.0005)),
        (400, 500, (0.408, 0.004), (0.0265, 0.0007), (0.0402, 0.0005)),
        (800, 300, (0.431, 0.005), (0.0218, 0.0008), (0.0257, 0.0005)),
    ],
)
def test_the_gap_closes(
    L: int, count: int, slope: tuple[float, float], at_zero: tuple[float, float], smallest: tuple[float, float]
) -> None:
    """Errors of the density at zero are not told: those of as many fields below .02 as there were."""
    model = replace(FIELDS, L=L)
    rows = fields(model, count)
    near(*jackknife(model, "slope", rows), *slope, 0.0, at_most=0.07)
    agrees(rows["density_at_zero"], *at_zero, 0.0, at_most=0.35 * at_zero[0])
    agrees(rows["smallest_field"], *smallest, 0.0, at_most=0.3 * smallest[0])
    prefactor, uncertain = jackknife(model, "prefactor", rows)
    assert 0.081 < prefactor < 0.081 * 5.62**0.12 * (1 + 4 * uncertain)


@pytest.mark.parametrize(("alpha", "slope"), [(0.6, 0.388), (0.8, 0.331), (1.0, 0.262)])
def test_the_gap_of_other_powers(alpha: float, slope: float) -> None:
    """Where interactions fall off faster, there are more small fields."""
    model = replace(FIELDS, L=200, alpha=alpha)
    near(*jackknife(model, "slope", fields(model, 1000)), slope, 0.01, 0.0, at_most=0.07)


@pytest.mark.slow
def test_the_way_through_the_ring_is_as_good() -> None:
    """Slopes differ by .006(20) where distances are chords."""
    slopes = [
        jackknife(model, "slope", fields(model, 1000))
        for model in (replace(FIELDS, L=200), replace(FIELDS, L=200, distance="chord"))
    ]
    near(slopes[1][0] - slopes[0][0], math.hypot(slopes[0][1], slopes[1][1]), 0.006, 0.01, 0.0, at_most=0.08)


@functools.cache
def resonant(state: str, count: int) -> dict[float, tuple[Array, Array]]:
    """Resonant spins, and those that they make resonant, for each h in the same states."""
    found: dict[float, list[tuple[int, int]]] = {h: [] for h in (0.01, 0.02, 0.05, 0.1)}
    for index in range(count):
        sample = AVALANCHES.sample(AVALANCHES.draw(random_stream(SEED, AVALANCHES, index)), state)
        for h, rows in found.items():
            new = newly_resonant(sample.coupling, sample.spins, sample.field, h)
            rows.append((int(np.count_nonzero(np.abs(sample.field) < h)), new))
    return {h: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows])) for h, rows in found.items()}


@pytest.mark.parametrize(
    ("h", "state", "initial", "branching"),
    [
        (0.01, "stable", (0.34, 0.04), (0.32, 0.03)),
        (0.02, "stable", (0.83, 0.06), (0.58, 0.03)),
        (0.05, "stable", (2.3, 0.2), (1.00, 0.02)),
        (0.1, "stable", (5.1, 0.4), (1.49, 0.02)),
        (0.01, "hot", (3.1, 0.2), (2.8, 0.1)),
        (0.02, "hot", (6.3, 0.3), (4.4, 0.1)),
        (0.1, "hot", (32.0, 1.0), (8.0, 0.1)),
    ],
)
def test_branching(h: float, state: str, initial: tuple[float, float], branching: tuple[float, float]) -> None:
    """Spins made resonant by one: fewer than one in stable states where h is below .05."""
    first, new = resonant(state, 250 if state == "stable" else 80)[h]
    agrees(first, *initial, 0.0, at_most=0.6 + 0.25 * initial[0])
    value, uncertain = jackknife(AVALANCHES, "branching", {"newly_resonant": new, "initial": first})
    near(value, uncertain, *branching, 0.03, at_most=0.4 + 0.08 * branching[0])


def avalanches(h: float, state: str, count: int) -> tuple[SpinGlassAvalanches, dict[str, Array]]:
    """The model, and all that is compared."""
    model = replace(AVALANCHES, h=h, state=state)
    return model, dict(measured(model, count, "ever", "initial", "final", "runaway"))


@pytest.mark.slow
def test_stable_states_do_not_run_away_and_hot_ones_do() -> None:
    """At h = .01 and L = 1000: none of 200, and .97; where h is .1, .97 of stable ones do as well."""
    _, cold = avalanches(0.01, "stable", 150)
    assert mean(cold["runaway"]) < 0.02
    assert (cold["final"] > 8).mean() < 0.03
    model, hot = avalanches(0.01, "hot", 60)
    assert mean(hot["runaway"]) > 0.85
    near(*jackknife(model, "growth", hot), 0.65, 0.0, 0.05, at_most=0.15)
    _, stronger = avalanches(0.1, "stable", 60)
    assert mean(stronger["runaway"]) > 0.75


def test_hot_avalanches_grow_like_a_root() -> None:
    """Between 30 and 1000 flips at h = .1: .47, and .54 for those beyond the first."""
    model, rows = avalanches(0.1, "hot", 60)
    later = replace(model, growth_window=(30.0, 1000.0))
    near(*jackknife(later, "growth", rows), 0.47, 0.0, 0.03, at_most=0.1)
    near(*jackknife(later, "growth_beyond", rows), 0.54, 0.0, 0.03, at_most=0.1)


def test_lengths_collapse() -> None:
    """One spin makes one resonant where h^(1/α) L is about 12, at any length."""
    for L, count in ((200, 800), (600, 200)):
        model = SpinGlassAvalanches(L=L, h=(12 / L) ** 0.7, step=(0, 1))
        assert model.functions_of_parameters["reduced_length"].value(model) == pytest.approx(12)
        rows = measured(model, count, "newly_resonant", "initial")
        near(*jackknife(model, "branching", rows), 1.0, 0.03, 0.05, at_most=0.4)


COLD_PAIRS = [(100, 1200, (0.431, 0.019), 0.019), (200, 500, (0.826, 0.037), 0.017), (400, 250, (1.37, 0.07), 0.014)]
HOT_PAIRS = [(100, 400, (7.71, 0.10)), (200, 200, (21.3, 0.3)), (400, 100, (57.4, 0.7)), (800, 50, (153.0, 2.0))]


@pytest.mark.parametrize(("L", "count", "pairs", "unstable"), COLD_PAIRS)
def test_pairs_of_stable_states(L: int, count: int, pairs: tuple[float, float], unstable: float) -> None:
    rows = measured(replace(PAIRS, L=L), count, "resonant_pairs", "unstable_pairs")
    agrees(rows["resonant_pairs"], *pairs, 0.0, at_most=0.35 * pairs[0])
    agrees(rows["unstable_pairs"], unstable, 0.0003, 0.0005, at_most=0.3 * unstable)


@pytest.mark.parametrize(("L", "count", "pairs"), HOT_PAIRS)
def test_pairs_of_hot_states(L: int, count: int, pairs: tuple[float, float]) -> None:
    rows = measured(replace(PAIRS, L=L, state="hot"), count, "resonant_pairs")
    agrees(rows["resonant_pairs"], *pairs, 0.0, at_most=0.15 * pairs[0])


def power(model: SpinGlassPairs, sizes: list[tuple[int, int]]) -> tuple[float, float]:
    """Slope of ln N over ln L with its error: lines through means and their errors."""
    rows = [measured(replace(model, L=L), count, "resonant_pairs")["resonant_pairs"] for L, count in sizes]
    x = np.log([L for L, _ in sizes])
    means, errors = np.array([mean(row) for row in rows]), np.array([error(row) for row in rows])
    (slope, _), covariance = np.polyfit(x, np.log(means), 1, w=means / errors, cov="unscaled")
    return float(slope), math.sqrt(covariance[0, 0])


@pytest.mark.slow
def test_pairs_of_stable_states_grow_slower_than_the_chain() -> None:
    """As L^.83, those of hot ones as L^1.43, faster than the 2 - α of long chains."""
    cold, hot = ([(L, count) for L, count, *_ in sizes] for sizes in (COLD_PAIRS, HOT_PAIRS))
    near(*power(PAIRS, cold), 0.826, 0.021, 0.05, at_most=0.35)
    near(*power(replace(PAIRS, state="hot"), hot), 1.429, 0.006, 0.01, at_most=0.1)
    near(*power(replace(PAIRS, state="hot", alpha=0.9), hot[:3]), 1.337, 0.006, 0.02, at_most=0.15)
    near(*power(replace(PAIRS, state="hot", p=0.25), hot[:3]), 1.410, 0.008, 0.02, at_most=0.2)
