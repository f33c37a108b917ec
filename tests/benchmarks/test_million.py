"""A million realizations: of a toy, against what Dask and Zarr do bare; of four two-level systems, against the kernel.

Each realization is one observable at 91 points, 728 bytes. `ENSEMBLE_BENCHMARK_REALIZATIONS` asks for another number
than a million.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import zarr
from distributed import Client, Future, as_completed
from pytest_benchmark.fixture import BenchmarkFixture
from zarr.codecs import Crc32cCodec, ZstdCodec

import ensemble
from ensemble import Sweep
from ensemble.run import Summary, Watch, count_missing, run_on
from ensemble.store import Status
from tests.benchmarks import CHEAP_POINTS, HOUR, REALIZATIONS, cheap_sweep, seconds
from tests.support.command import line
from tests.support.glass import kernel_seconds
from tests.support.glass import sweep_of as glass
from tests.support.processes import start
from tests.support.waiting import wait_until

CHUNK = 512
CHUNKS_IN_A_TASK, TASKS_IN_FLIGHT = 16, 6
"""Of the bare run; the framework finds its own."""


GLASS = """
model = "tls_glass"
realizations = {realizations}
seed = 2021
observables = ["concurrence"]
axes = {{ N = [4], epsilon = [0.0], eta = [1e5] }}
time = {{ start = 1e-3, stop = 1e6, num = {points}, spacing = "log" }}
stop = {{ law = "plateau", relative = 1e-9, min = 1000 }}
"""
"""A rule that is never met: the point is judged on the way to its last realization."""


class Stopwatch(Watch):
    """When the first task could be sent, when the run ended, and the most memory that the driver was seen to use."""

    def __init__(self) -> None:
        self.made = time.perf_counter()
        self.began = self.ended = 0.0
        self.memory = 0

    def begin(self, wanted: int, done: int) -> None:
        self.began = time.perf_counter()

    def tick(self) -> None:
        self.memory = max(self.memory, psutil.Process().memory_info().rss)

    def end(self) -> None:
        self.ended = time.perf_counter()


def run_bare(client: Client, store: Path) -> None:
    """As many walks without a framework: a window of tasks, a generator for each chunk, nothing but the chunks."""
    array = zarr.create_array(
        str(store),
        shape=(REALIZATIONS, CHEAP_POINTS),
        chunks=(CHUNK, CHEAP_POINTS),
        dtype="float64",
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
    )

    def compute(path: str, start: int, stop: int) -> None:  # travels by value
        target = zarr.open_array(path, mode="r+")
        for at in range(start, stop, CHUNK):
            numbers = np.random.default_rng(at).random((min(CHUNK, stop - at), CHEAP_POINTS))
            target[at : at + CHUNK] = np.cumsum(numbers - 0.5, axis=1) + 0.5 * np.arange(CHEAP_POINTS)

    def tasks() -> Iterator["Future[None]"]:
        length = CHUNK * CHUNKS_IN_A_TASK
        for at in range(0, REALIZATIONS, length):
            yield client.submit(compute, str(store), at, min(at + length, REALIZATIONS), pure=False)

    waiting = tasks()
    window = as_completed(itertools.islice(waiting, TASKS_IN_FLIGHT), loop=client.loop)
    for done in window:
        done.result(HOUR)
        for task in itertools.islice(waiting, 1):
            window.add(task)
    assert array.nchunks_initialized == array.nchunks


def forget_half(store: Path) -> None:
    """Leave a store as a run leaves it that was killed half-way: what is on disk counts only if its status says so."""
    status = zarr.open_array(str(store / "status"), mode="r+")
    status[:, status.shape[-1] // 2 :] = Status.TODO


@pytest.mark.parametrize(
    ("points", "judged"), [(1, False), (1, True), (16, True)], ids=["all", "judged", "judged at 16 points"]
)
def test_a_million(benchmark: BenchmarkFixture, points: int, judged: bool, tmp_path: Path, cluster: Client) -> None:
    """From nothing, bare before and after it; then the same store finished, and half-finished; with a stop rule too."""
    sweep, store = cheap_sweep(REALIZATIONS, points, judged=judged), tmp_path / "a.zarr"

    def run(watch: Watch, sweep: Sweep = sweep, store: Path = store) -> Summary:
        return run_on(cluster, sweep, store, watch=watch)

    run(Watch(), cheap_sweep(10 * CHUNK), tmp_path / "first.zarr")  # whatever a worker imports on its first task
    before = psutil.Process().memory_info().rss
    bare = seconds(lambda: run_bare(cluster, tmp_path / "before.zarr"), 1)
    fresh = Stopwatch()
    summary = benchmark.pedantic(run, args=(fresh,), rounds=1)
    bare += seconds(lambda: run_bare(cluster, tmp_path / "after.zarr"), 1)
    assert (summary.complete, summary.failed) == (True, 0)
    assert 0.8 * REALIZATIONS < summary.computed <= REALIZATIONS  # a point may be lucky, and exact enough before

    (finished,) = seconds(lambda: count_missing(sweep, store), 1)
    assert count_missing(sweep, store).left == 0
    forget_half(store)
    again = Stopwatch()
    resumed = run(again)
    assert resumed.complete
    assert int(ensemble.open(store)["n_done"].sum()) == summary.computed

    rates = [summary.computed / (fresh.ended - fresh.began), *(REALIZATIONS / each for each in bare)]
    told = {
        "realizations per second, from the first task to the last status": round(rates[0]),
        "realizations per second, bare, before and after": [round(rate) for rate in rates[1:]],
        "share of the bare rate": round(2 * rates[0] / sum(rates[1:]), 2),
        "seconds before the first task": round(fresh.began - fresh.made, 2),
        "seconds before the first task, half of the store done": round(again.began - again.made, 2),
        "seconds to find that all is done": round(finished, 2),
        "MB of the driver: before, at most": [round(each / 1e6) for each in (before, fresh.memory)],
    }
    benchmark.extra_info.update(told)
    print(*(f"\n{what}: {value}" for what, value in told.items()))


def test_a_million_of_the_first_model(benchmark: BenchmarkFixture, tmp_path: Path, cluster: Client) -> None:
    """Four two-level systems without dissipation, judged on the way, as the command line runs them."""
    sweep, store = tmp_path / "a.toml", tmp_path / "a.zarr"
    sweep.write_text(GLASS.format(realizations=REALIZATIONS, points=CHEAP_POINTS))
    sample = glass(4, min(REALIZATIONS, 10**5), times=CHEAP_POINTS)
    memory: list[int] = []

    def run() -> None:
        with start(line("run", str(sweep), "--store", str(store)), stdout=None, stderr=None) as driver:

            def has_ended() -> bool:
                with contextlib.suppress(psutil.NoSuchProcess):
                    memory.append(psutil.Process(driver.pid).memory_info().rss)
                return driver.poll() is not None

            wait_until(has_ended, "end of the run", seconds=max(1.0, REALIZATIONS / 1e6) * HOUR, pause=0.1)

    kernel = [kernel_seconds(cluster, sample, 2)]
    taken = seconds(lambda: benchmark.pedantic(run, rounds=1), 1)[0]
    kernel.append(kernel_seconds(cluster, sample, 2))
    with ensemble.open(store) as dataset:
        assert int(dataset["n_done"].sum()) == int(dataset["target_n"].max()) == REALIZATIONS
    each = sum(kernel) / 2
    told = {
        "realizations per second, start and end included": round(REALIZATIONS / taken),
        "microseconds of the kernel, both workers busy": round(1e6 * each, 1),
        "wall over kernel / 2": round(2 * taken / REALIZATIONS / each, 2),
        "MB of the driver, at most": round(max(memory) / 1e6),
    }
    benchmark.extra_info.update(told)
    print(*(f"\n{what}: {value}" for what, value in told.items()))
