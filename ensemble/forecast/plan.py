"""What a sweep asks for, point by point: realizations, tasks, hours."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from distributed import Client

from ensemble import judge
from ensemble.cluster import Need, threads
from ensemble.fit.jackknife import Estimate
from ensemble.forecast.measuring import Say, known, measure, measure_here
from ensemble.forecast.portions import batch_size, bytes_each, chunk_length, task_length
from ensemble.stop import Stop
from ensemble.store import Ledger, Status
from ensemble.store.group import exists
from ensemble.store.place import Place
from ensemble.sweep import Point, Sweep
from ensemble.task import Job, realize

_WRITING = 0.008
"""Seconds that a chunk takes besides its realizations: of the worker that writes it and of the driver, about."""
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
    chunks: int
    """Chunks of the store that they are in."""


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
    def chunks(self) -> int:
        """Chunks of the store that they are in."""
        return sum(each.chunks for each in self.points)

    @property
    def core_seconds(self) -> float:
        """What they take on one core, with what it takes to write them."""
        return sum(each.missing * each.seconds for each in self.points) + self.chunks * _WRITING

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


def plan(
    sweep: Sweep,
    store: Place,
    workers: int,
    *,
    batch: int | None = None,
    client: Client | None = None,
    warn: Say = warnings.warn,
) -> Plan:
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
        costs |= measure(client, sweep, unknown, warn=warn) if client else measure_here(sweep, unknown, warn)
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
        chunks = math.ceil(missing / chunk)
        tasks = math.ceil(missing / size) + (chunks if size < min(chunk, missing) else 0)
        goal, sure = expected[point]
        done = ledger.count(point, Status.DONE, goal) if ledger else 0
        rows.append(PointPlan(point, done, goal, sure, missing, costs[point], tasks, chunks))
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
