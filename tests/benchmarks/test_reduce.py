"""Reductions against reading alone: the same chunks through Zarr in the same run, and nothing done with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep, run_sweep
from ensemble.reduce import average, block_means, histogram, rare_realizations, statistics
from tests.benchmarks import median, median_seconds
from tests.support.toy_model import TOY

REDUCTIONS: dict[str, Callable[[Path], xr.Dataset]] = {
    "average": lambda store: average(store, observables=["walk"]),
    "audited average": lambda store: average(store, observables=["walk"], audited=True),
    "block_means": lambda store: block_means(store, "walk"),
    "audit": lambda store: rare_realizations(store, "walk"),
    "histogram": lambda store: histogram(store, "walk", [50.0], bins=np.linspace(-20, 20, 41).tolist()),
    "statistics": lambda store: statistics(store, "walk"),
}
TIMES, CHUNK = 96, 512
SHAPES = {"one point of 77 MB": (1, 100_000), "ten points of 1.5 MB": (10, 2_000)}


@pytest.fixture(scope="module", params=SHAPES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """A store as a run leaves it, its numbers replaced by incompressible ones."""
    path = tmp_path_factory.mktemp("reduce") / "a.zarr"
    points, realizations = SHAPES[request.param]
    table: dict[str, Any] = {
        "model": TOY,
        "seed": 1,
        "realizations": realizations,
        "observables": ["walk"],
        "axes": {"size": [1], "drift": {"start": 0.0, "stop": 1.0, "num": points}},
        "time": {"start": 0.0, "stop": 95.0, "num": TIMES},
        "store": {"chunk": CHUNK},
    }
    run_sweep(Sweep.from_table(table), path, cluster=address)
    array = zarr.open_array(str(path / "walk"), mode="r+")
    array[:] = np.random.default_rng(1).standard_normal(array.shape)
    return path


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(benchmark: BenchmarkFixture, name: str, store: Path) -> None:
    """Wall time in this process over that of reading the chunks once."""
    array: zarr.Array[Any] = zarr.open_array(str(store / "walk"), mode="r")

    def read() -> None:
        for point in range(array.shape[1]):
            for start in range(0, array.shape[2], 100 * CHUNK):
                assert np.asarray(array[0, point, start : start + 100 * CHUNK]).size

    before = median_seconds(read, 3)
    result = benchmark.pedantic(REDUCTIONS[name], args=(store,), rounds=5, warmup_rounds=1)
    assert (result["count"] == array.shape[2]).all()
    reading = (before + median_seconds(read, 3)) / 2
    bytes_read = 8 * array.size
    benchmark.extra_info["megabytes a second"] = round(bytes_read / median(benchmark) / 1e6)
    benchmark.extra_info["megabytes a second, reading alone"] = round(bytes_read / reading / 1e6)
    benchmark.extra_info["over reading alone"] = round(median(benchmark) / reading, 2)
