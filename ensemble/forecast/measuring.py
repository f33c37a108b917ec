"""What a realization costs at each point: known from a store, or timed; and whether it comes out the same again."""

import contextlib
import math
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from distributed import Client, wait

from ensemble.cluster import Need, Rooms
from ensemble.models.model import measures_all
from ensemble.store import Ledger
from ensemble.store.group import exists
from ensemble.store.place import Place
from ensemble.sweep import Point, Sweep
from ensemble.task import Job, Trial, try_out

Say = Callable[[str], None]
"""A function that takes a message."""
_PATIENCE = 30.0
"""Seconds that measuring may take; a point that is not measured by then is assumed to cost as much as the dearest."""
_COMPILING = 150.0
"""Seconds to wait for the first measurement: on a new machine, kernels are compiled before it."""
_TIMING = 2.0
"""Seconds that all points together are timed, beyond twice each, where realizations are cheap."""
_SAMPLE = 256
"""Points that are measured at most; the others cost what their neighbour in the grid does."""


def known(store: Place, points: Iterable[Point]) -> dict[Point, float]:
    """Seconds for a realization of those points that a run has timed, as the store tells."""
    if not exists(store):
        return {}
    ledger = Ledger.reading(store)
    told = {p: ledger.points.core_seconds(ledger.layout.cell(p)) for p in points if ledger.layout.holds(p)}
    return {point: seconds for point, seconds in told.items() if math.isfinite(seconds)}


def measure_here(sweep: Sweep, points: Sequence[Point] | None = None, warn: Say = warnings.warn) -> dict[Point, float]:
    """Seconds for a realization of every point, or of some, timed one after the other in this process."""
    points = sweep.points if points is None else points
    sample = _sample(points)
    started = time.perf_counter()
    known: dict[Point, float] = {}
    trials: dict[Point, Trial] = {}
    for point in sample:
        if not Need.of([point]).fits_here:
            continue  # it is meant for another machine
        if known and time.perf_counter() - started > _PATIENCE:
            break
        trial = try_out(Job.at(Path(), point.model, sweep.seed, sweep.observables), 0, _TIMING / len(sample))
        known[point] = trial.seconds
        trials[point] = trial
    _warn_if_not_repeatable(trials, warn)
    return _spread(points, sample, known)


def measure(
    client: Client,
    sweep: Sweep,
    points: Sequence[Point],
    limit: float | None = None,
    patience: float = math.inf,
    warn: Say = warnings.warn,
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
        point: client.submit(
            try_out, job, 0, _TIMING / len(sample), key=f"measure-{token}-{number}", **rooms.options(point.memory)
        )
        for number, (point, job) in enumerate(jobs.items())
    }
    with contextlib.suppress(TimeoutError), client.as_current():
        wait(list(futures.values()), timeout=min(_COMPILING, max(0.0, patience)), return_when="FIRST_COMPLETED")
        wait(list(futures.values()), timeout=min(_PATIENCE, max(0.0, ends - time.monotonic())))
    trials = {point: future.result() for point, future in futures.items() if future.status == "finished"}
    client.cancel([future for future in futures.values() if future.status == "pending"])
    _warn_if_not_repeatable(trials, warn)
    return _spread(points, sample, {point: trial.seconds for point, trial in trials.items()})


def _warn_if_not_repeatable(trials: Mapping[Point, Trial], warn: Say) -> None:
    """Warn if a realization differs when it is computed twice: its averages could not be reproduced."""
    unlike = {point: trial.unlike for point, trial in trials.items() if trial.unlike}
    if unlike:
        point, names = next(iter(unlike.items()))
        measured = "measure_all must give what measure gives and " if measures_all(point.model) else ""
        warn(
            f"{', '.join(names)} of realization 0 at {point} differ when computed twice, as at {len(unlike)} of "
            f"{len(trials)} points that were tried: {measured}all random numbers must come from the generator that "
            "draw is given, or the results cannot be reproduced"
        )


def _sample(points: Sequence[Point]) -> list[Point]:
    step = math.ceil(len(points) / _SAMPLE)
    return list(points[::step])


def _spread(points: Sequence[Point], sample: Sequence[Point], known: Mapping[Point, float]) -> dict[Point, float]:
    """Costs of all points from a sample: that of the measured neighbour, or of the dearest point."""
    dearest = max(known.values(), default=_PATIENCE)
    step = math.ceil(len(points) / _SAMPLE)
    return {point: known.get(sample[number // step], dearest) for number, point in enumerate(points)}
