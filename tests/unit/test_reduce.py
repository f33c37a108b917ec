"""Averages against plain NumPy over all trajectories, and their independence of how they are cut."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from ensemble.errors import RunError
from ensemble.reduce import curves, reading
from ensemble.reduce.moments import Moments
from ensemble.reduce.plateaus import plateau_mean
from tests.support.processes import run_in_thread
from tests.support.waiting import wait_until

Toy = Callable[..., Sweep]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """A store with failures, grown along one axis to values that are not sorted."""
    from tests.support.toy_model import TOY

    folder = tmp_path_factory.mktemp("reduce")
    table = {
        "model": TOY,
        "seed": 1,
        "realizations": 30,
        "axes": {"size": [3, 2], "drift": [0.5]},
        "parameters": {"raises_below": 0.2},
        "store": {"chunk": 4},
    }
    run_sweep(Sweep.from_table(table), folder / "a.zarr", cluster=address)
    table["axes"] = {"size": [3, 2], "drift": [0.5, 0.0]}
    run_sweep(Sweep.from_table(table), folder / "a.zarr", cluster=address)
    return folder / "a.zarr"


def test_mean_error_and_count_are_numpy_s(store: Path) -> None:
    averages = ensemble.average(store)
    assert averages["size"].to_numpy().tolist() == [2, 3]
    assert averages["drift"].to_numpy().tolist() == [0.0, 0.5]
    view = ensemble.open(store)
    for size in (2, 3):
        for drift in (0.0, 0.5):
            rows = view["walk"].sel(size=size, drift=drift).dropna("realization").to_numpy()
            point = averages.sel(size=size, drift=drift)
            assert 0 < len(rows) < 30
            assert point["count"] == len(rows)
            np.testing.assert_allclose(point["walk"], rows.mean(axis=0), rtol=1e-13)
            expected = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
            np.testing.assert_allclose(point["walk_error"], expected, rtol=1e-12)
            signs = view["final"].sel(size=size, drift=drift).dropna("realization").to_numpy()
            np.testing.assert_allclose(point["final"], signs.mean(), rtol=1e-13)


def test_the_plateau_s_error_is_over_realizations_not_over_times(store: Path) -> None:
    """A trajectory counts once, however many late times it has: they are correlated."""
    averages = ensemble.average(store)
    last = ensemble.open(store)["walk"].sel(size=2, drift=0.5).dropna("realization").isel(t=slice(-1, None)).mean("t")
    point = averages.sel(size=2, drift=0.5)
    np.testing.assert_allclose(point["walk_late"], last.mean(), rtol=1e-13)
    np.testing.assert_allclose(point["walk_late_error"], last.std(ddof=1) / np.sqrt(last.size), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "int64", "int8", "bool"])
def test_a_plateau_of_any_numbers(dtype: str) -> None:
    """The last two of eleven times, wherever t stands among the dimensions; sums of small integers do not overflow."""
    rows = np.random.default_rng(1).uniform(1, 127, (5, 3, 11, 2)).astype(dtype)
    np.testing.assert_allclose(plateau_mean(rows, 1), rows[:, :, -2:].mean(axis=2), rtol=1e-6)
    np.testing.assert_allclose(plateau_mean(rows[:, 0, :, 0], 0), rows[:, 0, -2:, 0].mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(plateau_mean(rows, None), rows)


def test_labels_say_what_is_what(store: Path) -> None:
    averages = ensemble.average(store)
    assert averages["walk"].attrs == {"long_name": "mean position", "units": "m"}
    assert averages["walk_late_error"].attrs["long_name"] == "standard error of the late-time mean position"
    assert averages["t"].attrs["long_name"] == "step"


def test_a_cluster_gives_the_same_bits(store: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many short runs of chunks, a few of them in flight: the order of the sums is that of the realizations."""
    monkeypatch.setattr(reading, "RUN_BYTES", 1)
    monkeypatch.setattr(reading, "_AHEAD", 3)
    here = ensemble.average(store)
    there = ensemble.average(store, client=cluster)
    xr.testing.assert_identical(here, there)


def test_a_point_without_realizations_has_no_mean(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    run_sweep(toy(axes={"size": [9], "drift": [0.75]}, realizations=1), tmp_path / "a.zarr", cluster=address)
    averages = ensemble.average(tmp_path / "a.zarr")
    assert averages["count"].sel(size=2).to_numpy().tolist() == [10, 10, 0]
    assert averages["walk"].sel(size=2, drift=0.75).isnull().all()
    one = averages.sel(size=9, drift=0.75)
    assert one["count"] == 1
    assert one["walk"].notnull().all()
    assert one["walk_error"].isnull().all()


def test_complex_and_padded_observables(toy: Toy, tmp_path: Path, address: str, cluster: Client) -> None:
    """The mean of a wave is complex and its error real; walkers that there are not have no mean, quietly."""
    sweep = toy(observables=["paths", "wave"], parameters={"walkers": [0, 2], "raises_below": 0.2})
    run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    averages, view = ensemble.average(tmp_path / "a.zarr"), ensemble.open(tmp_path / "a.zarr")
    assert averages["wave"].dtype == np.complex128
    assert averages["wave_error"].dtype == np.float64
    assert averages["paths"].dims == ("size", "drift", "walkers", "t")
    assert averages["paths_late"].dims == ("size", "drift", "walkers")
    for size in (2, 3):
        point = averages.sel(size=size, drift=0.5)
        waves = view["wave"].sel(size=size, drift=0.5).dropna("realization").to_numpy()
        assert 0 < len(waves) < 10
        assert abs(waves.mean(axis=0).imag).max() > 0.1
        np.testing.assert_allclose(point["wave"], waves.mean(axis=0), rtol=1e-13)
        squares = (np.abs(waves - waves.mean(axis=0)) ** 2).sum(axis=0)
        np.testing.assert_allclose(point["wave_error"], np.sqrt(squares / (len(waves) - 1) / len(waves)), rtol=1e-12)
        np.testing.assert_allclose(point["wave_late"], waves[:, -1].mean(), rtol=1e-13)
        paths = view["paths"].sel(size=size, drift=0.5).dropna("realization", how="all").to_numpy()
        np.testing.assert_allclose(point["paths"], paths.mean(axis=0), rtol=1e-13)
    assert averages["paths"].sel(walkers=2).isnull().all(("drift", "t")).to_numpy().tolist() == [True, False]
    assert averages["paths_error"].sel(walkers=2).isnull().all(("drift", "t")).to_numpy().tolist() == [True, False]
    xr.testing.assert_identical(averages, ensemble.average(tmp_path / "a.zarr", client=cluster))


def test_complex_moments_of_no_realization_and_of_one() -> None:
    for count, mean in ((0, np.nan), (1, 2.0 + 1.0j)):
        found, error = Moments.of(np.full((count, 3), 2.0 + 1.0j)).finalize()
        np.testing.assert_array_equal(found, np.full(3, mean, dtype=complex))
        assert error.dtype == np.float64
        assert np.isnan(error).all()


def test_curves_are_real_functions_of_one_number() -> None:
    def pair(name: str, dims: tuple[str, ...], values: Any) -> dict[str, Any]:
        return {name: (("size", *dims), values), f"{name}_error": (("size", *dims), np.abs(values))}

    averages = xr.Dataset(
        {
            "count": ("size", [3]),
            **pair("walk", ("t",), np.ones((1, 2))),
            **pair("wave", ("t",), np.ones((1, 2), dtype=complex)),
            **pair("share", ("colour",), np.ones((1, 2))),
            **pair("paths", ("walkers", "t"), np.ones((1, 3, 2))),
            **pair("paths_late", ("walkers",), np.ones((1, 3))),
            **pair("final", (), np.ones(1)),
        },
        coords={"size": [2], "t": [0.0, 1.0], "colour": ["red", "blue"]},
    )
    assert curves(averages) == ["walk", "paths_late"]


@pytest.mark.slow
def test_a_cluster_that_goes_away() -> None:
    """Workers that die, and a scheduler that ends, are told in one sentence each."""
    with connect("local", 1) as client:
        with pytest.raises(RunError, match="workers die while they read"):
            list(reading.map_chunks(client, os._exit, [(1,)]))

        def end() -> None:
            wait_until(lambda: any(client.processing().values()))
            assert client.cluster is not None
            client.cluster.close()

        with run_in_thread(end), pytest.raises(RunError, match="the cluster was lost while it read"):
            list(reading.map_chunks(client, time.sleep, [(60,)]))


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=5), max_size=6))
def test_moments_combine_like_their_realizations(parts: list[list[float]]) -> None:
    """Against NumPy on everything at once; the spread is compared on the scale of the numbers."""
    combined = Moments.of(np.empty(0))
    for part in parts:
        combined = combined + Moments.of(np.array(part))
    everything = np.array([number for part in parts for number in part])
    assert combined.count == len(everything)
    if len(everything):
        scale = max(1.0, float(np.abs(everything).max()))
        np.testing.assert_allclose(combined.mean, everything.mean(), atol=1e-12 * scale)
        spread = ((everything - everything.mean()) ** 2).sum()
        np.testing.assert_allclose(combined.squares, spread, atol=1e-10 * scale**2)


def test_small_spreads_on_large_means_survive() -> None:
    """Sums of squares would lose all digits here: the spread is 1e-6 on a mean of 1e6."""
    rows = 1e6 + 1e-6 * np.sin(np.arange(1000.0))
    parts = [Moments.of(part) for part in np.split(rows, 10)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    _, error = total.finalize()
    np.testing.assert_allclose(error, rows.std(ddof=1) / np.sqrt(1000), rtol=1e-3)
