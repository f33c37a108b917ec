"""Spectra and remnants of the chain: their parameters, and observables against tensor products and plain loops."""

import json
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.spin_glass import SpinGlassFields, SpinGlassRemnant, SpinGlassSpectrum
from ensemble.models.spin_glass.chain import STATES, SpinGlassChain
from ensemble.realization.random_streams import random_stream
from tests.support import samples
from tests.support.conformance import bits
from tests.support.elsewhere import printed, python
from tests.support.processes import read_output
from tests.support.reference import tensor_chain

Array = NDArray[np.float64]

EVERY_SUM = tuple(SpinGlassSpectrum.observables)


def drawn(model: SpinGlassChain, seed: int = 0) -> Any:
    return model.draw(np.random.default_rng(seed))


def measured(model: SpinGlassChain, seed: int = 0) -> dict[str, Array]:
    found = model.measure(drawn(model, seed))
    return {name: np.asarray(found[name]) for name in type(model).observables}


def test_what_the_framework_reads() -> None:
    assert SpinGlassSpectrum.axes == ("L", "alpha", "h")
    assert SpinGlassRemnant.axes == ("L", "alpha", "h", "free")
    for kind in (SpinGlassSpectrum, SpinGlassRemnant):
        assert issubclass(kind, SpinGlassChain)
        assert kind.draw_fields == ("L",)
        assert {field.name for field in fields(kind)} == set(kind.rules)
    assert SpinGlassRemnant(L=9).state == "stable"


def test_the_disorder_is_that_of_all_models_of_the_chain() -> None:
    models = (SpinGlassFields(L=12), SpinGlassSpectrum(L=12, h=1.0), SpinGlassRemnant(L=12, alpha=0.9))
    assert len({bits(model.draw(random_stream(5, model, 3))) for model in models}) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *[({"L": L}, f"L must be an integer from 2 to 16, got {L!r}") for L in (1, 17, 8.0)],
        ({"alpha": 0.5}, "alpha must be above 0.5 and at most 50, got 0.5"),
        ({"h": -0.1}, "h must not be negative, got -0.1"),
        ({"sectors": "even"}, 'sectors must be "both" or "plus" or "minus", got \'even\''),
        *[({"whole": whole}, f"whole must be an integer from 8 to 14, got {whole}") for whole in (7, 15)],
        ({"targets": ()}, "targets must be a sequence of finite numbers, got ()"),
        ({"targets": (0.5, 0.4)}, "targets must be strictly increasing, got (0.5, 0.4)"),
        ({"targets": (0.5, 1.1)}, "targets must lie between 0 and 1, got (0.5, 1.1)"),
        ({"levels": 0}, "levels must be an integer from 1 to 1000, got 0"),
        ({"bins": 0}, "bins must be an integer from 10 to 10000, got 0"),
        ({"bins": 12}, "bins must be a multiple of 10, so that the ends and the middle have some, got 12"),
    ],
)
def test_refused_values_of_a_spectrum(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SpinGlassSpectrum(**({"L": 8} | change))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"h": 0.0}, "h must be positive, got 0.0"),
        *[({"free": free}, f"free must be an integer from 1 to 12, got {free}") for free in (0, 13)],
        ({"free": 9}, "free must be at most L, got 9 of 8 spins"),
        ({"ranks": 0}, "ranks must be an integer from 1 to 12, got 0"),
        ({"state": "cold"}, 'state must be "stable"'),
    ],
)
def test_refused_values_of_a_remnant(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SpinGlassRemnant(**({"L": 8} | change))
    assert str(caught.value).startswith(sentence)


def apart(model: SpinGlassSpectrum, seed: int) -> list[tuple[Array, Array]]:
    """Levels and squared correlations in each sector, the even one first, by tensor products."""
    coupling = model.coupling(drawn(model, seed))
    matrix = tensor_chain.hamiltonian(coupling, model.h) - 1000 * tensor_chain.parity(model.L)
    energy, states = np.linalg.eigh(matrix)
    order, half = tensor_chain.edwards_anderson(states, model.L), len(energy) // 2
    return [(energy[part], order[part]) for part in (slice(half), slice(half, None))]


@pytest.mark.parametrize("sectors", ["both", "plus", "minus"])
@pytest.mark.parametrize("h", [0.2, 1.5])
def test_sums_over_levels(h: float, sectors: str) -> None:
    """Reference: a loop over the levels of H as a tensor product, each put in its bin."""
    model = SpinGlassSpectrum(L=6, h=h, sectors=sectors, bins=20)
    found = measured(model, 1)
    expected = {name: np.zeros(20) for name in EVERY_SUM}
    spectra = apart(model, 1)
    for energy, order in spectra if sectors == "both" else [spectra[sectors == "minus"]]:
        place = (energy - energy[0]) / (energy[-1] - energy[0])
        inside = [min(19, int(20 * each)) for each in place]
        gaps = [high - low for low, high in pairwise(energy)]
        ratios = [min(pair) / max(pair) for pair in pairwise(gaps)]
        for name, bins, values in (
            ("edwards_anderson", inside, order.tolist()),
            ("gap_ratio", inside[1:-1], ratios),
        ):
            for each in range(20):
                here = [value for value, bin_ in zip(values, bins, strict=True) if bin_ == each]
                expected[f"{name}_count"][each] += len(here)
                expected[f"{name}_sum"][each] += sum(here)
                expected[f"{name}_spectra"][each] += bool(here)
                expected[f"{name}_means"][each] += sum(here) / len(here) if here else 0
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-8, err_msg=name)


def test_what_is_made_of_sums() -> None:
    """Reference: NumPy on all sums; both halves of the spectrum on one another, its middle fifth, its end tenths."""
    model = SpinGlassSpectrum(L=8, h=0.3, bins=20)
    rows = samples.measured(model, 20, *EVERY_SUM)
    assert model.coords()["energy"].tolist() == pytest.approx([(each + 0.5) / 20 for each in range(20)])
    assert model.coords()["depth"].tolist() == pytest.approx([(each + 0.5) / 20 for each in range(10)])
    for name in ("gap_ratio", "edwards_anderson"):
        for suffix, above, below in (("", "sum", "count"), ("_by_spectrum", "means", "spectra")):
            total, count = (rows[f"{name}_{kind}"].sum(axis=0) for kind in (above, below))
            whole = samples.made(model, f"{name}{suffix}", rows)
            np.testing.assert_allclose(whole, total / count, rtol=1e-12)
            folded = [(total[k] + total[19 - k]) / (count[k] + count[19 - k]) for k in range(10)]
            np.testing.assert_allclose(samples.made(model, f"folded_{name}{suffix}", rows), folded, rtol=1e-12)
            for part, bins in (("middle", [8, 9, 10, 11]), ("edge", [0, 1, 18, 19])):
                expected = total[bins].sum() / count[bins].sum()
                assert samples.made(model, f"{part}_{name}{suffix}", rows) == pytest.approx(expected, rel=1e-12)
    assert rows["edwards_anderson_count"].sum() == 20 * 2**8
    assert rows["gap_ratio_count"].sum() == 20 * (2**8 - 4)


def test_too_few_levels() -> None:
    """Two spins have two levels in a sector: no ratio of gaps, and nothing is raised."""
    model = SpinGlassSpectrum(L=2, h=0.3)
    rows = samples.measured(model, 3, *EVERY_SUM)
    assert rows["edwards_anderson_count"].sum() == 3 * 4
    assert not rows["gap_ratio_count"].any()
    assert np.isnan(samples.made(model, "gap_ratio", rows)).all()


def test_levels_around_targets_are_some_of_all() -> None:
    """Reference: the whole spectrum, whose bins have more levels; where they have as many, they are the same."""
    some = SpinGlassSpectrum(L=9, h=0.4, whole=8, targets=(0.35, 0.5, 0.75), levels=40, bins=100)
    found, expected = measured(some), measured(replace(some, whole=9))
    count = found["edwards_anderson_count"]
    assert (count <= expected["edwards_anderson_count"]).all()
    assert 150 < count.sum() <= 6 * 40
    assert expected["edwards_anderson_count"].sum() == 512
    same = (count == expected["edwards_anderson_count"]) & (found["gap_ratio_count"] == expected["gap_ratio_count"])
    assert np.count_nonzero(same & (count > 0)) > 20
    for name in EVERY_SUM:
        np.testing.assert_allclose(found[name][same], expected[name][same], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("free", "ranks", "state", "h"), [(5, 6, "stable", 0.3), (6, 4, "hot", 1.0), (1, 1, "stable_greedy", 0.1)]
)
def test_remnants(free: int, ranks: int, state: str, h: float) -> None:
    """Reference: tensor products, every free spin in the field of each frozen one; a sum over eigenstates."""
    model = SpinGlassRemnant(L=20, h=h, free=free, ranks=ranks, state=state)
    found, sample = measured(model, 2), model.sample(drawn(model, 2), state)
    spins = sorted(range(20), key=lambda i: abs(sample.coupling[i] @ sample.spins))
    inside, outside = spins[:free], spins[free:]
    field = np.array([sum(sample.coupling[i, j] * sample.spins[j] for j in outside) for i in inside])
    matrix = tensor_chain.hamiltonian(sample.coupling[np.ix_(inside, inside)], h, field)
    _, states = np.linalg.eigh(matrix)
    weights = states[tensor_chain.place(sample.spins[inside])] ** 2
    count = min(free, ranks)
    remains = np.full(ranks, np.nan)
    for n, z in enumerate(tensor_chain.operators(qutip.sigmaz(), free)[:count]):
        remains[n] = sample.spins[inside[n]] * sum(weights * np.diagonal(states.T @ z @ states))
    size = np.full(ranks, np.nan)
    size[:count] = [abs(sample.coupling[i] @ sample.spins) for i in inside[:count]]
    np.testing.assert_allclose(found["polarization"], remains, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["field"], size, rtol=1e-12)
    np.testing.assert_allclose(found["baseline"], size**2 / (size**2 + h**2), rtol=1e-10)
    assert found["mean_polarization"] == pytest.approx(np.mean(remains[:count]), abs=1e-10)
    assert found["mean_baseline"] == pytest.approx(np.mean(found["baseline"][:count]), rel=1e-12)
    assert model.coords()["rank"].tolist() == list(range(1, ranks + 1))
    rows = {name: np.asarray(values)[np.newaxis] for name, values in found.items()}
    over = found["mean_polarization"] / found["mean_baseline"]
    assert samples.made(model, "over_baseline", rows) == pytest.approx(over)


@pytest.mark.parametrize("state", STATES)
def test_remnants_of_all_states(state: str) -> None:
    found = measured(SpinGlassRemnant(L=30, state=state, free=4))
    assert np.isnan(found["polarization"][4:]).all()
    assert (np.abs(found["polarization"][:4]) <= 1).all()
    assert (np.diff(found["field"][:4]) > 0).all()


MODELS: list[Any] = [
    *(SpinGlassSpectrum(L=9, h=h) for h in (0.05, 1.0)),
    SpinGlassSpectrum(L=9, h=0.5, whole=8, levels=20, sectors="minus"),
    *(SpinGlassRemnant(L=60, h=0.3, free=8, state=state) for state in ("stable", "hot")),
]
BITS = "from tests.models.test_spin_glass_eigenstates import every_bit; print(every_bit())"
NUMBERS = "from tests.models.test_spin_glass_eigenstates import numbers; print(numbers())"


def every_bit() -> str:
    """All observables of one realization of each, to the last bit."""
    found = [measured(model, 5) for model in MODELS]
    return repr([[each[name].tobytes().hex() for name in sorted(each)] for each in found])


@pytest.mark.slow
def test_processes_threads_and_leftovers_in_memory_change_no_bit() -> None:
    assert printed(BITS, 1, leftover=1) == printed(BITS, 2, leftover=127) == every_bit()


def numbers() -> str:
    """The same as numbers, those of all observables in a row."""
    found = [measured(model, 5) for model in MODELS]
    return json.dumps(
        [{name: np.nan_to_num(values).ravel().tolist() for name, values in each.items()} for each in found]
    )


@pytest.mark.slow
def test_another_processor_takes_nothing_further_than_is_said() -> None:
    """Linear algebra of an older one, from the same library: other last digits."""
    older = printed(NUMBERS, 1, leftover=0, OPENBLAS_CORETYPE="Nehalem")
    assert older != numbers()
    for model, there, here in zip(MODELS, json.loads(older), json.loads(numbers()), strict=True):
        for name, observable in type(model).observables.items():
            allowed = (observable.accuracy or 1e-12) * np.abs(here[name]).max()
            np.testing.assert_allclose(there[name], here[name], rtol=0, atol=allowed, err_msg=name)


MEMORY = """
import numpy as np
from ensemble.models.spin_glass import SpinGlassRemnant, SpinGlassSpectrum

def most():
    with open("/proc/self/status") as told:
        return next(1024 * int(line.split()[1]) for line in told if line.startswith("VmHWM"))

def measure(model):
    found = model.measure(model.draw(np.random.default_rng(0)))
    return [found[name] for name in model.observables]

measure(SpinGlassRemnant(L=20, free=2))
measure(SpinGlassSpectrum(L=9, whole=8, levels=2))
model = eval({model!r}, globals())
before = most()
measure(model)
print((most() - before) / model.memory(set(model.observables)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        SpinGlassSpectrum(L=12, sectors="plus"),
        SpinGlassSpectrum(L=12, sectors="plus", whole=8, levels=150, targets=(0.3,)),
        SpinGlassRemnant(L=2000, free=10),
        SpinGlassRemnant(L=20, free=11),
    ],
    ids=lambda model: f"{type(model).__name__} {model.L}",
)
def test_a_realization_takes_as_much_memory_as_is_said(model: Any) -> None:
    """In a process of its own, beside what others like it have taken before."""
    assert 0.4 < float(read_output(python(MEMORY.format(model=repr(model))))) < 1.2
