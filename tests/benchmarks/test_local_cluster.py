"""A cluster of this machine: what TLS and forked workers cost and save, against Dask's own way in the same session.

Start-up is the wall time and the processor time until all workers are there; the run is one of cheap realizations,
whose receipts are most of what is sent. `ENSEMBLE_BENCHMARK_REALIZATIONS` asks for another number than a million.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median

import psutil
import pytest
from distributed import Client, LocalCluster
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.cluster import connect
from ensemble.run import Watch, run_on
from tests.benchmarks import REALIZATIONS, cheap_sweep

WORKERS = 2
ROUNDS = 5


@contextmanager
def of_dask() -> Iterator[Client]:
    """As Dask starts one: each worker by itself, without TLS."""
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(WORKERS)
        yield client


WAYS: dict[str, Callable[[], AbstractContextManager[Client]]] = {
    "Dask's own": of_dask,
    "without TLS": lambda: connect("local", workers=WORKERS, insecure=True),
    "with TLS": lambda: connect("local", workers=WORKERS),
}


def of_family() -> float:
    """Processor seconds of this process and all that it has started."""
    own = os.times()
    running = (each.cpu_times() for each in psutil.Process().children(recursive=True))
    return own.user + own.system + own.children_user + own.children_system + sum(t.user + t.system for t in running)


@pytest.mark.benchmark(group="local cluster")
def test_starting(benchmark: BenchmarkFixture) -> None:
    """Median of some starts; the first of this process, which starts the fork server too, is told apart."""
    walls: dict[str, list[float]] = {name: [] for name in WAYS}
    processors: dict[str, list[float]] = {name: [] for name in WAYS}

    def start(name: str) -> None:
        began, used = time.perf_counter(), of_family()
        with WAYS[name]() as client:
            client.wait_for_workers(WORKERS)
            walls[name].append(time.perf_counter() - began)
            processors[name].append(of_family() - used)

    start("with TLS")
    first = walls["with TLS"].pop(), processors["with TLS"].pop()
    for _ in range(ROUNDS):
        for name in WAYS:
            start(name)
    benchmark.pedantic(start, args=("with TLS",), rounds=1)
    told = {"first, wall and processor seconds": [round(each, 2) for each in first]}
    told |= {name: [round(median(each[name]), 2) for each in (walls, processors)] for name in WAYS}
    benchmark.extra_info.update(told)
    print(*(f"\n{what}: {value}" for what, value in told.items()))


@pytest.mark.benchmark(group="local cluster")
def test_running(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Cheap realizations with and without TLS, in turn."""
    taken: dict[str, list[float]] = {"without TLS": [], "with TLS": []}
    for number in range(3):
        for name, seconds in taken.items():
            with WAYS[name]() as client:
                run_on(client, cheap_sweep(1000), tmp_path / f"{number}-{name}-first.zarr", watch=Watch())
                began = time.perf_counter()
                summary = run_on(client, cheap_sweep(REALIZATIONS), tmp_path / f"{number}-{name}.zarr", watch=Watch())
                seconds.append(time.perf_counter() - began)
                assert summary.computed == REALIZATIONS
    ratio = median(taken["with TLS"]) / median(taken["without TLS"])
    benchmark.pedantic(lambda: None, rounds=1)
    told = {**{name: [round(each, 2) for each in seconds] for name, seconds in taken.items()}, "ratio": round(ratio, 3)}
    benchmark.extra_info.update(told)
    print(*(f"\n{what}: {value}" for what, value in told.items()))
