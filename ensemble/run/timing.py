"""Seconds per realization at each point: recorded in a store, or measured; and a check that results are repeatable."""

import contextlib
import math
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from distributed import Client, wait

from ensemble.cluster import MemoryNeed, WorkerMemory
from ensemble.models.model import measures_all
from ensemble.realization.compute import ComputeTask, Timing, time_realization
from ensemble.store import Ledger
from ensemble.store.group import exists
from ensemble.store.location import Location
from ensemble.sweep import Point, Sweep

Say = Callable[[str], None]
"""A function that takes a message."""
_PATIENCE = 30.0
"""Maximum duration of the measurement, in seconds; other points then get the cost of the most expensive one."""
_COMPILING = 150.0
"""Timeout for the first measurement, in seconds: on a new machine, kernels are compiled first."""
_TIMING = 2.0
"""Seconds that all points together are timed, in addition to two realizations each, if realizations are cheap."""
_SAMPLE = 256
"""Maximum number of points that are measured; the others get the cost of their neighbour in the grid."""


def recorded_costs(store: Location, points: Iterable[Point]) -> dict[Point, float]:
    """Seconds per realization at the points that an earlier run has timed, from the store."""
    if not exists(store):
        return {}
    ledger = Ledger.reading(store)
    seconds_at = {p: ledger.points.core_seconds(ledger.layout.cell(p)) for p in points if ledger.layout.holds(p)}
    return {point: seconds for point, seconds in seconds_at.items() if math.isfinite(seconds)}


def measure_costs_here(
    sweep: Sweep, points: Sequence[Point] | None = None, warn: Say = warnings.warn
) -> dict[Point, float]:
    """Seconds per realization at every point, or at `points`, timed one after the other in this process."""
    points = sweep.points if points is None else points
    sample = _sample(points)
    started = time.perf_counter()
    known: dict[Point, float] = {}
    trials: dict[Point, Timing] = {}
    for point in sample:
        if not MemoryNeed.of([point]).fits_here:
            continue  # this machine has too little memory for it
        if known and time.perf_counter() - started > _PATIENCE:
            break
        trial = time_realization(
            ComputeTask.at(Path(), point.model, sweep.seed, sweep.observables), 0, _TIMING / len(sample)
        )
        known[point] = trial.seconds
        trials[point] = trial
    _warn_if_not_repeatable(trials, warn)
    return _spread(points, sample, known)


def measure_costs(
    client: Client,
    sweep: Sweep,
    points: Sequence[Point],
    limit: float | None = None,
    patience: float = math.inf,
    warn: Say = warnings.warn,
) -> dict[Point, float]:
    """Seconds per realization at every point, timed on the workers that have enough memory for it.

    A realization that exceeds `limit` seconds counts as `limit`. After `patience` seconds the measurement ends.
    """
    end = time.monotonic() + patience
    sample = _sample(points)
    token = uuid.uuid4().hex
    jobs = {point: ComputeTask.at(Path(), point.model, sweep.seed, sweep.observables, limit) for point in sample}
    worker_memory = WorkerMemory(client, MemoryNeed.of(sample))
    futures = {
        point: client.submit(
            time_realization,
            job,
            0,
            _TIMING / len(sample),
            key=f"measure-{token}-{number}",
            **worker_memory.options(point.memory),
        )
        for number, (point, job) in enumerate(jobs.items())
    }
    with contextlib.suppress(TimeoutError), client.as_current():
        wait(list(futures.values()), timeout=min(_COMPILING, max(0.0, patience)), return_when="FIRST_COMPLETED")
        wait(list(futures.values()), timeout=min(_PATIENCE, max(0.0, end - time.monotonic())))
    trials = {point: future.result() for point, future in futures.items() if future.status == "finished"}
    client.cancel([future for future in futures.values() if future.status == "pending"])
    _warn_if_not_repeatable(trials, warn)
    return _spread(points, sample, {point: trial.seconds for point, trial in trials.items()})


def _warn_if_not_repeatable(trials: Mapping[Point, Timing], warn: Say) -> None:
    """Warn if a realization differs when it is computed twice: then averages cannot be reproduced."""
    differing = {point: trial.unlike for point, trial in trials.items() if trial.unlike}
    if differing:
        point, names = next(iter(differing.items()))
        measured = "measure_all must give what measure gives and " if measures_all(point.model) else ""
        warn(
            f"{', '.join(names)} of realization 0 at {point} differ when computed twice, as at {len(differing)} of "
            f"{len(trials)} points that were tried: {measured}all random numbers must come from the generator that "
            "draw is given, or the results cannot be reproduced"
        )


def _sample(points: Sequence[Point]) -> list[Point]:
    """Every k-th point, at most `_SAMPLE`."""
    step = math.ceil(len(points) / _SAMPLE)
    return list(points[::step])


def _spread(points: Sequence[Point], sample: Sequence[Point], known: Mapping[Point, float]) -> dict[Point, float]:
    """Costs of all points from a sample: that of the measured neighbour, or of the most expensive point."""
    highest = max(known.values(), default=_PATIENCE)
    step = math.ceil(len(points) / _SAMPLE)
    return {point: known.get(sample[number // step], highest) for number, point in enumerate(points)}
