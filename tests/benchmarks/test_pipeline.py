"""What the pipeline adds to the computing itself: Dask, Zarr and the driver against the bare kernel."""

import functools
import itertools
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from ensemble.realization.compute import ComputeTask, compute_realizations
from ensemble.realization.random_streams import random_stream
from ensemble.run import Summary, Watch, run_on
from tests.benchmarks import median, median_seconds, seconds
from tests.support.glass import kernel_seconds, sweep_of

CASES = {"cheap": (8, 4000), "dear": (60, 1000)}
"""Number of sites and of realizations: less than a millisecond each, and about ten."""


def test_what_a_task_adds_to_a_model(benchmark: BenchmarkFixture) -> None:
    """Streams, checks and notes for N = 4 at 91 times: a task without its landing, over draw and measure alone."""
    sweep = sweep_of(4, 500, times=91)
    model, indices = sweep.points[0].model, range(sweep.realizations)
    job = ComputeTask.at(Path("unused"), model, sweep.seed, sweep.observables)
    generators = [random_stream(sweep.seed, model, index) for index in indices]

    def alone() -> list[Any]:
        return [model.measure(model.draw(rng))["concurrence"] for rng in generators]

    alone()
    fastest = min(seconds(alone, 9))
    outcomes = benchmark.pedantic(compute_realizations, args=(job, indices), rounds=9, warmup_rounds=1)
    kernel = min(fastest, *seconds(alone, 9)) / sweep.realizations
    assert benchmark.stats is not None
    assert all(outcome.arrays is not None for outcome in outcomes)
    each = float(benchmark.stats["min"]) / sweep.realizations
    benchmark.extra_info["microseconds of draw and measure"] = round(1e6 * kernel, 1)
    benchmark.extra_info["microseconds that a task adds"] = round(1e6 * (each - kernel), 1)
    benchmark.extra_info["task over draw and measure"] = round(each / kernel, 3)


@pytest.mark.parametrize("case", CASES)
def test_sweep(benchmark: BenchmarkFixture, case: str, tmp_path: Path, cluster: Client) -> None:
    """Wall time of a run on two workers that have started, over half of the kernel's time before and after it."""
    sweep, names = sweep_of(*CASES[case]), itertools.count()

    def run(sweep: Sweep = sweep) -> Summary:
        return run_on(cluster, sweep, tmp_path / f"{next(names)}.zarr", watch=Watch())

    run(sweep_of(CASES[case][0], 40))  # whatever a worker loads and compiles on its first task
    before = [kernel_seconds(cluster, sweep, workers) for workers in (1, 2)]
    summary = benchmark.pedantic(run, rounds=3)
    after = [kernel_seconds(cluster, sweep, workers) for workers in (1, 2)]
    assert summary.computed == sweep.realizations
    alone, both = ((one + other) / 2 for one, other in zip(before, after, strict=True))
    share = median(benchmark) * 2 / sweep.realizations
    benchmark.extra_info["milliseconds of the kernel, both workers busy"] = round(1e3 * both, 3)
    benchmark.extra_info["milliseconds of the kernel, one worker alone"] = round(1e3 * alone, 3)
    benchmark.extra_info["wall over kernel / 2, both workers busy"] = round(share / both, 3)
    benchmark.extra_info["wall over kernel / 2, one worker alone"] = round(share / alone, 3)


def test_cost_against_realizations(benchmark: BenchmarkFixture, tmp_path: Path, cluster: Client) -> None:
    """Wall time per realization of N = 8: flat, but for the fixed costs of a run."""
    names, counts = itertools.count(), (250, 1000, 4000)

    def run(realizations: int) -> None:
        summary = run_on(cluster, sweep_of(8, realizations), tmp_path / f"{next(names)}.zarr", watch=Watch())
        assert summary.computed == realizations

    run(250)
    costs = [median_seconds(functools.partial(run, each), 3) / each for each in counts[:-1]]
    benchmark.pedantic(run, args=(counts[-1],), rounds=3)
    costs.append(median(benchmark) / counts[-1])
    benchmark.extra_info["wall milliseconds per realization"] = {
        count: round(1e3 * cost, 3) for count, cost in zip(counts, costs, strict=True)
    }
