"""How far forecasts are from what comes: hours of a mixed sweep, before and on the way; realizations for a target."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from ensemble.cluster import connect
from ensemble.run import Watch, run_on
from ensemble.run.plan import plan
from tests.support.command import line
from tests.support.processes import read_output
from tests.support.toy_model import TOY

GLASS: dict[str, Any] = {"model": "tls_glass", "seed": 2021, "observables": ["concurrence"]}

MIXED = {
    **GLASS,
    "realizations": 800,
    "axes": {"N": [4, 10, 20, 40], "epsilon": [0.0, 1e-6, 1.0], "eta": [1e5]},
}
"""From a tenth of a millisecond to ten milliseconds a realization."""

TARGET = {
    **GLASS,
    "axes": {"N": [4, 6, 8], "epsilon": [0.0], "eta": [1e5]},
    "stop": {"law": "plateau", "relative": 0.01, "min": 200, "max": 50_000},
}


class Outlook(Watch):
    """Remembers what was told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[float, float]] = []

    def outlook(self, wanted: int, seconds: float) -> None:
        """A forecast."""
        self.told.append((time.perf_counter(), seconds))


def test_hours_of_a_mixed_sweep(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    sweep, watch = Sweep.from_table(MIXED), Outlook()
    with connect("local", workers=2) as client:
        planned = plan(sweep, tmp_path / "a.zarr", 2)
        summary = benchmark.pedantic(
            lambda: run_on(client, sweep, tmp_path / "a.zarr", watch=watch), rounds=1, iterations=1
        )
    end = time.perf_counter()
    taken = summary.seconds
    halfway = [seconds / (end - moment) for moment, seconds in watch.told if 0.25 < (end - moment) / taken < 0.9]
    benchmark.extra_info["seconds"] = taken
    benchmark.extra_info["planned over taken"] = planned.seconds / taken
    benchmark.extra_info["told on the way over taken, median"] = float(np.median(halfway))
    print(f"\n{taken:.1f} s; planned {planned.seconds / taken:.2f}; on the way {np.round(halfway, 2).tolist()}")
    assert summary.complete


@pytest.mark.parametrize("batch", [None, 1], ids=["points share tasks", "one realization in a task"])
def test_hours_of_many_points(benchmark: BenchmarkFixture, tmp_path: Path, batch: int | None) -> None:
    """Four realizations of a tenth of a millisecond at each of 1,000 points: what is around them takes the time."""
    drifts = {"start": 0.0, "stop": 1.0, "num": 500}
    table = {"model": TOY, "realizations": 4, "seed": 1, "axes": {"size": [2, 3], "drift": drifts}}
    sweep = Sweep.from_table(table)
    planned = plan(sweep, tmp_path / "a.zarr", 2)
    with connect("local", workers=2) as client:
        summary = benchmark.pedantic(
            lambda: run_on(client, sweep, tmp_path / "a.zarr", batch=batch, watch=Watch()), rounds=1, iterations=1
        )
    benchmark.extra_info["planned over taken"] = planned.seconds / summary.seconds
    print(f"\n{summary.seconds:.1f} s; planned {planned.seconds / summary.seconds:.2f}")
    assert summary.complete


def test_a_plan_of_many_points(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """20,000 points by the command line; laying out the table takes most of it."""
    (tmp_path / "a.toml").write_text(
        f'model = "{TOY}"\nrealizations = 4\nseed = 1\naxes.size = [2, 3]\n'
        "axes.drift = { start = 0.0, stop = 1.0, num = 10000 }\n"
    )
    told = benchmark.pedantic(lambda: read_output(line("plan", "a.toml"), tmp_path), rounds=1)
    assert "80000 realizations at 20000 points" in told


@pytest.mark.parametrize("quantity", ["plateau", "peak"])
def test_realizations_for_a_target(benchmark: BenchmarkFixture, tmp_path: Path, quantity: str) -> None:
    sweep = Sweep.from_table({**TARGET, "stop": {**TARGET["stop"], "law": quantity}})
    planned = plan(sweep, tmp_path / "a.zarr", 2)
    with connect("local", workers=2) as client:
        summary = benchmark.pedantic(
            lambda: run_on(client, sweep, tmp_path / "a.zarr", watch=Watch()), rounds=1, iterations=1
        )
    after = plan(sweep, tmp_path / "a.zarr", 2)
    expected = {str(each.point): each.expected for each in planned.points}
    needed = {str(each.point): each.done for each in after.points}
    benchmark.extra_info["expected"], benchmark.extra_info["needed"] = expected, needed
    print(f"\n{quantity}: expected {list(expected.values())}, needed {list(needed.values())}")
    assert summary.complete
