"""What the pipeline adds to the computing itself: Dask, Zarr and the driver against the bare kernel."""

import itertools
import time
from pathlib import Path

import pytest
from distributed import Client
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from ensemble.realization import stream
from ensemble.run import Watch, run_on
from tests.benchmarks import median

CASES = {"cheap": (8, 4000), "dear": (60, 100)}
"""Number of sites and of realizations: about a millisecond and half a tenth of a second each."""


@pytest.mark.parametrize("case", CASES)
def test_sweep(benchmark: BenchmarkFixture, case: str, tmp_path: Path, cluster: Client) -> None:
    """Wall time of a run on two workers over (kernel time / 2), measured in the same run."""
    n, realizations = CASES[case]
    table = {"model": "tls_glass", "seed": 1, "axes": {"N": [n], "epsilon": [0.0], "eta": [1e5]}}
    model = Sweep.from_table({**table, "realizations": 1}).points[0].model
    count = max(1, realizations // 10)
    model.measure(model.draw(stream(1, model, 0)))
    started = time.perf_counter()
    for index in range(count):
        model.measure(model.draw(stream(1, model, index)))
    kernel = (time.perf_counter() - started) / count * realizations

    names = itertools.count()
    sweep = Sweep.from_table({**table, "realizations": realizations})
    benchmark.pedantic(
        lambda: run_on(cluster, sweep, tmp_path / f"{next(names)}.zarr", watch=Watch()), rounds=3, warmup_rounds=1
    )
    benchmark.extra_info["wall over kernel / 2"] = round(median(benchmark) / (kernel / 2), 3)
