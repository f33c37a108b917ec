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

from ensemble import judge
from ensemble.cluster import Need, Rooms, threads
from ensemble.fit.jackknife import Estimate
from ensemble.stop import Stop
from ensemble.store import Ledger, Status
from ensemble.store.group import exists
from ensemble.store.place import Place
from ensemble.sweep import Point, Sweep
from ensemble.task import Job, realize, seconds_each

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


_PILOT_PATIENCE = 20.0
"""Seconds that may be spent on finding out how exact realizations are."""
_PILOT = 16
"""The fewest realizations that can tell."""


@final
@dataclass(frozen=True)
class PointPlan:
    """What one point of a sweep asks for."""

    point: Point
    done: int
    """Realizations that the store has."""
    expected: int
    """Realizations that it will have; with a stop rule, those that are expected to do, or the most it may have."""
    sure: bool
    """Whether it is known how many that are, or at least expected; if not, they are the most."""
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
    workers: int
    """Tasks that are worked on at a time."""

    @property
    def missing(self) -> int:
        """Realizations to compute."""
        return sum(each.missing for each in self.points)

    @property
    def tasks(self) -> int:
        """Dask tasks that they make."""
        return sum(each.tasks for each in self.points)

    @property
    def core_seconds(self) -> float:
        """What they take on one core."""
        return sum(each.missing * each.seconds for each in self.points)

    @property
    def seconds(self) -> float:
        """What they take here."""
        return self.core_seconds / self.workers

    @property
    def bytes(self) -> int:
        """Uncompressed bytes of all that is missing."""
        return self.missing * self.bytes_each

    @property
    def sure(self) -> bool:
        """Whether this is what is expected; if not, it is the most."""
        return all(each.sure for each in self.points)


def plan(sweep: Sweep, store: Place, workers: int, *, batch: int | None = None, client: Client | None = None) -> Plan:
    """Look at what the store has, time what it does not know, start nothing.

    Realizations are timed in this process, or on a client's cluster, whose workers are reckoned with then.
    """
    judge.check(sweep)
    ledger = None
    if exists(store):
        ledger = Ledger.reading(store)
        ledger.layout.check(sweep, store)
    costs = known(store, sweep.points)
    if unknown := [point for point in sweep.points if point not in costs]:
        costs |= measure(client, sweep, unknown) if client else measure_here(sweep, unknown)
    if client:
        workers = max(1, threads(client))
    expected = _expected(sweep, ledger, costs)
    counts = {
        point: ledger.count_missing(point, expected[point][0]) if ledger else expected[point][0]
        for point in sweep.points
    }
    chunk = ledger.layout.chunk if ledger else sweep.chunk or chunk_length(sweep, costs.values())
    length = task_length(sum(counts[point] * costs[point] for point in sweep.points), workers)
    rows = []
    for point, missing in counts.items():
        size = batch or batch_size(costs[point], length)
        tasks = math.ceil(missing / size) + (math.ceil(missing / chunk) if size < min(chunk, missing) else 0)
        goal, sure = expected[point]
        done = ledger.count(point, Status.DONE, goal) if ledger else 0
        rows.append(PointPlan(point, done, goal, sure, missing, costs[point], tasks))
    return Plan(tuple(rows), chunk, bytes_each(sweep), workers)


def _expected(sweep: Sweep, ledger: Ledger | None, costs: Mapping[Point, float]) -> dict[Point, tuple[int, bool]]:
    """How many realizations each point will have, and whether that is expected or only the most it may have."""
    stop, most = sweep.stop, sweep.realizations
    if stop is None:
        return dict.fromkeys(sweep.points, (most, True))
    groups = judge.groups(sweep)
    found = {}
    for points in groups:
        excess, count = _judged(stop, ledger, points)
        if count and excess <= 1:
            found.update(dict.fromkeys(points, (count, True)))
            continue
        if not count:
            each = sum(costs[point] for point in points)
            count = min(stop.least, int(_PILOT_PATIENCE / len(groups) / max(each, 1e-9)))
            excess = _pilot(sweep, stop, points, count) if count >= _PILOT and Need.of(points).fits_here else math.nan
        found.update(dict.fromkeys(points, (stop.enough(count, excess, most), not math.isnan(excess))))
    return found


def _judged(stop: Stop, ledger: Ledger | None, points: Sequence[Point]) -> tuple[float, int]:
    """The largest excess that a run has found at some points, and from how many realizations; 0 if none has."""
    if ledger is None or ledger.layout.asked.get("stop") != stop.told:
        return math.nan, 0
    told = [ledger.points.target(ledger.layout.cell(point)) for point in points if ledger.layout.holds(point)]
    excess = [stop.excess(value, error) for count, value, error in told if count]
    return (max(excess), max(count for count, _, _ in told)) if excess else (math.nan, 0)


def _pilot(sweep: Sweep, stop: Stop, points: Sequence[Point], count: int) -> float:
    """The largest excess of some first realizations, computed here for this alone."""
    estimates = []
    for point in points:
        job = Job.at(Path(), point.model, sweep.seed, (stop.observable,))
        rows = [each.arrays[stop.observable] for each in realize(job, range(count)) if each.arrays is not None]
        values = np.concatenate(rows) if rows else np.empty(0)
        estimates.append(Estimate.of_blocks(values, np.ones(len(values), int)) if len(values) > 1 else None)
    t = sweep.coords.get("t") if sweep.observables[stop.observable].dims else None
    verdicts = judge.evaluate(stop, [dict(point.values) for point in points], estimates, t)
    return judge.worst(stop, verdicts)


def known(store: Place, points: Iterable[Point]) -> dict[Point, float]:
    """Seconds for a realization of those points that a run has timed, as the store tells."""
    if not exists(store):
        return {}
    ledger = Ledger.reading(store)
    told = {p: ledger.points.core_seconds(ledger.layout.cell(p)) for p in points if ledger.layout.holds(p)}
    return {point: seconds for point, seconds in told.items() if math.isfinite(seconds)}


def measure_here(sweep: Sweep, points: Sequence[Point] | None = None) -> dict[Point, float]:
    """Seconds for a realization of every point, or of some, timed one after the other in this process."""
    points = sweep.points if points is None else points
    sample = _sample(points)
    started = time.perf_counter()
    known: dict[Point, float] = {}
    for point in sample:
        if not Need.of([point]).fits_here:
            continue  # it is meant for another machine
        if known and time.perf_counter() - started > _PATIENCE:
            break
        known[point] = seconds_each(Job.at(Path(), point.model, sweep.seed, sweep.observables), 0)
    return _spread(points, sample, known)


def measure(
    client: Client, sweep: Sweep, points: Sequence[Point], limit: float | None = None, patience: float = math.inf
) -> dict[Point, float]:
    """Seconds for a realization of every point, timed on the workers that will do the work and have room for it.

    One that takes longer than `limit` counts as that long; after `patience` seconds nobody waits for more.
    """
    ends = time.monotonic() + patience
    sample = _sample(points)
    token = uuid.uuid4().hex
    jobs = {point: Job.at(Path(), point.model, sweep.seed, sweep.observables, limit) for point in sample}
    rooms = Rooms(client, Need.of(sample))
    futures = {
        point: client.submit(seconds_each, job, 0, key=f"measure-{token}-{number}", **rooms.options(point.memory))
        for number, (point, job) in enumerate(jobs.items())
    }
    with contextlib.suppress(TimeoutError), client.as_current():
        wait(list(futures.values()), timeout=min(_COMPILING, max(0.0, patience)), return_when="FIRST_COMPLETED")
        wait(list(futures.values()), timeout=min(_PATIENCE, max(0.0, ends - time.monotonic())))
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
    by_cost = int(_CHUNK_SECONDS / max([1e-6, *costs]))
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
