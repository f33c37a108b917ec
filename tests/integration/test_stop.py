"""Stop rules: a point ends when the error of its quantity is small enough, at the same realization whatever happens."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
import zarr
from numpy.typing import NDArray

from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from ensemble.errors import SweepError
from ensemble.fit import Estimate
from ensemble.realization.random_streams import random_stream
from ensemble.run import Summary, Watch, prefix_sums
from ensemble.run.adaptive_stopping import check
from ensemble.run.deadline import deadline_within
from ensemble.store import Status, lock
from ensemble.sweep.stop_rule import StopRule
from tests.support import SUPPORT
from tests.support.clusters import address_of
from tests.support.command import line
from tests.support.command import run as run_command
from tests.support.contents import chunks, contents
from tests.support.faults import RUN, told, workers
from tests.support.processes import start
from tests.support.toy_model import TOY, ToyModel
from tests.support.waiting import wait_during

Toy = Callable[..., Sweep]

NOWHERE = "tcp://127.0.0.1:1"
"""No cluster is there: what runs on it does not run."""

WALK = {"observable": "walk", "law": "mean", "at": 3, "absolute": 0.1, "min": 32}
"""Met by the walk of 2 walkers after about 70 realizations, by that of 6 after 200, by that of 30 after 1000."""

TABLES: dict[str, Any] = {"axes": {"size": [2, 6, 30]}, "realizations": 400, "store": {"chunk": 16}, "stop": WALK}

CHECKPOINTS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 400]


def walks(size: int, count: int, drift: float = 0.0) -> NDArray[np.float64]:
    """The trajectories that the model measures."""
    model = ToyModel(size=size, drift=drift)
    return np.array([model.measure(model.draw(random_stream(1, model, index)))["walk"] for index in range(count)])


def enough(size: int, target: float, most: int = 400, failed: frozenset[int] = frozenset()) -> int:
    """Where the rule WALK must end, by the textbook: groups of 1, 2, 4... realizations, means of equal weight."""
    last = walks(size, most)[:, 3]
    for number, count in enumerate(CHECKPOINTS):
        length = 2 ** (number // 4)
        groups = [range(at, min(at + length, count)) for at in range(0, count, length)]
        means = np.array([last[[index for index in group if index not in failed]].mean() for group in groups])
        if count % length == 0 and means.std(ddof=1) / np.sqrt(len(means)) <= target:
            return count
    return most


def done(store: Path) -> NDArray[np.int64]:
    """How many realizations every point has, after a look that they are its first ones."""
    status = xr.open_zarr(store)["status"].to_numpy()
    counts = (status > 0).sum(axis=-1)
    assert (np.sort(status > 0, axis=-1)[..., ::-1] == (status > 0)).all(), "a realization beyond the stop was computed"
    return np.asarray(counts)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """The store of a run that nothing happened to."""
    store = tmp_path_factory.mktemp("undisturbed") / "a.zarr"
    run_sweep(Sweep.from_table({"model": TOY, "seed": 1, **TABLES}), store, cluster=address)
    return store


# What a sweep may say.

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"maxi": 3}, r"\[stop\] holds an unknown key 'maxi': did you mean 'max'\?"),
    "no law": ({"law": None}, r"\[stop\] law must be given, such as mean or plateau, but it is missing"),
    "law of a wrong type": ({"law": 3}, r"\[stop\] law must be a text, got 3"),
    "two observables": ({"observable": None}, r"observable must be one of those measured, walk, final, but it is miss"),
    "no such observable": ({"observable": "wolk"}, r"must be one of those measured, walk, final, but got 'wolk'"),
    "observable not chosen": ({"observable": "paths"}, r"must be one of those measured, walk, final, but got 'paths'"),
    "no target": ({"absolute": None}, r"must hold the error to reach, relative or absolute, but there is neither"),
    "negative target": ({"absolute": -0.1}, r"\[stop\] absolute must be positive, got -0\.1"),
    "no relative error": ({"relative": 0}, r"\[stop\] relative must be positive, got 0"),
    "infinite target": ({"relative": float("inf")}, r"\[stop\] relative must be a finite number, got inf"),
    "min too small": ({"min": 3}, r"min must be from 4 to the most realizations of a point, 10, got 3"),
    "min too large": ({"min": 11}, r"min must be from 4 to the most realizations of a point, 10, got 11"),
    "min of a wrong type": ({"min": 4.0}, r"\[stop\] min must be an integer, got 4\.0"),
    "max twice": ({"max": 20}, r"realizations must be left out where \[stop\] has max, which means the same"),
    "no at": (
        {"at": None},
        r"asks for mean of walk to 0\.1, but walk is a function of t: say at which time, at = 3 for",
    ),
    "at too late": ({"at": 4}, r"mean of walk at 4 to 0\.1, but at must be from 0 to 3, the times of the sweep"),
    "at too early": ({"at": -1}, r"but at must be from 0 to 3, the times of the sweep"),
    "at of a number": ({"observable": "final"}, r"but final is a number and not a function of t: leave out at"),
    "at of a law": (
        {"law": "plateau"},
        r"plateau of walk at 3 to 0\.1, but a law has no time at .*: leave out at",
    ),
    "no such law": ({"law": "powr"}, r"powr of walk at 3 to .* fitted with, got 'powr': did you mean 'power'\?"),
    "all laws": ({"law": "compare"}, r"but compare fits several laws: choose one of plateau, power, growth"),
    "law of a number": ({"observable": "final", "law": "power", "at": None}, r"its law is mean"),
    "no such parameter": (
        {"law": "power", "at": None, "parameter": "beeta"},
        r"\[stop\] asks for beeta of power of walk to 0\.1, but 'beeta' is no parameter of that law: did you m",
    ),
    "parameter of a mean": ({"parameter": "c"}, r"but a mean has no parameter: leave it out, or ask for a law"),
    "window of a mean": ({"window": [1, 2]}, r"but a mean has no window: leave it out"),
    "window reversed": ({"window": [2, 1]}, r"window must be two times, the first below the second, got \[2, 1\]"),
    "window of one": ({"window": [2]}, r"window must be two times"),
    "window of words": ({"window": "late"}, r"\[stop\] window must be a list, got 'late'"),
    "window of no time": (
        {"law": "plateau", "at": None, "window": [7, 9]},
        r"no time of the sweep lies in the win",
    ),
    "reference of a mean": ({"reference": {"drift": 0}}, r"but a mean has no reference: leave it out"),
    "reference missing": (
        {"law": "stretched", "at": None},
        r"a reference such as .* must be given with the law str",
    ),
    "reference of no law": (
        {"law": "plateau", "at": None, "reference": {"drift": 0}},
        r"stretched, and with no o",
    ),
    "reference not on the grid": (
        {"law": "stretched", "at": None, "reference": {"drift": 1.0}},
        r"but the reference drift = 1 is no point of the sweep: add it to \[axes\]",
    ),
    "reference not an axis": (
        {"law": "stretched", "at": None, "reference": {"raises_below": -1.0}},
        r"but the reference raises_below = -1 is no point of the sweep",
    ),
    "reference of a wrong type": (
        {"reference": [0]},
        r"reference must be a table of values of axes, such as .* got \[0\]",
    ),
    "reference of lists": ({"reference": {"drift": [0]}}, r"reference must be a table of values of axes"),
}


def changed(table: dict[str, Any]) -> dict[str, Any]:
    """The rule WALK with other entries; None takes one away."""
    return {key: value for key, value in {**WALK, "min": 4, **table}.items() if value is not None}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_refused_in_a_sentence(name: str, toy: Toy) -> None:
    table, told = WRONG[name]
    with pytest.raises(SweepError, match=told) as raised:
        check(toy(stop=changed(table)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("observable", "told"), [("wave", "complex"), ("paths", "a function of walkers, t")])
def test_a_quantity_of_what_is_no_real_curve_is_refused(observable: str, told: str, toy: Toy) -> None:
    for table in ({"law": "plateau"}, {"law": "mean"}):
        stop = {"observable": observable, "relative": 0.1, "min": 4, **table}
        sweep = toy(observables=[observable], parameters={"walkers": [0, 1]}, stop=stop)
        with pytest.raises(SweepError, match=rf"real and a function of t or a number: {observable} is {told}"):
            check(sweep)


def test_a_rule_needs_points_besides_the_reference_and_realizations_to_judge(toy: Toy) -> None:
    stop = {"observable": "walk", "law": "stretched", "relative": 0.1, "min": 4, "reference": {"drift": 0.0}}
    with pytest.raises(SweepError, match="but all points are the reference: add others to"):
        check(toy(axes={"size": [2, 3], "drift": [0.0]}, stop=stop))
    with pytest.raises(SweepError, match=r"must have at least 4 realizations to be judged by \[stop\], got 3"):
        toy(realizations=3, stop=WALK)
    with pytest.raises(SweepError, match=r"\[stop\] max must be at least 1, got 0"):
        Sweep.from_table({"model": TOY, "seed": 1, "axes": {"size": [2]}, "stop": {"max": 0}})
    with pytest.raises(SweepError, match=r"\[stop\] must be a table, got 3"):
        toy(stop=3)


def test_max_is_the_realizations_and_what_is_left_out_is_assumed() -> None:
    table = {"model": TOY, "seed": 1, "axes": {"size": [2]}, "observables": ["walk"]}
    sweep = Sweep.from_table({**table, "stop": {"law": "plateau", "relative": 0.02, "max": 1000}})
    assert sweep.realizations == 1000
    assert sweep.stop == StopRule("walk", "plateau", relative=0.02, least=100)
    few = Sweep.from_table({**table, "realizations": 7, "stop": {"law": "plateau", "relative": 0.02}})
    assert few.stop is not None
    assert few.stop.least == 7


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    "name", ["unknown key", "no target", "no such law", "at too late", "reference not on the grid"]
)
def test_the_command_line_refuses_a_wrong_rule_before_anything_is_there(
    command: str, name: str, tmp_path: Path
) -> None:
    table, _ = WRONG[name]
    said = [f"{key} = {_toml(value)}" for key, value in changed(table).items()]
    sweep = f'model = "{TOY}"\nrealizations = 10\nseed = 1\naxes.size = [2]\n[stop]\n' + "\n".join(said)
    (tmp_path / "a.toml").write_text(sweep)
    ended = run_command(tmp_path, command, "a.toml", *(["--cluster", NOWHERE] if command == "run" else []))
    assert ended.returncode == 2
    assert "[stop]" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else repr(value)


# Where a point is judged.


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (4, 4, [4]),
        (4, 30, [4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 30]),
        (5, 12, [5, 6, 7, 8, 10, 12]),
        (100, 100, [100]),
        (100, 101, [100, 101]),
        (100, 700, [100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 700]),
        (32, 400, CHECKPOINTS),
        (33, 90, [33, 41, 49, 57, 66, 82, 90]),
    ],
)
def test_checkpoints(least: int, most: int, expected: list[int]) -> None:
    stop = StopRule("walk", "mean", least=least)
    assert list(stop.checkpoints(most)) == expected
    assert [stop.checkpoint(number, most) for number in range(len(expected))] == expected


@pytest.mark.parametrize("least", [4, 5, 17, 31, 32, 33, 100, 1001])
def test_every_second_edge_stays_one(least: int) -> None:
    stop = StopRule("walk", "mean", least=least)
    for number in range(24):
        edges, later = stop.edges(number), stop.edges(number + 1)
        assert edges[0] == 0
        assert list(edges) == sorted(edges)
        assert edges[-1] == stop.checkpoint(number, 10**9)
        assert 33 <= len(edges) <= 57
        kept = edges[::2] if stop.doubles(number + 1) else edges
        assert later[: len(kept)] == kept


# What an error is worth.


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(1.0, 1.0, n),
        lambda rng, n: rng.exponential(1.0, n),
        lambda rng, n: rng.gamma(0.25, 4.0, n),
    ],
    ids=["normal", "exponential", "skewed"],
)
def test_where_a_rule_ends_the_error_is_honest(
    draw: Callable[[np.random.Generator, int], NDArray[np.float64]],
) -> None:
    """In 600 ensembles whose mean is 1, with hundreds of realizations each; 68 % of them should be within the error."""
    stop = StopRule("x", "mean", relative=0.05, least=64)
    deviations, errors, targets = [], [], []
    for seed in range(600):
        values = draw(np.random.default_rng(seed), 20_000)
        for number in itertools.count():
            edges = np.array(stop.edges(number))
            means = np.add.reduceat(values[: edges[-1]], edges[:-1]) / np.diff(edges)
            estimate = Estimate.of_blocks(means, np.diff(edges))
            value, error = float(estimate.value), float(estimate.error)
            if stop.met(value, error):
                break
        deviations.append(value - 1.0)
        errors.append(error)
        targets.append(stop.relative * abs(value))
    assert (np.array(errors) <= np.array(targets)).all()
    assert 0.60 < np.mean(np.abs(deviations) < errors) < 0.76
    assert 0.9 < np.sqrt(np.mean(np.square(np.array(deviations) / targets))) < 1.1


# Runs.


def test_points_get_as_many_realizations_as_they_need(undisturbed: Path) -> None:
    counts = done(undisturbed).ravel().tolist()
    assert counts == [enough(2, 0.1), enough(6, 0.1), 400]
    assert counts[0] < counts[1] < counts[2]
    assert set(counts) <= set(CHECKPOINTS)
    with xr.open_zarr(undisturbed) as dataset:
        assert dataset["target_n"].to_numpy().ravel().tolist() == counts
        errors = dataset["target_error"].to_numpy().ravel()
        assert (errors[:2] <= 0.1).all()
        assert errors[2] > 0.1
        for size, count in zip((2, 6, 30), counts, strict=True):
            value = float(dataset["target_value"].sel(size=size))
            assert value == pytest.approx(walks(size, count)[:, 3].mean(), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3, None])
@pytest.mark.parametrize("chunk", [4, 16, 64])
def test_the_stop_depends_on_neither_batches_nor_chunks_nor_workers(
    batch: int | None, chunk: int, toy: Toy, tmp_path: Path, address: str, one_worker: str, undisturbed: Path
) -> None:
    where = one_worker if chunk == 16 else address
    summary = run_sweep(toy(**{**TABLES, "store": {"chunk": chunk}}), tmp_path / "a.zarr", cluster=where, batch=batch)
    assert (summary.groups, summary.met, summary.undecided, summary.left) == (3, 2, 0, 0)
    assert summary.wanted == summary.computed == done(undisturbed).sum()
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


def test_nor_on_how_many_tasks_sum_up(
    toy: Toy, tmp_path: Path, address: str, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix_sums, "_TASK_BYTES", 1)
    assert run_sweep(toy(**TABLES), tmp_path / "a.zarr", cluster=address).undecided == 0
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


def test_a_second_run_starts_nothing(toy: Toy, tmp_path: Path, address: str, undisturbed: Path) -> None:
    first = run_sweep(toy(**TABLES), tmp_path / "a.zarr", cluster=address)
    again = run_sweep(toy(**TABLES), tmp_path / "a.zarr", cluster=NOWHERE)
    assert (again.wanted, again.found, again.computed) == (first.wanted, first.wanted, 0)
    assert (again.groups, again.met, again.undecided) == (3, 2, 0)
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


@pytest.mark.slow
def test_what_the_book_tells_of_targets_only_saves_time(
    toy: Toy, tmp_path: Path, address: str, undisturbed: Path
) -> None:
    run_sweep(toy(**TABLES), tmp_path / "a.zarr", cluster=address)
    wipe(tmp_path / "a.zarr")
    summary = run_sweep(toy(**TABLES), tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.met, summary.undecided, summary.left) == (0, 2, 0, 0)
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


def wipe(store: Path) -> None:
    """Forget what the rule has found."""
    for name, nothing in (("target_n", 0), ("target_value", np.nan), ("target_error", np.nan)):
        zarr.open_array(str(store / name), mode="r+")[...] = nothing


def test_a_rule_for_a_store_that_has_all(toy: Toy, tmp_path: Path, address: str, undisturbed: Path) -> None:
    """Nothing is computed, and nothing has to be measured; beyond the stop, what is there stays there."""
    plain = {key: value for key, value in TABLES.items() if key not in ("stop", "store")}
    run_sweep(toy(**plain, store={}), tmp_path / "a.zarr", cluster=address)
    summary = run_sweep(toy(**{**TABLES, "store": {}}), tmp_path / "a.zarr", cluster=address)
    assert summary.computed == 0
    assert summary.wanted == summary.found == done(undisturbed).sum()
    assert summary.complete
    assert (xr.open_zarr(tmp_path / "a.zarr")["status"] == 1).all()
    with xr.open_zarr(tmp_path / "a.zarr") as all_there, xr.open_zarr(undisturbed) as fresh:
        for name in ("target_n", "target_value", "target_error"):
            assert all_there[name].to_numpy().tobytes() == fresh[name].to_numpy().tobytes()


def steps(address: str, store: Path, *sweeps: Sweep) -> list[Summary]:
    """One run after the other on one store, each complete, and each with nothing left for a second one."""
    summaries = []
    for sweep in sweeps:
        summaries.append(run_sweep(sweep, store, cluster=address))
        assert summaries[-1].complete
        assert run_sweep(sweep, store, cluster=NOWHERE).computed == 0
    return summaries


@pytest.mark.slow
def test_a_tighter_and_a_looser_target_and_none(toy: Toy, tmp_path: Path, address: str) -> None:
    """What is there is never computed again, and a looser rule leaves what a tighter one has asked for."""
    loose, tight = (toy(**{**TABLES, "stop": {**WALK, "absolute": target}}) for target in (0.2, 0.1))
    plain = toy(**{key: value for key, value in TABLES.items() if key != "stop"})
    first, more, less, rest, again = steps(address, tmp_path / "a.zarr", loose, tight, loose, plain, tight)
    few, many = ([enough(size, target) for size in (2, 6, 30)] for target in (0.2, 0.1))
    assert first.computed == sum(few)
    assert (more.found, more.computed) == (sum(few), sum(many) - sum(few))
    assert (less.wanted, less.found, less.computed) == (sum(few), sum(few), 0)
    assert (rest.found, rest.computed) == (sum(many), 1200 - sum(many))
    assert (again.wanted, again.found, again.computed, again.met) == (sum(many), sum(many), 0, 2)
    run_sweep(plain, tmp_path / "b.zarr", cluster=address)
    fresh, grown = contents(tmp_path / "b.zarr"), contents(tmp_path / "a.zarr")
    assert {name: grown[name] for name in fresh} == fresh


@pytest.mark.slow
def test_a_larger_max(toy: Toy, tmp_path: Path, address: str) -> None:
    """Also a point that was exact enough with the most goes on to the next checkpoint: 150 is none any more."""
    small, large = (toy(**{**TABLES, "realizations": most}) for most in (150, 400))
    first, more = steps(address, tmp_path / "a.zarr", small, large)
    assert first.computed == enough(2, 0.1) + 150 + 150
    assert (first.met, more.met) == (2, 2)
    assert more.computed == sum(enough(size, 0.1) for size in (2, 6, 30)) - first.computed
    run_sweep(large, tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


@pytest.mark.slow
def test_another_quantity_and_another_axis_value(toy: Toy, tmp_path: Path, address: str) -> None:
    sign = {"observable": "final", "law": "mean", "absolute": 0.08, "min": 20}
    wider = {**TABLES, "axes": {"size": [2, 6, 30, 4]}, "stop": sign}
    first, other = steps(address, tmp_path / "a.zarr", toy(**TABLES), toy(**wider))
    run_sweep(toy(**wider), tmp_path / "b.zarr", cluster=address)
    with xr.open_zarr(tmp_path / "a.zarr") as grown, xr.open_zarr(tmp_path / "b.zarr") as fresh:
        for name in ("target_n", "target_value", "target_error"):
            assert grown[name].to_numpy().tobytes() == fresh[name].to_numpy().tobytes()
        there = fresh["status"].to_numpy() == 1
        assert (grown["status"].to_numpy()[there] == 1).all()
        assert np.array_equal(grown["walk"].to_numpy()[there], fresh["walk"].to_numpy()[there])
    before = [enough(size, 0.1) for size in (2, 6, 30)]
    assert first.computed == sum(before)
    assert other.computed == np.maximum(there.sum(axis=-1) - [*before, 0], 0).sum() > 0


# What fails, and what kills.


def failing(size: int, below: float, count: int = 400) -> frozenset[int]:
    """The realizations that raise."""
    return frozenset(r for r in range(count) if random_stream(1, ToyModel(size=size), r).random() < below)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
def test_failed_realizations_count_for_nothing(batch: int | None, toy: Toy, tmp_path: Path, address: str) -> None:
    sweep = toy(**TABLES, parameters={"raises_below": 0.3})
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, batch=batch)
    assert (summary.groups, summary.met, summary.undecided, summary.left) == (3, 2, 0, 0)
    counts = done(tmp_path / "a.zarr").ravel().tolist()
    failed = sum(len(failing(size, 0.3, count)) for size, count in zip((2, 6, 30), counts, strict=True))
    assert (summary.failed, summary.computed) == (failed, sum(counts) - failed)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        for size, count in zip((2, 6), counts[:2], strict=True):
            kept = sorted(set(range(count)) - failing(size, 0.3))
            value, error = (float(dataset[f"target_{name}"].sel(size=size)) for name in ("value", "error"))
            assert value == pytest.approx(walks(size, count)[kept, 3].mean(), rel=1e-12)
            assert error <= 0.1
    again = run_sweep(sweep, tmp_path / "a.zarr", cluster=NOWHERE)
    assert (again.computed, again.failed) == (0, failed)


def test_a_point_at_which_all_fail_ends_with_all_it_may_have(toy: Toy, tmp_path: Path, address: str) -> None:
    sweep = toy(**{**TABLES, "realizations": 50}, parameters={"raises_below": 2.0})
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.failed, summary.met, summary.undecided) == (0, 150, 0, 0)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert dataset["target_n"].to_numpy().tolist() == [50, 50, 50]
        assert np.isnan(dataset["target_value"]).all()
        assert np.isnan(dataset["target_error"]).all()
    assert run_sweep(sweep, tmp_path / "a.zarr", cluster=NOWHERE).complete


@pytest.mark.slow
def test_mended_realizations_are_judged_again(toy: Toy, tmp_path: Path, address: str) -> None:
    """What failed again is computed once in a run, at however many checkpoints it lies; what was mended counts."""
    mended = tmp_path / "mended"
    sweep = toy(**TABLES, parameters={"raises_below": 0.3, "unless": str(mended)})
    first = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    before = done(tmp_path / "a.zarr")
    again = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, retry_failed=True)
    assert (again.computed, again.failed, again.left, again.undecided) == (0, first.failed, 0, 0)
    assert (done(tmp_path / "a.zarr") == before).all()

    mended.touch()
    retried = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, retry_failed=True)
    assert (retried.failed, retried.left, retried.undecided, retried.met) == (0, 0, 0, 2)
    run_sweep(sweep, tmp_path / "b.zarr", cluster=address)
    with xr.open_zarr(tmp_path / "a.zarr") as grown, xr.open_zarr(tmp_path / "b.zarr") as fresh:
        for name in ("target_n", "target_value", "target_error"):
            assert grown[name].to_numpy().tobytes() == fresh[name].to_numpy().tobytes()
        there = fresh["status"].to_numpy() == 1
        assert (grown["status"].to_numpy()[there] == 1).all()
        assert np.array_equal(grown["walk"].to_numpy()[there], fresh["walk"].to_numpy()[there])
    assert retried.wanted == there.sum() == retried.found + retried.computed


@pytest.mark.slow
def test_a_realization_that_kills_its_worker_ends_neither_the_sweep_nor_its_judgements(
    toy: Toy, tmp_path: Path
) -> None:
    """Dask blames all that the worker had been given, judgements as well."""
    first = np.array([random_stream(1, ToyModel(size=2), r).random() for r in range(64)])
    threshold = float(np.sort(first)[:2].mean())
    sweep = toy(**{**TABLES, "axes": {"size": [2], "drift": [0.0, 0.5]}}, parameters={"kills_below": threshold})
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        connect("local", workers=2, insecure=True) as client,
    ):
        summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address_of(client))
    assert (summary.groups, summary.met, summary.undecided, summary.left) == (2, 2, 0, 0)
    count = int(done(tmp_path / "a.zarr")[0, 0])
    kills = failing(2, threshold, count)
    assert summary.failed == 2 * len(kills) > 0
    for status in xr.open_zarr(tmp_path / "a.zarr")["status"].to_numpy().reshape(2, -1):
        assert set(np.flatnonzero(status == Status.FAILED)) == kills


@pytest.mark.slow
def test_points_tied_by_a_reference_stop_together(tmp_path: Path, address: str) -> None:
    stop = {"law": "stretched", "reference": {"epsilon": 0}, "relative": 0.1, "min": 40}
    table = {
        "model": f"{SUPPORT / 'relaxation.py'}:Relaxation",
        "seed": 1,
        "realizations": 3000,
        "axes": {"spread": [0.5, 2.0], "epsilon": [0.1, 0.0, 0.4]},
        "store": {"chunk": 64},
        "stop": stop,
    }
    summary = run_sweep(Sweep.from_table(table), tmp_path / "a.zarr", cluster=address)
    assert (summary.groups, summary.met, summary.undecided) == (2, 2, 0)
    counts = done(tmp_path / "a.zarr")
    assert (counts == counts[0]).all()
    assert counts[0, 0] < counts[0, 1] < 3000
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert (dataset["target_n"].to_numpy() == counts * [[1], [0], [1]]).all()
        value, error = (dataset[f"target_{name}"].to_numpy()[[0, 2]] for name in ("value", "error"))
        assert (error <= 0.1 * np.abs(value)).all()
    assert run_sweep(Sweep.from_table(table), tmp_path / "a.zarr", cluster=NOWHERE).complete

    table["axes"] = {"spread": [0.5], "epsilon": [0.1, 0.0, 0.4, 0.2]}
    more = run_sweep(Sweep.from_table(table), tmp_path / "a.zarr", cluster=address)
    assert (more.groups, more.met) == (1, 1)
    run_sweep(Sweep.from_table(table), tmp_path / "b.zarr", cluster=address)
    grown, fresh = (xr.open_zarr(tmp_path / name).sel(spread=0.5) for name in ("a.zarr", "b.zarr"))
    assert np.array_equal(grown["target_n"], fresh["target_n"].squeeze())
    assert np.array_equal(grown["target_value"], fresh["target_value"].squeeze(), equal_nan=True)


@pytest.mark.slow
def test_a_tied_point_that_nobody_has_looked_at_is_not_taken_for_met(tmp_path: Path, address: str) -> None:
    """As a driver leaves it that dies when a new point has landed, but has not been judged with the others yet."""
    table = {
        "model": f"{SUPPORT / 'relaxation.py'}:Relaxation",
        "seed": 1,
        "realizations": 80,
        "axes": {"epsilon": [0.0, 0.1, 0.4]},
        "stop": {"law": "stretched", "reference": {"epsilon": 0}, "relative": 0.5, "min": 40},
    }
    sweep, store = Sweep.from_table(table), tmp_path / "a.zarr"
    run_sweep(sweep, store, cluster=address)
    before = contents(store)
    for name, nothing in (("target_n", 0), ("target_value", np.nan), ("target_error", np.nan)):
        array = zarr.open_array(str(store / name), mode="r+")
        array[2] = nothing
    assert run_sweep(sweep, store, cluster=address).computed == 0
    assert contents(store) == before


# Whatever happens to a run.


@pytest.mark.slow
def test_a_run_in_pieces_is_a_run_in_one(toy: Toy, tmp_path: Path, address: str, undisturbed: Path) -> None:
    """Cut off by deadlines that leave room for a few realizations each, and judged or not when the cut comes.

    They become longer: on a busy machine the first ones leave room for none.
    """
    sweep = toy(**TABLES, parameters={"seconds": 0.01})
    pieces = [run_sweep(sweep, tmp_path / "a.zarr", cluster=address, deadline=deadline_within(0.8))]
    while not pieces[-1].complete and len(pieces) < 60:
        end = deadline_within(0.8 + 0.05 * len(pieces))
        pieces.append(run_sweep(sweep, tmp_path / "a.zarr", cluster=address, deadline=end))
    assert [bool(piece.deadline) for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert len(pieces) > 2
    summary = pieces[-1]
    assert summary.met == 2
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


def test_an_interrupted_run_continues_to_the_same_stop(
    toy: Toy, tmp_path: Path, address: str, undisturbed: Path
) -> None:
    sweep = toy(**TABLES, parameters={"seconds": 0.003})

    class Interrupt(Watch):
        landings = 0

        def landed(self, done: int, failed: int) -> None:
            self.landings += 1
            if self.landings == 7:
                os.kill(os.getpid(), signal.SIGINT)

    signals = []
    for _ in range(30):
        summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, batch=8, watch=Interrupt())
        if summary.complete:
            break
        assert summary.deadline is None
        signals.append(summary.signal)
    assert len(signals) > 2
    assert set(signals) == {signal.SIGINT}
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


SWEEP = f"""
model = "{TOY}"
seed = 1
axes.size = [2, 6, 30]
observables = ["walk", "final"]
parameters.seconds = 0.01
store.chunk = 16
[stop]
observable = "walk"
law = "mean"
at = 3
absolute = 0.1
min = 32
max = 400
"""
"""About three seconds of work for two workers."""


@pytest.mark.slow
def test_drivers_and_workers_are_killed(tmp_path: Path, undisturbed: Path) -> None:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    dice = random.Random(7)
    for after in (1, 4, 9):
        with start(line(*RUN), tmp_path) as run:
            before = chunks(tmp_path / "a.zarr")
            wait_during(run, lambda before=before, after=after: chunks(tmp_path / "a.zarr") >= min(before + after, 40))
            time.sleep(dice.uniform(0.0, 0.3))
            run.kill()
    with start(line(*RUN, "--batch", "1"), tmp_path) as run:
        wait_during(run, lambda: lock.told(tmp_path / "a.zarr"))
        time.sleep(dice.uniform(0.0, 1.0))
        for worker in workers(run)[:1]:
            worker.kill()
        code, said = told(run)
    assert code == 0, said
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)
    ended = run_command(tmp_path, *RUN)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("everything is there: ")
    assert "2 of 3 points exact enough, 1 have all they may have" in ended.stdout
