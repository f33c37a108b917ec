"""Models of the chain: their disorder, the values that they refuse, and every observable against its definition."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import zeta

from ensemble.errors import ParameterError
from ensemble.models.spin_glass import SpinGlassAvalanches, SpinGlassFields, SpinGlassPairs
from ensemble.models.spin_glass.chain import STATES, SpinGlassChain
from ensemble.realization.random_streams import random_stream
from tests.support import samples
from tests.support.conformance import bits
from tests.support.reference import plain_chain

Array = NDArray[np.float64]

KINDS: Mapping[str, type[Any]] = {
    "fields": SpinGlassFields,
    "avalanches": SpinGlassAvalanches,
    "pairs": SpinGlassPairs,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
STREAMS = ("pairs", "turns", "choices")
ORDERS = {"stable": "random", "stable_index": "index", "stable_greedy": "greedy", "stable_reluctant": "reluctant"}


def drawn(model: SpinGlassChain, seed: int = 0) -> Any:
    return model.draw(np.random.default_rng(seed))


def plain(model: Any, seed: int) -> tuple[Array, Array, int]:
    """Couplings and spins of one realization, and how many flips made them so."""
    draw = drawn(model, seed)
    coupling = plain_chain.couplings(model.L, model.alpha, model.distance, draw.pairs)
    if model.state == "hot":
        return coupling, draw.start, 0
    return coupling, *plain_chain.relaxed(coupling, draw.start, ORDERS[model.state], draw.turns)


@every_kind
def test_what_the_framework_reads(kind: type[Any]) -> None:
    assert issubclass(kind, SpinGlassChain)
    assert kind.axes[:2] == ("L", "alpha")
    assert "state" in kind.axes
    assert kind.draw_fields == ("L",)
    assert {field.name for field in fields(kind)} == set(kind.rules)
    model: Any = kind(L=1000)
    assert (model.alpha, model.distance, model.state) == (0.7, "ring", "stable")
    assert model.memory(()) == pytest.approx(8e6, rel=0.03)


def test_models_are_values() -> None:
    """Equal and hashable whatever types their values came in."""
    one = SpinGlassAvalanches(L=np.int64(8), alpha=1, h=np.float64(0.1), step=np.array([0.0, 10.0]))  # type: ignore[arg-type]
    other = SpinGlassAvalanches(L=8, alpha=1.0, h=0.1, step=(0, 10))
    assert one == other
    assert hash(one) == hash(other)
    assert [type(step) for step in one.step] == [int, int]


@every_kind
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *[({"L": L}, f"L must be an integer from 2 to 50000, got {L!r}") for L in (1, 50_001, 2.0, True, "4")],
        *[
            ({"alpha": alpha}, f"alpha must be above 0.5 and at most 50, got {alpha!r}: at 0.5 and below")
            for alpha in (0.5, -1.0, 51.0)
        ],
        ({"alpha": float("nan")}, "alpha must be a finite number, got nan"),
        ({"distance": "line"}, 'distance must be "ring" or "chord", got \'line\''),
        (
            {"state": "cold"},
            'state must be "stable" or "stable_index" or "stable_greedy" or "stable_reluctant" or "hot"',
        ),
    ],
)
def test_refused_values(kind: type[Any], change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(**({"L": 4} | change))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (SpinGlassFields, {"smallest": 0.0}, "smallest must be positive, got 0.0"),
        (SpinGlassFields, {"largest": 1e-3}, "largest must be above smallest, got 0.001 and 0.00316228"),
        (SpinGlassFields, {"bins": 0}, "bins must be an integer from 1 to 100000, got 0"),
        (SpinGlassFields, {"near": -0.1}, "near must be positive, got -0.1"),
        (SpinGlassFields, {"window": (0.1,)}, "window must be two numbers, from and to, got (0.1,)"),
        (SpinGlassFields, {"window": (0.5, 0.1)}, "window must be strictly increasing and not negative"),
        (SpinGlassAvalanches, {"h": 0.0}, "h must be positive, got 0.0"),
        (SpinGlassAvalanches, {"runaway_from": 1.5}, "runaway_from must be at most 1, got 1.5"),
        (SpinGlassAvalanches, {"growth_window": (1.0, 2.0, 3.0)}, "growth_window must be two numbers, from and to"),
        (SpinGlassAvalanches, {"step": (0, 1.5)}, "step must be whole numbers up to 10000000, got (0, 1.5)"),
        (SpinGlassAvalanches, {"step": (0, 1e9)}, "step must be whole numbers up to 10000000"),
        (SpinGlassAvalanches, {"step": (-1, 1)}, "step must be strictly increasing and not negative, got (-1, 1)"),
        (SpinGlassPairs, {"h": -1.0}, "h must be positive, got -1.0"),
        (SpinGlassPairs, {"p": 0.0}, "p must be positive, got 0.0"),
    ],
)
def test_refused_values_of_one(kind: type[Any], change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(**({"L": 4} | change))
    assert str(caught.value).startswith(sentence)


def test_draws_are_the_documented_sequences_of_variates() -> None:
    """Growing a store adds realizations to those of an earlier version: the order of variates must not change."""
    rng, draw = np.random.default_rng(3), drawn(SpinGlassPairs(L=5), seed=3)
    assert np.array_equal(draw.start, rng.choice([-1.0, 1.0], 5))
    pairs, turns = rng.integers(2**64, size=(2, 2), dtype=np.uint64)
    expected = np.random.Generator(np.random.SFC64(np.random.SeedSequence([int(word) for word in pairs])))
    ahead = np.random.Philox(key=turns).jumped()
    for name, like in (
        ("pairs", expected),
        ("turns", np.random.Generator(np.random.Philox(key=turns))),
        ("choices", np.random.Generator(ahead)),
    ):
        numbers = like.standard_normal(10)
        assert np.array_equal(getattr(draw, name).standard_normal(10), numbers)
        assert np.array_equal(getattr(draw, name).standard_normal(10), numbers)


def test_disorder_is_what_it_is_said_to_be() -> None:
    """Spins up or down, standard normal numbers, and streams of different kinds that know nothing of one another."""
    draws = [drawn(SpinGlassFields(L=50), seed) for seed in range(300)]
    start = np.array([draw.start for draw in draws])
    streams = np.array([[getattr(draw, name).standard_normal(100) for draw in draws] for name in STREAMS])
    assert set(start.ravel().tolist()) == {-1.0, 1.0}
    assert start.mean() == pytest.approx(0.0, abs=4 / math.sqrt(start.size))
    for numbers in streams:
        assert numbers.mean() == pytest.approx(0.0, abs=4 / math.sqrt(numbers.size))
        assert numbers.var() == pytest.approx(1.0, abs=4 * math.sqrt(2 / numbers.size))
    assert np.abs(np.corrcoef(streams.reshape(-1, 100)) - np.eye(900)).max() < 0.7
    assert np.abs(np.corrcoef(start) - np.eye(300)).max() < 0.8


def test_all_models_of_one_length_have_the_same_couplings() -> None:
    """Whatever their power, field and state, realization by realization; another length has others."""
    found = {
        bits(model.draw(random_stream(5, model, 3)))
        for model in (
            SpinGlassFields(L=20),
            SpinGlassFields(L=20, alpha=0.9, distance="chord", state="hot"),
            SpinGlassAvalanches(L=20, h=0.3),
            SpinGlassPairs(L=20, state="stable_greedy"),
        )
    }
    assert len(found) == 1
    other = SpinGlassFields(L=21)
    assert bits(other.draw(random_stream(5, other, 3))) not in found


def test_derived_quantities() -> None:
    model = SpinGlassAvalanches(L=200, alpha=0.8, h=0.03)
    found = {name: derived.value(model) for name, derived in type(model).functions_of_parameters.items()}
    assert found["threshold"] == pytest.approx(0.25)
    assert found["correction"] == pytest.approx(0.6)
    assert found["variance"] == pytest.approx(sum(min(d, 200 - d) ** -1.6 for d in range(1, 200)))
    assert found["variance_infinite"] == pytest.approx(2 * zeta(1.6))
    assert found["reduced_length"] == pytest.approx(0.03**1.25 * 200)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("others", [{}, {"alpha": 1.0, "distance": "chord"}], ids=repr)
def test_fields(state: str, others: dict[str, Any]) -> None:
    model = SpinGlassFields(L=40, state=state, smallest=0.05, largest=3.0, bins=7, near=0.3, **others)
    edges = [0.05 * 60 ** (place / 7) for place in range(8)]
    np.testing.assert_allclose(
        model.coords()["field"], [math.sqrt(low * high) for low, high in pairwise(edges)], rtol=1e-12
    )
    for seed in range(4):
        found, (coupling, spins, flips) = model.measure(drawn(model, seed)), plain(model, seed)
        field = coupling @ spins
        size = np.abs(field)
        density = [((size >= low) & (size < high)).sum() / (80 * (high - low)) for low, high in pairwise(edges)]
        np.testing.assert_allclose(found["density"], density, rtol=1e-12)
        assert found["density_at_zero"] == pytest.approx((size < 0.3).sum() / (40 * 0.6))
        assert found["smallest_field"] == pytest.approx(size.min())
        assert found["mean_square"] == pytest.approx(np.mean(field**2))
        assert found["neighbours"] == pytest.approx(np.mean([field[i] * field[i - 1] for i in range(40)]))
        assert found["energy"] == pytest.approx(plain_chain.energy(coupling, spins) / 40)
        assert found["flips"] == flips / 40


def test_avalanches() -> None:
    """Reference: plain loops; what is asked for changes nothing of what is found."""
    model = SpinGlassAvalanches(L=60, h=0.3, state="stable", step=(0, 1, 4, 30, 100), runaway_from=0.2)
    away = set()
    for seed in range(12):
        draw, (coupling, spins, _) = drawn(model, seed), plain(model, seed)
        expected = plain_chain.PlainAvalanche.of(coupling, spins, 0.3, draw.choices.random(100).tolist())
        ever = expected.ever + [expected.ever[-1]] * (101 - len(expected.ever))
        found = model.measure(draw)
        assert np.asarray(found["ever"]).tolist() == [ever[step] for step in model.step]
        assert (found["initial"], found["final"], found["flips"]) == (ever[0], ever[-1], len(expected.flipped))
        assert found["runaway"] == (ever[-1] > 12)
        assert found["newly_resonant"] == plain_chain.newly_resonant(coupling, spins, 0.3)
        away.add(bool(found["runaway"]))
    assert away == {False, True}


def test_pairs() -> None:
    model = SpinGlassPairs(L=12, h=0.4, state="hot", p=0.7)
    for seed in range(6):
        found, (coupling, spins, _) = model.measure(drawn(model, seed)), plain(model, seed)
        size = np.abs(coupling @ spins)
        apart = [(i, j) for i in range(12) for j in range(i) if min(size[i], size[j]) >= 0.4]
        amplitudes = [4 * 0.7 * plain_chain.second_order(coupling, spins, 0.4, *pair) for pair in apart]
        assert found["resonant_pairs"] == np.count_nonzero(np.abs(amplitudes) > 1)
        assert found["resonant_spins"] == np.count_nonzero(size < 0.4)
        before = plain_chain.energy(coupling, spins)
        gains = [
            plain_chain.energy(coupling, plain_chain.turned(spins, i, j)) < before
            for i, j in apart
            if min(plain_chain.energy(coupling, plain_chain.turned(spins, each)) for each in (i, j)) > before
        ]
        assert found["unstable_pairs"] == pytest.approx(sum(gains) / 12)


def test_lines_through_densities() -> None:
    """Reference: np.polyfit with a weight for each bin that its counts give it; a power has its own exponent."""
    model = SpinGlassFields(L=100, window=(0.2, 2.0))
    rows = samples.measured(model, 200, "density")
    place, density = model.coords()["field"], rows["density"].mean(axis=0)
    inside = (place > 0.2) & (place < 2.0)
    counts = rows["density"].sum(axis=0) * 200 * np.diff(np.geomspace(10**-2.5, 4.0, 33))
    assert counts[inside].sum() > 2000
    slope, value = np.polyfit(np.log(place[inside]), np.log(density[inside]), 1, w=np.sqrt(counts[inside]))
    assert samples.made(model, "slope", rows) == pytest.approx(slope, rel=1e-9)
    assert samples.made(model, "prefactor", rows) == pytest.approx(math.exp(value), rel=1e-9)
    power = {"density": 0.08 * place[np.newaxis] ** 0.49}
    assert samples.made(model, "slope", power) == pytest.approx(0.49, rel=1e-9)
    assert samples.made(model, "prefactor", power) == pytest.approx(0.08, rel=1e-9)
    one = {"density": np.where(np.arange(32) == 24, power["density"], 0.0)}
    assert np.isnan(samples.made(model, "slope", one))
    assert np.isnan(samples.made(model, "prefactor", one))
    without = {"density": np.where(np.arange(32) == 24, 0.0, power["density"])}
    assert samples.made(model, "slope", without) == pytest.approx(0.49, rel=1e-9)


def test_what_avalanches_come_to() -> None:
    """Reference: NumPy on averages of real samples, and known laws."""
    model = SpinGlassAvalanches(L=100, h=0.2, state="hot", growth_window=(2.0, 50.0))
    rows = samples.measured(model, 20, "ever", "initial", "newly_resonant")
    ever, step = rows["ever"].mean(axis=0), np.asarray(model.step)
    inside = (step >= 2) & (step <= 50)
    assert inside.sum() > 8
    np.testing.assert_allclose(samples.made(model, "fraction", rows), ever / 100)
    slope = np.polyfit(np.log(step[inside]), np.log(ever[inside]), 1)[0]
    assert samples.made(model, "growth", rows) == pytest.approx(slope, rel=1e-9)
    further = np.log((ever - rows["initial"].mean())[inside])
    assert samples.made(model, "growth_beyond", rows) == pytest.approx(np.polyfit(np.log(step[inside]), further, 1)[0])
    ratio = rows["newly_resonant"].sum() / rows["initial"].sum()
    assert samples.made(model, "branching", rows) == pytest.approx(ratio)
    law = {"ever": 7.0 + 3 * step[np.newaxis] ** 0.5, "initial": np.array([7.0]), "newly_resonant": np.array([0.0])}
    assert samples.made(model, "growth_beyond", law) == pytest.approx(0.5)
    nothing = {name: np.zeros_like(values) for name, values in law.items()}
    assert all(np.isnan(samples.made(model, name, nothing)) for name in ("growth", "growth_beyond", "branching"))
    away = replace(model, growth_window=(1.2, 1.4))
    assert np.isnan(samples.made(away, "growth", rows))
