"""Runs on a real cluster of processes: the same store whoever computes it, failures as data, growth."""

from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from ensemble.errors import ClusterError, RunError, StoreMismatch
from ensemble.realization.random_streams import random_stream, realization_key
from ensemble.run import Watch
from ensemble.store.layout import OWN
from tests.support.clusters import address_of
from tests.support.contents import contents
from tests.support.minimal_model import MODEL
from tests.support.toy_model import QUICK, QuickModel, ToyModel

Toy = Callable[..., Sweep]


def test_what_lands_is_what_the_model_measures(toy: Toy, tmp_path: Path, address: str) -> None:
    summary = run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    assert (summary.wanted, summary.computed, summary.found, summary.failed, summary.left) == (40, 40, 0, 0, 0)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        for size in (2, 3):
            for drift in (0.0, 0.5):
                model = ToyModel(size=size, drift=drift)
                expected = [model.measure(model.draw(random_stream(1, model, r)))["walk"] for r in range(10)]
                assert np.array_equal(dataset["walk"].sel(size=size, drift=drift), expected)


@pytest.mark.parametrize("batch", [1, 3, 7, None])
def test_the_store_does_not_depend_on_batches_or_workers(
    batch: int | None, toy: Toy, tmp_path: Path, address: str, one_worker: str
) -> None:
    run_sweep(toy(), tmp_path / "reference.zarr", cluster=one_worker, batch=1)
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address, batch=batch)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "reference.zarr")


def test_the_chunk_is_chosen_by_cost_and_does_not_change_the_numbers(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    run_sweep(toy(store={}), tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")
    assert xr.open_zarr(tmp_path / "b.zarr")["walk"].encoding["chunks"] == (1, 1, 512, 4)


def test_a_second_run_finds_everything_and_starts_no_cluster(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    before = contents(tmp_path / "a.zarr")
    summary = run_sweep(toy(), tmp_path / "a.zarr", cluster="tcp://127.0.0.1:1")
    assert (summary.computed, summary.found) == (0, 40)
    for wrong, told in (
        ({"cluster": "nowhere"}, "--cluster must be local, slurm, a profile.toml"),
        ({"cluster": "slurm", "workers": 2}, "--workers belongs to --cluster local"),
    ):
        with pytest.raises(ClusterError, match=told):
            run_sweep(toy(), tmp_path / "a.zarr", **wrong)
    assert contents(tmp_path / "a.zarr") == before


@pytest.mark.drift
@pytest.mark.parametrize(
    "more",
    [
        {"realizations": 11},
        {"realizations": 23},
        {"axes": {"size": [2, 3, 9], "drift": [0.0, 0.5]}},
        {"axes": {"size": [3, 1, 2], "drift": [0.0, 0.5]}},
        {"axes": {"size": [2, 3], "drift": [-1.0, 0.0, 0.5]}},
        {"axes": {"size": [1, 2, 3], "drift": [0.0, 0.25, 0.5]}, "realizations": 13},
    ],
)
def test_growth_computes_only_what_is_missing(more: dict[str, object], toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "grown.zarr", cluster=address)
    with xr.open_zarr(tmp_path / "grown.zarr") as dataset:
        before = dataset.load()
    summary = run_sweep(toy(**more), tmp_path / "grown.zarr", cluster=address)
    assert summary.found == 40
    assert summary.computed == summary.wanted - 40

    with xr.open_zarr(tmp_path / "grown.zarr") as grown:
        for name in ("walk", "final", "status"):
            kept = grown[name].sel({key: before[key] for key in before[name].dims})
            assert kept.to_numpy().tobytes() == before[name].to_numpy().tobytes()
    run_sweep(toy(**more), tmp_path / "fresh.zarr", cluster=address)
    grown, fresh = (
        ensemble.open(tmp_path / name).drop_vars(["provenance", "landed", "core_seconds"])
        for name in ("grown.zarr", "fresh.zarr")
    )
    xr.testing.assert_equal(grown.sortby(["size", "drift"]), fresh.sortby(["size", "drift"]))


def test_a_sweep_that_disagrees_starts_nothing(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    with pytest.raises(StoreMismatch, match="seed must be 1"):
        run_sweep(toy(seed=5), tmp_path / "a.zarr", cluster="tcp://127.0.0.1:1")


@pytest.mark.drift
@pytest.mark.parametrize("batch", [1, 3, None])
def test_a_realization_that_raises_is_recorded_and_stops_nothing(
    batch: int | None, toy: Toy, tmp_path: Path, address: str
) -> None:
    mended = tmp_path / "mended"
    sweep = toy(parameters={"raises_below": 0.3, "unless": str(mended)})
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, batch=batch)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        raises = np.array(
            [
                [random_stream(1, ToyModel(size=size), r).random() < 0.3 for r in range(10)]
                for size in dataset["size"].values
            ]
        )
        assert 0 < raises.sum() < raises.size
        assert np.array_equal(dataset["status"], np.where(raises, 2, 1)[:, None, :].repeat(2, axis=1))
        assert summary.failed == 2 * raises.sum()
        assert sum(summary.exceptions.values()) == summary.failed
        texts = dataset["exception"].to_numpy()[:, 0][raises]
        assert all(text.startswith("ValueError: the first number is 0.") for text in texts)
        assert all("Traceback" in text and "toy_model.py" in text for text in texts)
        assert (dataset["exception"].to_numpy()[:, 0][~raises] == "").all()
        assert dataset["walk"].isnull().any("t").sum() == summary.failed

    again = run_sweep(sweep, tmp_path / "a.zarr", cluster="tcp://127.0.0.1:1")
    assert (again.computed, again.failed) == (0, summary.failed)

    mended.touch()
    retried = run_sweep(sweep, tmp_path / "a.zarr", cluster=address, retry_failed=True)
    assert (retried.computed, retried.failed) == (summary.failed, 0)
    undisturbed = tmp_path / "b.zarr"
    run_sweep(sweep, undisturbed, cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(undisturbed)


@pytest.mark.parametrize("batch", [1, 3, None])
def test_of_realizations_that_are_measured_together_only_those_at_fault_fail(
    batch: int | None, tmp_path: Path, address: str
) -> None:
    """Some chunks are without a fault, some are not, and one is cut by the end of the sweep."""
    model = QuickModel(drift=0.5, raises_below=0.2)
    table = {"model": QUICK, "realizations": 22, "seed": 1, "store": {"chunk": 4}}
    tables = {"axes": {"drift": [0.5]}, "parameters": {"raises_below": 0.2}}
    summary = run_sweep(Sweep.from_table(table | tables), tmp_path / "a.zarr", cluster=address, batch=batch)
    disorders = [model.draw(random_stream(1, model, index)) for index in range(22)]
    raises = np.array([disorder[0] < 0.2 for disorder in disorders])
    by_chunk = [raises[at : at + 4].any() for at in range(0, 22, 4)]
    assert any(by_chunk)
    assert not all(by_chunk)
    assert summary.failed == raises.sum()
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert np.array_equal(dataset["status"].squeeze(), np.where(raises, 2, 1))
        for index, disorder in enumerate(disorders):
            there = dataset.isel(drift=0, realization=index)
            text = str(there["exception"].to_numpy())
            if raises[index]:
                assert text.startswith("ValueError: the first number is 0.")
                assert "in measure\n" in text
                assert there["walk"].isnull().all()
            else:
                assert text == ""
                assert np.array_equal(there["walk"], model.measure(disorder)["walk"])


@pytest.mark.parametrize(
    "returned",
    ['{"signal": disorders[:-1]}', '{"signal": disorders, "other": disorders}', "{}", "None", "disorders[0][0] / 0"],
)
def test_what_cannot_be_measured_together_is_measured_one_by_one(returned: str, tmp_path: Path, address: str) -> None:
    together = f"\n    def measure_all(self, disorders):\n        return {returned}\n"
    (tmp_path / "mine.py").write_text(MODEL + together)
    table = {"model": "mine.py:Mine", "realizations": 5, "seed": 0, "axes": {"size": [2]}}
    sweep = Sweep.from_table(table, folder=tmp_path)
    assert run_sweep(sweep, tmp_path / "a.zarr", cluster=address).computed == 5
    (tmp_path / "mine.py").write_text(MODEL)
    run_sweep(Sweep.from_table(table, folder=tmp_path), tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


def test_a_realization_that_kills_its_worker_is_recorded_and_stops_nothing(toy: Toy, tmp_path: Path) -> None:
    first = np.array([random_stream(1, ToyModel(size=2), r).random() for r in range(10)])
    threshold = float(np.sort(first)[:2].mean())
    kills = first < threshold
    sweep = toy(axes={"size": [2], "drift": [0.0]}, parameters={"kills_below": threshold})
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        connect("local", workers=2, insecure=True) as client,
    ):
        summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address_of(client))
    assert (summary.computed, summary.failed) == (9, 1)
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        assert np.array_equal(dataset["status"].squeeze(), np.where(kills, 2, 1))
        (text,) = dataset["exception"].to_numpy().squeeze()[kills]
        assert text.startswith("KilledWorker: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("array", "told"),
    [
        ("walk", r"a chunk of .*a\.zarr could not be written: .* run again to continue"),
        ("status", r"the status of .*a\.zarr could not be written: .* run again"),
    ],
)
def test_a_store_that_cannot_be_written_ends_the_run_with_a_sentence(
    array: str, told: str, toy: Toy, tmp_path: Path, address: str
) -> None:
    """Someone puts a file where a chunk's folder has to be, after the run has begun."""
    store = tmp_path / "a.zarr"

    class Obstruct(Watch):
        def begin(self, wanted: int, done: int) -> None:
            (store / array / "c").write_text("in the way")

    with pytest.raises(RunError, match=told):
        run_sweep(toy(), store, cluster=address, watch=Obstruct())
    (store / array / "c").unlink()
    assert run_sweep(toy(), store, cluster=address).left == 0
    run_sweep(toy(), tmp_path / "b.zarr", cluster=address)
    assert contents(store) == contents(tmp_path / "b.zarr")


@pytest.mark.slow
def test_a_reader_sees_whole_realizations_while_a_run_writes(toy: Toy, tmp_path: Path, address: str) -> None:
    sweep = toy(realizations=60, parameters={"seconds": 0.01})
    seen: list[int] = []

    class Read(Watch):
        def tick(self) -> None:
            if len(seen) > 12:
                return
            view = ensemble.open(tmp_path / "a.zarr")
            done = int(view["n_done"].sum())
            assert int(view["walk"].notnull().all("t").sum()) == done
            averages = ensemble.average(tmp_path / "a.zarr")
            assert int(averages["count"].sum()) >= done
            seen.append(done)

    run_sweep(sweep, tmp_path / "a.zarr", cluster=address, batch=1, watch=Read())
    assert seen == sorted(seen)
    assert any(0 < done < 240 for done in seen)


def test_only_what_is_asked_for_is_computed(toy: Toy, tmp_path: Path, address: str) -> None:
    """Observables that would raise if anybody computed them: by default, by choice, on request."""
    for number, (chosen, raises_in) in enumerate(((None, "paths"), (["final"], "walk"), (["wave"], "final"))):
        choice = {"observables": chosen} if chosen else {}
        sweep = toy(**choice, parameters={"raises_in": raises_in, "walkers": [0, 1, 2]})
        summary = run_sweep(sweep, tmp_path / f"{number}.zarr", cluster=address)
        assert (summary.computed, summary.failed) == (40, 0)
        with xr.open_zarr(tmp_path / f"{number}.zarr") as dataset:
            assert set(dataset.data_vars) == {*(chosen or ("walk", "final")), *OWN, "core_seconds"}


def test_an_observable_that_raises_when_it_is_read_is_a_failure_that_says_so(
    toy: Toy, tmp_path: Path, address: str
) -> None:
    sweep = toy(observables=["walk", "wave"], parameters={"raises_in": "wave"})
    summary = run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.failed) == (0, 40)
    assert summary.exceptions == {"ValueError: wave was computed": 40}
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        text = str(dataset["exception"][0, 0, 0].to_numpy())
        first, which, _, trace = text.split("\n", 3)
        assert first == "ValueError: wave was computed"
        assert which == realization_key(1, ToyModel(size=2, raises_in="wave"), 0)
        assert trace.startswith("Traceback")
        assert "toy_model.py" in text
        assert dataset["walk"].isnull().all()


def test_observables_of_any_shape_and_type_land_and_grow(toy: Toy, tmp_path: Path, address: str) -> None:
    chosen = {"observables": ["paths", "wave"], "parameters": {"walkers": [0, 2]}}
    run_sweep(toy(**chosen, axes={"size": [2], "drift": [0.5]}), tmp_path / "a.zarr", cluster=address)
    run_sweep(toy(**chosen, axes={"size": [2, 3], "drift": [0.5]}), tmp_path / "a.zarr", cluster=address)
    view = ensemble.open(tmp_path / "a.zarr")
    assert view["paths"].dims == ("size", "drift", "realization", "walkers", "t")
    assert view["wave"].dtype == np.complex128
    assert view["paths"].attrs == {"long_name": "way of each walker", "units": "m"}
    for size in (2, 3):
        model = ToyModel(size=size, drift=0.5, walkers=(0, 2))
        for index in range(10):
            measured = model.measure(model.draw(random_stream(1, model, index)))
            point = view.sel(size=size, drift=0.5, realization=index)
            assert np.array_equal(point["paths"], measured["paths"], equal_nan=True)
            assert np.array_equal(point["wave"], measured["wave"])


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ('{"signal": disorder, "extra": 1}', "measure must return ['signal'], but it returned ['extra', 'signal']"),
        ("{}", "measure must return ['signal'], but it returned []"),
        ('{"signal": disorder[:1]}', "signal must have the shape (2,) of ('t',), but it has (1,)"),
        ('{"signal": disorder * 1j}', "signal must be stored as float64, but it is complex128"),
        ("None", "TypeError"),
    ],
)
def test_a_measurement_that_is_not_as_declared_is_a_failure_that_says_so(
    returned: str, told: str, tmp_path: Path, address: str
) -> None:
    (tmp_path / "mine.py").write_text(MODEL.replace('{"signal": disorder}', returned))
    table = {"model": "mine.py:Mine", "realizations": 2, "seed": 0, "axes": {"size": [2]}}
    summary = run_sweep(Sweep.from_table(table, folder=tmp_path), tmp_path / "a.zarr", cluster=address)
    assert (summary.computed, summary.failed) == (0, 2)
    assert told in next(iter(summary.exceptions))
