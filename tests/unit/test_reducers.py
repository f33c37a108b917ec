"""Block means, distributions, histograms and rare realizations against NumPy on all trajectories at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from distributed import Client
from numpy.typing import NDArray

from ensemble import Sweep, run_sweep
from ensemble.errors import ReductionError
from ensemble.reduce import average, block_means, histogram, rare_realizations, reading, statistics
from tests.support.processes import run_in_thread
from tests.support.toy_model import TOY

Toy = Callable[..., Sweep]
Reduce = Callable[..., xr.Dataset]

REDUCTIONS: dict[str, Reduce] = {
    "average": average,
    "blocks of paths": lambda store, **how: block_means(store, "paths", blocks=7, **how),
    "blocks of waves": lambda store, **how: block_means(store, "wave", blocks=7, **how),
    "statistics of walks": lambda store, **how: statistics(store, "walk", floor=0.05, **how),
    "statistics of paths": lambda store, **how: statistics(store, "paths", **how),
    "statistics of waves": lambda store, **how: statistics(store, "wave", **how),
    "statistics of signs": lambda store, **how: statistics(store, "final", **how),
    "histogram": lambda store, **how: histogram(store, "walk", [1.0, 3.0], bins=5, **how),
    "histogram of paths": lambda store, **how: histogram(store, "paths", None, bins=3, log=True, **how),
    "audit": lambda store, **how: rare_realizations(store, "walk", **how),
    "audit of paths": lambda store, **how: rare_realizations(store, "paths", **how),
    "audit of waves": lambda store, **how: rare_realizations(store, "wave", **how),
    "audit of signs": lambda store, **how: rare_realizations(store, "final", **how),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """Walks with heavy tails and many zeros, some realizations failed, one point with none at all."""
    path = tmp_path_factory.mktemp("reducers") / "a.zarr"
    table: dict[str, Any] = {
        "model": TOY,
        "seed": 1,
        "realizations": 40,
        "observables": ["walk", "final", "paths", "wave"],
        "axes": {"size": [3, 2], "drift": [0.5]},
        "parameters": {"raises_below": 0.2, "walkers": [0, 2]},
        "store": {"chunk": 4},
    }
    run_sweep(Sweep.from_table(table), path, cluster=address)
    run_sweep(Sweep.from_table({**table, "axes": {"size": [4], "drift": [1.5]}}), path, cluster=address)
    array = zarr.open_array(str(path / "walk"), mode="r+")
    draws = np.random.default_rng(5)
    array[:] = np.exp(3 * draws.standard_normal(array.shape)) * (draws.random(array.shape) > 0.3)
    return path


def rows_of(store: Path, name: str, size: int, drift: float = 0.5) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The realizations of a point that are done, and all that they have of an observable."""
    raw = xr.open_zarr(store).sel(size=size, drift=drift)
    done = np.flatnonzero(raw["status"].to_numpy() == 1)
    return done, raw[name].to_numpy()[done]


@pytest.mark.slow
@pytest.mark.parametrize("name", REDUCTIONS)
def test_the_same_bits_for_any_workers(
    name: str, store: Path, cluster: Client, one_worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cluster, with one worker and with two; in one run of chunks the same up to rounding."""
    at_once = REDUCTIONS[name](store)
    monkeypatch.setattr(reading, "RUN_BYTES", 1)
    monkeypatch.setattr(reading, "_AHEAD", 3)
    here = REDUCTIONS[name](store)
    xr.testing.assert_identical(here, REDUCTIONS[name](store, client=cluster))
    with Client(one_worker, set_as_default=False) as client:
        xr.testing.assert_identical(here, REDUCTIONS[name](store, client=client))
    xr.testing.assert_allclose(here, at_once, rtol=1e-12)
    assert here["count"].sel(size=4, drift=0.5) == 0
    assert here["size"].to_numpy().tolist() == [2, 3, 4]


@pytest.mark.parametrize("name", ["walk", "final", "paths", "wave"])
@pytest.mark.parametrize("blocks", [1, 7, 50])
def test_block_means(store: Path, name: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RUN_BYTES", 1)
    found = block_means(store, name, blocks=blocks)
    dims = xr.open_zarr(store)[name].dims
    assert found[name].dims == ("size", "drift", "block", *dims[3:])
    for size in (2, 3):
        _, rows = rows_of(store, name, size)
        groups = np.array_split(rows, min(blocks, len(rows)))
        point = found.sel(size=size, drift=0.5)
        sizes = [len(group) for group in groups]
        assert point["block_size"].to_numpy().tolist() == sizes + [0] * (blocks - len(groups))
        means = np.array([group.mean(axis=0) for group in groups])
        np.testing.assert_allclose(point[name].to_numpy()[: len(groups)], means, rtol=1e-13, atol=1e-15)
        assert point[name][len(groups) :].isnull().all()
    assert found[name].sel(size=4, drift=0.5).isnull().all()
    assert found[name].dtype == (np.complex128 if name == "wave" else np.float64)


@pytest.mark.parametrize("floor", [None, 0.5])
def test_statistics(store: Path, floor: float | None) -> None:
    found = statistics(store, "walk", floor=floor, quantiles=[0.1, 0.5, 1.0])
    means = average(store)
    for size in (2, 3):
        _, rows = rows_of(store, "walk", size)
        point = found.sel(size=size, drift=0.5)
        np.testing.assert_array_equal(point["mean"], means["walk"].sel(size=size, drift=0.5))
        np.testing.assert_array_equal(point["error"], means["walk_error"].sel(size=size, drift=0.5))
        np.testing.assert_allclose(point["quantile"], np.quantile(rows, [0.1, 0.5, 1.0], axis=0), rtol=1e-14)
        for column, values in enumerate(rows.T):
            kept = values[values > 0 if floor is None else values >= floor]
            logs = np.log(kept)
            typical = np.exp(logs.mean())
            np.testing.assert_allclose(point["typical"][column], typical, rtol=1e-12)
            error = typical * logs.std(ddof=1) / np.sqrt(len(kept))
            np.testing.assert_allclose(point["typical_error"][column], error, rtol=1e-12)
            np.testing.assert_allclose(point["zeros"][column], 1 - len(kept) / len(values), atol=1e-15)
    told = "exactly 0" if floor is None else "below 0.5"
    assert found["typical"].attrs["zeros"] == f"values {told} are left out; their fraction is in the variable zeros"
    assert found["quantile"].dims == ("size", "drift", "level", "t")
    empty = found.sel(size=4, drift=0.5)
    assert all(
        empty[name].isnull().all() for name in ("mean", "error", "typical", "typical_error", "zeros", "quantile")
    )


def test_statistics_of_padded_and_complex_observables(store: Path) -> None:
    paths, waves = statistics(store, "paths").sel(drift=0.5), statistics(store, "wave").sel(drift=0.5)
    for name in ("mean", "typical", "zeros", "quantile"):
        assert paths[name].sel(size=2, walkers=2).isnull().all()
        assert paths[name].sel(size=3, walkers=2).notnull().all()
    np.testing.assert_allclose(waves["typical"].sel(size=[2, 3]), 1.0, rtol=1e-12)
    np.testing.assert_allclose(waves["quantile"].sel(size=[2, 3]), 1.0, rtol=1e-12)
    assert waves["mean"].dtype == np.complex128
    _, rows = rows_of(store, "paths", 3)
    np.testing.assert_allclose(paths["typical"].sel(size=3), np.exp(np.log(np.abs(rows)).mean(axis=0)), rtol=1e-12)


def test_all_zeros_have_no_typical_value(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    zarr.open_array(str(tmp_path / "a.zarr" / "walk"), mode="r+")[:] = 0.0
    found = statistics(tmp_path / "a.zarr", "walk")
    assert (found["zeros"] == 1).all()
    assert found["typical"].isnull().all()
    assert (found["mean"] == 0).all()
    rare = rare_realizations(tmp_path / "a.zarr", "walk")
    assert (rare["half"] == 0).all()
    assert (rare["heaviest_index"] == -1).all()
    assert not rare["handful"].any()
    counted = histogram(tmp_path / "a.zarr", "walk", 0.0, bins=2, log=True)
    assert (counted["zeros"] == 10).all()
    assert not counted["counts"].any()


@pytest.mark.parametrize("log", [False, True])
def test_histogram(store: Path, log: bool) -> None:
    """The least and the greatest value of all points are in the first and the last bin."""
    found = histogram(store, "walk", [2.9, 1.2], bins=6, log=log)
    assert found["t"].to_numpy().tolist() == [1.0, 3.0]
    edges = np.append(found["lower"].to_numpy(), found["upper"].to_numpy()[-1])
    steps = np.diff(np.log(edges) if log else edges)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    for size in (2, 3):
        _, rows = rows_of(store, "walk", size)
        point = found.sel(size=size, drift=0.5)
        for time in (1, 3):
            values = rows[:, time]
            expected, _ = np.histogram(values[values != 0], edges)
            np.testing.assert_array_equal(point["counts"].sel(t=time), expected)
            assert point["zeros"].sel(t=time) == np.count_nonzero(values == 0)
    whole = found["counts"].sum("bin") + found["zeros"]
    assert (whole == found["count"]).all()
    assert not found["below"].any()
    assert not found["above"].any()


def test_histogram_with_given_edges(store: Path) -> None:
    _, rows = rows_of(store, "paths", 3)
    edges = [-0.25, 0.0, rows[:, 0, 2].max() / 2]
    found = histogram(store, "paths", 2.0, bins=edges).sel(size=3, drift=0.5, t=2.0, walkers=0)
    values = rows[:, 0, 2]
    np.testing.assert_array_equal(found["counts"], np.histogram(values, edges)[0])
    assert found["below"] == np.count_nonzero(values < edges[0])
    assert found["above"] == np.count_nonzero(values > edges[-1])
    padded = histogram(store, "paths", 2.0, bins=edges).sel(size=2, drift=0.5, t=2.0, walkers=2)
    assert padded["counts"].sum() + padded["zeros"] + padded["below"] + padded["above"] == 0
    signs = histogram(store, "final", None, bins=[-1.5, 0.0, 1.5]).sel(size=3, drift=0.5)
    assert signs["counts"].sum() + signs["zeros"] == signs["count"]


def test_audit(store: Path) -> None:
    found = rare_realizations(store, "walk")
    for size in (2, 3):
        done, rows = rows_of(store, "walk", size)
        late = rows[:, -1]
        point = found.sel(size=size, drift=0.5)
        heavy = int(late.argmax())
        assert done[heavy] != heavy
        assert point["heaviest_index"] == done[heavy]
        np.testing.assert_allclose(point["heaviest"], late[heavy] / late.sum(), rtol=1e-13)
        half = int(point["half"])
        descending = np.sort(late)[::-1]
        assert descending[:half].sum() >= late.sum() / 2 > descending[: half - 1].sum()
        rest = np.delete(late, heavy)
        for suffix, values in (("", late), ("_without", rest)):
            np.testing.assert_allclose(point[f"mean{suffix}"], values.mean(), rtol=1e-12)
            error = values.std(ddof=1) / np.sqrt(len(values))
            np.testing.assert_allclose(point[f"error{suffix}"], error, rtol=1e-12)
        assert bool(point["handful"]) == (half < 10 and half < len(late) / 10)
    assert found["handful"].sel(drift=0.5, size=[2, 3]).any()


def test_ordinary_realizations_are_no_handful(toy: Toy, tmp_path: Path, address: str) -> None:
    """Neither few of them nor many; one that outweighs all others is, among enough of them."""
    run_sweep(toy(realizations=24), tmp_path / "a.zarr", cluster=address)
    array = zarr.open_array(str(tmp_path / "a.zarr" / "walk"), mode="r+")
    array[:] = 1.0
    array[0, 0, 7] = 1e3
    found = rare_realizations(tmp_path / "a.zarr", "walk")
    assert found["half"].to_numpy().ravel().tolist() == [1, 12, 12, 12]
    assert found["handful"].to_numpy().ravel().tolist() == [True, False, False, False]
    assert found["heaviest_index"].to_numpy()[0, 0] == 7


def test_padding_has_no_heaviest_realization(store: Path) -> None:
    found = rare_realizations(store, "paths").sel(drift=0.5, size=2, walkers=2)
    assert found["half"] == 0
    assert found["heaviest_index"] == -1
    assert not found["handful"]
    assert np.isnan(found["heaviest"])


@pytest.mark.slow
def test_a_store_that_grows_meanwhile(toy: Toy, tmp_path: Path, address: str, cluster: Client) -> None:
    """While a run adds points and realizations, every reduction counts what was done when it began, and that only."""
    path = tmp_path / "a.zarr"
    slow = {"seconds": 0.002}
    run_sweep(toy(realizations=8, parameters=slow), path, cluster=address)
    before = average(path)
    more = toy(realizations=400, axes={"size": [2, 3, 5], "drift": [0.0, 0.5]}, parameters=slow)
    counts = []
    with run_in_thread(lambda: run_sweep(more, path, cluster=address)) as thread:
        while thread.is_alive():
            for reduced in (
                average(path),
                statistics(path, "walk", client=cluster),
                block_means(path, "walk", blocks=3),
                histogram(path, "walk", [3.0], bins=[-100.0, 100.0]),
                rare_realizations(path, "walk"),
            ):
                counts.append(int(reduced["count"].sum()))
                present = reduced["count"].to_numpy() > 0
                if "counts" in reduced:
                    assert (reduced["counts"].sum("bin") + reduced["zeros"] == reduced["count"]).all()
                elif "block_size" in reduced:
                    assert (reduced["block_size"].sum("block") == reduced["count"]).all()
                else:
                    name = "walk" if "walk" in reduced else "mean"
                    assert (np.isfinite(reduced[name].to_numpy()).reshape(*present.shape, -1).all(-1) == present).all()
    assert counts == sorted(counts)
    assert counts[0] < 2400
    xr.testing.assert_equal(before["count"], before["count"] * 0 + 8)
    assert (average(path)["count"] == 400).all()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda store: block_means(store, "wolk"), "the observable must be one that .* has, got 'wolk': did you mean"),
        (lambda store: block_means(store, "walk", blocks=0), "blocks must be at least 1, got 0"),
        (lambda store: average(store, observables=["tide"]), "got 'tide': it has final, paths, walk, wave"),
        (lambda store: statistics(store, "walk", quantiles=[50]), "quantiles must be between 0 and 1, got 50"),
        (lambda store: statistics(store, "walk", floor=-1), "floor must be a number that is not negative, got -1"),
        (lambda store: histogram(store, "walk", 3.5, bins=3), "grid of t, from 0 to 3, got 3.5"),
        (lambda store: histogram(store, "walk", float("nan"), bins=3), "got nan"),
        (lambda store: histogram(store, "walk", [], bins=3), "their list is empty"),
        (lambda store: histogram(store, "final", 1.0, bins=3), "final must be a function of t"),
        (lambda store: histogram(store, "walk", 1.0, bins=0), "bins must be at least 1, got 0"),
        (lambda store: histogram(store, "walk", 1.0, bins=[2.0, 1.0]), "at least two edges that increase"),
        (lambda store: histogram(store, "walk", 1.0, bins=[0.0, 1.0], log=True), "must be above zero, got 0"),
        (lambda store: rare_realizations(store, "wolk"), "did you mean 'walk'?"),
    ],
)
def test_what_cannot_be_reduced(call: Callable[[Path], Any], told: str, store: Path) -> None:
    with pytest.raises(ReductionError, match=told):
        call(store)


def test_labels_of_results(store: Path) -> None:
    assert statistics(store, "walk")["typical_error"].attrs["long_name"] == "standard error of the typical position"
    assert rare_realizations(store, "walk")["half"].attrs["units"] == "1"
    assert rare_realizations(store, "walk")["mean_without"].attrs["units"] == "m"
    assert histogram(store, "walk", 3.0, bins=2)["bin"].attrs == {"long_name": "position", "units": "m"}
    assert block_means(store, "walk")["walk"].attrs == {"long_name": "mean position of a block", "units": "m"}
    assert "t" not in average(store, observables=["final"]).sizes
