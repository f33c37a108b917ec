"""How large a cluster one driver can feed: what a chunk costs it, what follows from that, and a check by simulation.

A realization of T seconds is handed out as `forecast` says: so many in a task, so many in a chunk, which lasts K T core
seconds. The driver (scheduler, window and book in one process, and so on one core) spends D seconds on a chunk, a part
f of its time on nothing in particular and h on a heartbeat, of which Dask has workers send 200 a second at most. Four
fifths of its time go with

    W = (0.8 - f - 200 h) K T / D    workers,

and up to there nobody waits for it: a worker has the next task before it is done with the last one. D is measured with
realizations that take no time, f while workers sleep. Landing takes a worker L of its own time, 1 - K T / (K T + L) of
all, and a file system W / (K T) new files a second.

Where all share a machine of C cores, as here, workers spend w on a chunk besides computing, much of it on talking to
one another, and a part b of their time on nothing in particular. So W workers can sleep for a part of their time that
is at most

    min(1, (1 - f) K T / W D, (C - f - b W) K T / W (D + w)).

Processes check the third of these; threads, of which many share a process, take less of the machine, and check the
second. What is measured should be between 0.7 and 1.2 of what is predicted: cores that run something else as well
spoil it, and so does the last task of a short run.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import psutil
import pytest
from distributed import Client
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from ensemble.cluster import count_cores, count_threads
from ensemble.realization.compute import ComputeTask, compute_realizations
from ensemble.run import Watch, batching, run_on
from ensemble.store import Ledger, write_chunk
from tests.support.glass import sweep_of as glass
from tests.support.herd import herd
from tests.support.toy_model import TOY

BUSY, HEARTBEATS = 0.8, 200.0
TIMES, ROUNDS = 96, 3
KINDS = {"10 ms": (0.01, 40), "1 s": (1.0, 20), "1 min": (60.0, 1000)}
"""Seconds of a realization, and how many chunks it is measured with: some seconds for a round."""
HERDS = {"32 processes": (32, 1, {1.0: 480, 0.3: 960}), "256 threads": (4, 64, {1.0: 5100, 0.5: 5100})}
"""Processes, threads of each, and how many realizations are simulated for each length of sleep."""
BETWEEN = (0.7, 1.2)


def sweep_of(realizations: int, chunk: int, sleep: float = 0.0) -> Sweep:
    """One point of the toy model, at as many times as a real one."""
    table: dict[str, Any] = {
        "model": TOY,
        "realizations": realizations,
        "seed": 2021,
        "observables": ["walk"],
        "axes": {"size": [1]},
        "parameters": {"seconds": sleep},
        "time": {"start": 0.0, "stop": TIMES - 1.0, "num": TIMES},
        "store": {"chunk": chunk},
    }
    return Sweep.from_table(table)


class Meter(Watch):
    """Wall and CPU seconds of this process, from the first task that could be sent to the last status."""

    def begin(self, wanted: int, done: int) -> None:
        self.wall, self.driver = -time.perf_counter(), -time.process_time()

    def end(self) -> None:
        self.wall += time.perf_counter()
        self.driver += time.process_time()


@final
@dataclass(frozen=True)
class Spent:
    """What a run took: seconds, then CPU seconds of the driver and of all workers together."""

    wall: float
    driver: float
    workers: float
    others: float
    """The same of whatever else runs on this machine."""


@final
@dataclass(frozen=True)
class Costs:
    """What a chunk of one kind of realization takes; letters as above."""

    chunk: int
    batch: int
    lasts: float
    driver: float
    landing: float


def of_workers(client: Client) -> float:
    """CPU seconds of all workers so far."""
    return float(sum(client.run(time.process_time).values()))


def of_machine() -> float:
    """CPU seconds of everything on this machine so far."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def run(client: Client, folder: Path, sweep: Sweep, batch: int) -> Spent:
    """Compute all of a sweep to a store of its own."""
    store, meter = folder / f"{len(list(folder.iterdir()))}.zarr", Meter()
    before = of_machine(), time.process_time(), of_workers(client)
    summary = run_on(client, sweep, store, batch=batch, watch=meter)
    assert summary.computed == summary.wanted == sweep.realizations
    after = of_machine(), time.process_time(), of_workers(client)
    machine, driver, workers = (now - then for now, then in zip(after, before, strict=True))
    return Spent(meter.wall, meter.driver, workers, machine - driver - workers)


def per_second(function: Callable[[], object], of: Callable[[], float]) -> float:
    """How fast something grows while something else goes on."""
    began, before = time.perf_counter(), of()
    function()
    return (of() - before) / (time.perf_counter() - began)


def landing_seconds(client: Client, folder: Path, chunk: int) -> float:
    """What landing a chunk takes a worker, all of them at it."""
    many = 50

    def land_many(job: ComputeTask, slots: Any) -> float:  # travels by value
        chunks = [(slot, compute_realizations(job, slot.indices)) for slot in slots]
        began = time.perf_counter()
        for slot, outcomes in chunks:
            write_chunk(Path(job.store), slot, outcomes, job.observables)
        return (time.perf_counter() - began) / len(chunks)

    workers = sorted(client.scheduler_info()["workers"])
    sweep, store = sweep_of(many * len(workers) * chunk, chunk), folder / f"landing {chunk}.zarr"
    with Ledger.writing(store, sweep, chunk) as ledger:
        slots = list(ledger.missing(sweep.points[0], sweep.realizations))
    job = ComputeTask.at(store, sweep.points[0].model, sweep.seed, sweep.observables)
    tasks: list[Any] = [
        client.submit(land_many, job, slots[at :: len(workers)], workers=[each], pure=False)
        for at, each in enumerate(workers)
    ]
    return statistics.fmean(client.gather(tasks))


@pytest.fixture(scope="module")
def costs(cluster: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Costs]:
    """What the driver spends on each kind of chunk, and a worker on landing it: the median of some rounds."""
    found = {}
    for kind, (seconds, chunks) in KINDS.items():
        folder = tmp_path_factory.mktemp("costs")
        chunk, batch = batching.chunk_length(sweep_of(1, 1), [seconds]), batching.batch_size(seconds)
        run(cluster, folder, sweep_of(4 * chunk, chunk), batch)  # whatever a worker imports on its first task
        rounds = [run(cluster, folder, sweep_of(chunks * chunk, chunk), batch) for _ in range(ROUNDS)]
        idle = background(cluster, folder)
        found[kind] = Costs(
            chunk,
            batch,
            lasts=chunk * seconds,
            driver=statistics.median(each.driver - idle * each.wall for each in rounds) / chunks,
            landing=landing_seconds(cluster, folder, chunk),
        )
    return found


def background(client: Client, folder: Path) -> float:
    """The part of its core that a driver takes while its workers sleep, and nothing lands."""
    slept = run(client, folder, sweep_of(4, 4, sleep=1.0), batch=4)
    return slept.driver / slept.wall


def heartbeat(cluster: Client) -> tuple[float, float]:
    """What a heartbeat takes of the driver, and the open files that a worker takes: thirty workers more than two."""

    def idle() -> float:
        return per_second(lambda: time.sleep(4.0), time.process_time)

    few, files = idle(), psutil.Process().num_fds()
    with herd(30):
        more = idle() - few
        return max(0.0, more) / 30, (psutil.Process().num_fds() - files) / 30  # thirty send one a second each


def test_the_largest_cluster(
    benchmark: BenchmarkFixture, costs: dict[str, Costs], tmp_path: Path, cluster: Client
) -> None:
    """The table: what a chunk costs, how many workers one driver feeds, and what they ask of a file system."""
    idle, (beat, files) = background(cluster, tmp_path), heartbeat(cluster)
    spare = BUSY - idle - HEARTBEATS * beat
    table: dict[str, list[object]] = {}

    def row(name: str, value: Callable[[Costs], object]) -> None:
        table[name] = [value(each) for each in costs.values()]

    def most(each: Costs) -> float:
        return spare * each.lasts / each.driver

    row("realizations in a chunk", lambda each: each.chunk)
    row("tasks to compute it", lambda each: -(-each.chunk // each.batch))
    row("core seconds in it", lambda each: each.lasts)
    row("ms of the driver for a chunk", lambda each: round(1e3 * each.driver, 1))
    row("ms of a worker to land it", lambda each: round(1e3 * each.landing, 1))
    row("largest cluster at 80 %", lambda each: float(f"{most(each):.2g}"))
    row("chunks a second that it lands", lambda each: round(most(each) / each.lasts, 1))
    row("MB a second, uncompressed", lambda each: round(8e-6 * TIMES * each.chunk * most(each) / each.lasts, 1))
    row("chunks a second that two workers here can land", lambda each: round(2 / each.landing))
    told = {
        "part of a core that the driver takes while nothing lands": round(idle, 3),
        "ms of the driver for a heartbeat": round(1e3 * beat, 2),
        "open files of the driver for each worker": round(files, 1),
        "MB of a worker: started, after a realization of N = 8": memory(cluster),
    }
    benchmark.pedantic(run, args=(cluster, tmp_path, sweep_of(240, 60), 1), rounds=1)
    benchmark.extra_info.update({**table, **told})
    print("\n", *KINDS, sep=" | ")
    print(*(f"{name}: {' | '.join(map(str, values))}" for name, values in table.items()), sep="\n")
    print(*(f"{what}: {value}" for what, value in told.items()), sep="\n")
    assert all(most(each) > count_cores() for each in costs.values())


def memory(client: Client) -> list[int]:
    """MB of a worker with all that a toy needs, and with the compiled kernels of the glass: the median worker."""

    def middle() -> int:
        found: dict[str, int] = client.run(lambda: psutil.Process().memory_info().rss)
        return round(statistics.median(found.values()) / 1e6)

    before, sweep = middle(), glass(8, 2)
    job = ComputeTask.at(Path("unused"), sweep.points[0].model, sweep.seed, sweep.observables)
    client.run(compute_realizations, job, [0])
    return [before, middle()]


@pytest.fixture(scope="module", params=HERDS)
def simulated(request: pytest.FixtureRequest) -> Iterator[tuple[str, Client]]:
    """A herd, with its name."""
    processes, each, _ = HERDS[request.param]
    with herd(processes, each) as client:
        yield request.param, client


def test_the_prediction(
    benchmark: BenchmarkFixture, costs: dict[str, Costs], simulated: tuple[str, Client], tmp_path: Path
) -> None:
    """Workers that sleep: the part of their time that they do, over what it should be."""
    kind, client = simulated
    _, _, sleeps = HERDS[kind]
    chunk, workers = costs["1 s"], count_threads(client)
    run(client, tmp_path, sweep_of(4 * workers, 4, sleep=0.2), 1)  # whatever a worker imports on its first task
    asleep = per_second(lambda: time.sleep(3.0), lambda: of_workers(client))
    idle, ratios, table = background(client, tmp_path), [], {}
    busy = run(client, tmp_path, sweep_of(20 * chunk.chunk, chunk.chunk), 1).workers / 20  # of many, on each other too
    for sleep, count in sleeps.items():
        taken = run(client, tmp_path, sweep_of(count, chunk.chunk, sleep), 1)
        measured, lasts = count * sleep / workers / taken.wall, chunk.chunk * sleep / workers
        bounds = {
            "nothing": 1.0,
            "the driver": (1 - idle) * lasts / chunk.driver,
            "the cores here": (count_cores() - idle - asleep) * lasts / (chunk.driver + busy),
        }
        binds = min(bounds, key=lambda name: bounds[name])
        ratios.append(measured / bounds[binds])
        shares = (round(each / taken.wall, 2) for each in (taken.driver, taken.workers, taken.others))
        table[f"{sleep} s"] = (round(measured, 2), round(bounds[binds], 2), binds, *shares)
    benchmark.pedantic(run, args=(client, tmp_path, sweep_of(4 * workers, 4, sleep=0.1), 1), rounds=1)
    benchmark.extra_info.update(table)
    print(f"\n{kind}: slept, predicted, what binds; cores that driver, workers, others took")
    print(*(f"{sleep}: {values}" for sleep, values in table.items()), sep="\n")
    least, most = BETWEEN
    assert all(least < ratio < most for ratio in ratios), table
