"""Estimate what a sweep takes before anything starts: realizations, tasks, core time and bytes at each point."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from distributed import Client

from ensemble.cluster import MemoryNeed, count_threads
from ensemble.realization.compute import ComputeTask, compute_realizations
from ensemble.reduce.jackknife import Estimate
from ensemble.run import adaptive_stopping
from ensemble.run.batching import batch_size, bytes_per_realization, chunk_length, task_length
from ensemble.run.timing import Say, measure_costs, measure_costs_here, recorded_costs
from ensemble.store import Ledger, Status
from ensemble.store.group import exists
from ensemble.store.location import Location
from ensemble.sweep import Point, Sweep
from ensemble.sweep.stop_rule import StopRule

_WRITING = 0.008
"""Seconds of overhead per chunk, on the worker that writes it and on the driver, approximately."""
_PILOT_SECONDS = 20.0
"""Maximum seconds spent on pilot realizations, which estimate the error that the stop rule needs."""
_PILOT_REALIZATIONS = 16
"""Minimum number of pilot realizations."""


@final
@dataclass(frozen=True)
class PointPlan:
    """Plan of one point of a sweep."""

    point: Point
    done: int
    """Realizations in the store."""
    expected: int
    """Realizations that the point will have: as asked, or as the stop rule is expected to need, or else the maximum."""
    sure: bool
    """Whether `expected` is known or estimated; if False, it is only the maximum."""
    missing: int
    """Realizations to compute."""
    seconds: float
    """Time of one realization on one core, in seconds."""
    tasks: int
    """Number of Dask tasks for the missing realizations."""
    chunks: int
    """Number of chunks of the store that hold the missing realizations."""


@final
@dataclass(frozen=True)
class Plan:
    """Plan of a sweep: what is missing, and what it costs."""

    points: tuple[PointPlan, ...]
    chunk: int
    """Realizations in one chunk of the store."""
    bytes_each: int
    """Uncompressed bytes of one realization."""
    workers: int
    """Number of tasks that run at the same time."""

    @property
    def missing(self) -> int:
        """Realizations to compute."""
        return sum(each.missing for each in self.points)

    @property
    def tasks(self) -> int:
        """Number of Dask tasks for the missing realizations."""
        return sum(each.tasks for each in self.points)

    @property
    def chunks(self) -> int:
        """Number of chunks of the store that hold the missing realizations."""
        return sum(each.chunks for each in self.points)

    @property
    def core_seconds(self) -> float:
        """Time on one core, in seconds, with the time to write the chunks."""
        return sum(each.missing * each.seconds for each in self.points) + self.chunks * _WRITING

    @property
    def seconds(self) -> float:
        """Time on all workers, in seconds."""
        return self.core_seconds / self.workers

    @property
    def bytes(self) -> int:
        """Uncompressed bytes of the missing realizations."""
        return self.missing * self.bytes_each

    @property
    def sure(self) -> bool:
        """Whether the expected numbers are known or estimated at all points; if False, they are upper bounds."""
        return all(each.sure for each in self.points)


def plan(
    sweep: Sweep,
    store: Location,
    workers: int,
    *,
    batch: int | None = None,
    client: Client | None = None,
    warn: Say = warnings.warn,
) -> Plan:
    """Estimate what a sweep takes; computes no results and starts no run.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    store : Location
        Path or URL of its store, which need not exist. Costs and realizations that it has are used.
    workers : int
        Number of workers to assume; ignored with a `client`.
    batch : int, optional
        Realizations per task; default: one if a realization takes 0.1 s or more, else about 1 s of work.
    client : distributed.Client, optional
        Cluster on which unknown costs are measured, and whose workers are counted; default: this process measures.
    warn : callable, default warnings.warn
        Function that takes a warning.

    Returns
    -------
    Plan
        One row per point.

    Raises
    ------
    SweepError
        If the stop rule asks for something that the sweep does not have.
    StoreMismatch
        If the store belongs to another sweep.
    """
    adaptive_stopping.check(sweep)
    ledger = None
    if exists(store):
        ledger = Ledger.reading(store)
        ledger.layout.check(sweep, store)
    costs = recorded_costs(store, sweep.points)
    if unknown := [point for point in sweep.points if point not in costs]:
        costs |= (
            measure_costs(client, sweep, unknown, warn=warn) if client else measure_costs_here(sweep, unknown, warn)
        )
    if client:
        workers = max(1, count_threads(client))
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
    return Plan(tuple(rows), chunk, bytes_per_realization(sweep), workers)


def _expected(sweep: Sweep, ledger: Ledger | None, costs: Mapping[Point, float]) -> dict[Point, tuple[int, bool]]:
    """For each point, the expected number of realizations, and whether it is known or estimated (else the maximum)."""
    stop, most = sweep.stop, sweep.realizations
    if stop is None:
        return dict.fromkeys(sweep.points, (most, True))
    groups = adaptive_stopping.groups(sweep)
    found = {}
    for points in groups:
        excess, count = _recorded_excess(stop, ledger, points)
        if count and excess <= 1:
            found.update(dict.fromkeys(points, (count, True)))
            continue
        if not count:
            seconds = sum(costs[point] for point in points)
            count = min(stop.least, int(_PILOT_SECONDS / len(groups) / max(seconds, 1e-9)))
            excess = (
                _pilot(sweep, stop, points, count)
                if count >= _PILOT_REALIZATIONS and MemoryNeed.of(points).fits_here
                else math.nan
            )
        found.update(dict.fromkeys(points, (stop.enough(count, excess, most), not math.isnan(excess))))
    return found


def _recorded_excess(stop: StopRule, ledger: Ledger | None, points: Sequence[Point]) -> tuple[float, int]:
    """The largest excess that a run has recorded at some points, and the number of realizations; (nan, 0) if none."""
    if ledger is None or ledger.layout.asked.get("stop") != stop.told:
        return math.nan, 0
    targets = [ledger.points.target(ledger.layout.cell(point)) for point in points if ledger.layout.holds(point)]
    excess = [stop.excess(value, error) for count, value, error in targets if count]
    return (max(excess), max(count for count, _, _ in targets)) if excess else (math.nan, 0)


def _pilot(sweep: Sweep, stop: StopRule, points: Sequence[Point], count: int) -> float:
    """The largest excess of the first `count` realizations, which are computed in this process and discarded."""
    estimates = []
    for point in points:
        job = ComputeTask.at(Path(), point.model, sweep.seed, (stop.observable,))
        rows = [
            each.arrays[stop.observable] for each in compute_realizations(job, range(count)) if each.arrays is not None
        ]
        values = np.concatenate(rows) if rows else np.empty(0)
        estimates.append(Estimate.of_blocks(values, np.ones(len(values), int)) if len(values) > 1 else None)
    t = sweep.coords.get("t") if sweep.observables[stop.observable].dims else None
    verdicts = adaptive_stopping.evaluate(stop, [dict(point.values) for point in points], estimates, t)
    return adaptive_stopping.worst(stop, verdicts)
