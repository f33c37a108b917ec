"""Measured cost per point, and what follows from it: batch sizes, chunks, hours, bytes."""

import contextlib
import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from distributed import Client, wait

from ensemble.store import Ledger, Status
from ensemble.store.group import exists
from ensemble.sweep import Point, Sweep
from ensemble.task import Job, seconds_each

_PATIENCE = 30.0
"""Seconds that measuring may take; a point that has told nothing by then counts as the dearest known."""
_COMPILING = 150.0
"""Seconds to wait for the first measurement: on a new machine, kernels are compiled before it."""
_SAMPLE = 256
"""Points that are measured at most; the others cost what their neighbour in the grid does."""
_TASK_SECONDS = 1.0
"""What a task should last at most: Dask spends a millisecond or two on each, whatever it holds."""
_TASKS_FOR_BALANCE = 10
"""A worker should have at least this many tasks in a run: the last one may keep all others waiting."""
_DEAR = 0.1
"""Seconds from which on a realization is a task of its own."""
_CHUNK_SECONDS = 60.0
"""What a lost chunk may cost."""
_CHUNK_LENGTH = 512
_CHUNK_BYTES = 64 * 2**20


@final
@dataclass(frozen=True)
class PointPlan:
    """What one point of a sweep asks for."""

    point: Point
    done: int
    """Realizations that the store has."""
    missing: int
    """Realizations to compute."""
    seconds: float
    """Cost of one realization on one core."""
    tasks: int
    """Dask tasks that the missing ones make."""


@final
@dataclass(frozen=True)
class Plan:
    """What a sweep asks for, point by point, before anything starts."""

    points: tuple[PointPlan, ...]
    chunk: int
    """Realizations in one chunk of the store."""
    bytes_each: int
    """Uncompressed bytes of one realization."""

    @property
    def seconds(self) -> float:
        """Core seconds of all that is missing."""
        return sum(each.missing * each.seconds for each in self.points)

    @property
    def bytes(self) -> int:
        """Uncompressed bytes of all that is missing."""
        return sum(each.missing for each in self.points) * self.bytes_each


def plan(sweep: Sweep, store: Path, workers: int, *, batch: int | None = None) -> Plan:
    """Look at what the store has, time a realization of every point in this process, start nothing."""
    ledger = None
    if exists(store):
        ledger = Ledger.reading(store)
        ledger.layout.check(sweep, store)
    costs = measure_here(sweep)
    counts = {
        point: ledger.count_missing(point, sweep.realizations) if ledger else sweep.realizations
        for point in sweep.points
    }
    chunk = ledger.layout.chunk if ledger else sweep.chunk or chunk_length(sweep, costs.values())
    length = task_length(sum(counts[point] * costs[point] for point in sweep.points), workers)
    rows = []
    for point, missing in counts.items():
        size = batch or batch_size(costs[point], length)
        tasks = math.ceil(missing / size) + (math.ceil(missing / chunk) if size < min(chunk, missing) else 0)
        done = ledger.count(point, Status.DONE, sweep.realizations) if ledger else 0
        rows.append(PointPlan(point, done, missing, costs[point], tasks))
    return Plan(tuple(rows), chunk, bytes_each(sweep))


def measure_here(sweep: Sweep, points: Sequence[Point] | None = None) -> dict[Point, float]:
    """Seconds for a realization of every point, or of some, timed one after the other in this process."""
    points = sweep.points if points is None else points
    sample = _sample(points)
    started = time.perf_counter()
    known: dict[Point, float] = {}
    for point in sample:
        if known and time.perf_counter() - started > _PATIENCE:
            break
        known[point] = seconds_each(Job.at(Path(), point.model, sweep.seed, sweep.observables), 0)
    return _spread(points, sample, known)


def measure(client: Client, sweep: Sweep, points: Sequence[Point]) -> dict[Point, float]:
    """Seconds for a realization of every point, timed on the workers that will do the work."""
    sample = _sample(points)
    token = uuid.uuid4().hex
    jobs = {point: Job.at(Path(), point.model, sweep.seed, sweep.observables) for point in sample}
    futures = {
        point: client.submit(seconds_each, job, 0, key=f"measure-{token}-{number}")
        for number, (point, job) in enumerate(jobs.items())
    }
    with contextlib.suppress(TimeoutError), client.as_current():
        wait(list(futures.values()), timeout=_COMPILING, return_when="FIRST_COMPLETED")
        wait(list(futures.values()), timeout=_PATIENCE)
    known = {point: future.result() for point, future in futures.items() if future.status == "finished"}
    client.cancel([future for future in futures.values() if future.status == "pending"])
    return _spread(points, sample, known)


def batch_size(seconds: float, task: float = _TASK_SECONDS) -> int:
    """Realizations in one task: one if they are dear, as many as fill the length of a task if they are cheap."""
    return 1 if seconds >= _DEAR else max(1, round(task / max(seconds, 1e-6)))


def task_length(core_seconds: float, workers: int) -> float:
    """Seconds that a task should last: about one, less in a short run, so that all workers finish together."""
    return min(_TASK_SECONDS, max(_DEAR, core_seconds / workers / _TASKS_FOR_BALANCE))


def chunk_length(sweep: Sweep, costs: Iterable[float]) -> int:
    """Realizations in one chunk: a minute's worth at the dearest point, not too many and not too large."""
    by_cost = int(_CHUNK_SECONDS / max(*costs, 1e-6))
    by_size = _CHUNK_BYTES // bytes_each(sweep)
    return max(1, min(_CHUNK_LENGTH, by_cost, by_size))


def bytes_each(sweep: Sweep) -> int:
    """Uncompressed bytes of one realization."""
    return sum(
        np.dtype(observable.dtype).itemsize * math.prod(len(sweep.coords[dim]) for dim in observable.dims)
        for observable in sweep.observables.values()
    )


def _sample(points: Sequence[Point]) -> list[Point]:
    step = math.ceil(len(points) / _SAMPLE)
    return list(points[::step])


def _spread(points: Sequence[Point], sample: Sequence[Point], known: Mapping[Point, float]) -> dict[Point, float]:
    """Costs of all points from those of some: the measured neighbour's, or the dearest known."""
    dearest = max(known.values(), default=_PATIENCE)
    step = math.ceil(len(points) / _SAMPLE)
    return {point: known.get(sample[number // step], dearest) for number, point in enumerate(points)}
