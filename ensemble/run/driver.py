"""One run: look at the store, find out what things cost, hold the lock, drive the work."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from ensemble import forecast, judge, provenance
from ensemble.cluster import Need, Rooms, check, check_room, connect, longest, planned_threads, threads
from ensemble.errors import ClusterError, NoWorkers, SweepError
from ensemble.run.agenda import Agenda
from ensemble.run.deadline import Deadline, patience
from ensemble.run.interruption import Interruption
from ensemble.run.summary import Summary, Watch
from ensemble.run.window import Window
from ensemble.store import Ledger, lock
from ensemble.store.codes import computed_by_others
from ensemble.store.group import check_place, exists
from ensemble.store.place import Place, place
from ensemble.sweep import Point, Sweep, told_point
from ensemble.wording import duration


def run_sweep(
    sweep: Sweep | str | Path,
    store: str | Place,
    *,
    cluster: str = "local",
    workers: int | None = None,
    batch: int | None = None,
    retry_failed: bool = False,
    deadline: Deadline | None = None,
    time_limit: float | None = None,
    watch: Watch | None = None,
    dashboard: bool = False,
    insecure: bool = False,
) -> Summary:
    """Compute what a sweep asks for and a store does not have; continue, grow or make the store.

    A realization that takes longer than `time_limit` seconds is recorded as failed.

    `dashboard` starts Dask's dashboard, which all users of this machine can read, and tells its address to `watch`.
    The workers of a local cluster talk encrypted, with keys made for this run; with `insecure` they do not, and then
    every user of this machine can run code as you.

    In a script, call it under `if __name__ == "__main__":`, since the workers of a local cluster import the script.
    """
    if time_limit is not None and not time_limit > 0:
        raise SweepError(f"time_limit must be more than 0 seconds, got {time_limit!r}; None is no limit")
    check(cluster, workers, dashboard=dashboard, insecure=insecure)
    sweep = sweep if isinstance(sweep, Sweep) else Sweep.read(sweep)
    store, watch = place(store).absolute(), watch or Watch()
    summary = survey(sweep, store, retry_failed=retry_failed)
    if not summary.complete:
        dearest = need(sweep, store, retry_failed=retry_failed)
        with (
            in_time(summary, deadline, watch),
            connect(
                cluster, workers, watch.say, patience(deadline), dearest, dashboard=dashboard, insecure=insecure
            ) as client,
        ):
            summary = run_on(
                client,
                sweep,
                store,
                batch=batch,
                retry_failed=retry_failed,
                deadline=deadline,
                time_limit=time_limit,
                watch=watch,
            )
    return summary


@contextlib.contextmanager
def in_time(summary: Summary, deadline: Deadline | None, watch: Watch) -> Iterator[None]:
    """Connect and run within this: where no worker comes in time, that is told, and the run is over as it was found."""
    try:
        yield
    except NoWorkers as error:
        watch.say(str(error))
        summary.deadline = deadline


def survey(sweep: Sweep, store: Place, *, retry_failed: bool = False) -> Summary:
    """What a run would find; an error if it could not start. Changes nothing."""
    judge.check(sweep)
    if who := lock.holder(store):
        raise lock.refusal(store, who)
    if not exists(store):
        check_place(store)
    return stock(sweep, store, retry_failed=retry_failed)


def need(sweep: Sweep, store: Place, *, retry_failed: bool = False) -> Need:
    """The most memory that a realization takes which is still to be computed."""
    most = Need.of(sweep.points)
    return Need.of(_missing(sweep, store, retry_failed)) if most.bytes else most


def stock(sweep: Sweep, store: Place, *, retry_failed: bool = False) -> Summary:
    """What a store has of a sweep, whoever is at work on it; an error if the two disagree."""
    if not exists(store):
        return Summary(len(sweep.points) * (sweep.stop.least if sweep.stop else sweep.realizations))
    ledger = Ledger.reading(store)
    ledger.layout.check(sweep, store)
    return Agenda(sweep, ledger, retry_failed=retry_failed).summary


def run_on(
    client: Client,
    sweep: Sweep,
    store: Place,
    *,
    batch: int | None = None,
    retry_failed: bool = False,
    deadline: Deadline | None = None,
    time_limit: float | None = None,
    watch: Watch,
) -> Summary:
    """Compute on a client's cluster what a sweep asks for and a store does not have."""
    started = time.perf_counter()
    workers = max(1, threads(client), planned_threads(client))
    counts = _missing(sweep, store, retry_failed)
    dearest = Need.of(counts)
    check_room(client, dearest)
    costs = _costs(client, sweep, store, list(counts), watch, limit=time_limit, patience=patience(deadline))
    _check_longest(client, costs)
    length = forecast.task_length(sum(counts[point] * costs[point] for point in counts), workers)
    batches = {point: batch or forecast.batch_size(costs[point], length) for point in counts}
    chunk = sweep.chunk or forecast.chunk_length(sweep, costs.values())
    with Ledger.writing(store, sweep, chunk) as ledger, Interruption(watch) as interruption:
        agenda = Agenda(sweep, ledger, retry_failed=retry_failed)
        agenda.begin(costs, batches, time_limit)
        summary = agenda.summary
        if others := computed_by_others(ledger, provenance.here(provenance.origin(sweep.model))):
            watch.say(others)
        watch.begin(summary.wanted, summary.found + summary.failed)
        try:
            Window(client, ledger, agenda, watch, interruption, Rooms(client, dearest), deadline).drive()
        finally:
            summary.signal = interruption.signal
            summary.seconds = time.perf_counter() - started
            watch.end()
    return summary


def _check_longest(client: Client, costs: Mapping[Point, float]) -> None:
    """Refuse realizations that no worker lives long enough for."""
    dearest = max(costs, key=lambda point: costs[point], default=None)
    if dearest is not None and costs[dearest] > longest(client):
        raise ClusterError(
            f"worker jobs must live longer than a realization, but {told_point(dict(dearest.values))} takes about "
            f"{duration(costs[dearest])} and they leave after {duration(longest(client))}: give them more walltime"
        )


def _missing(sweep: Sweep, store: Place, retry_failed: bool) -> dict[Point, int]:
    """The points that may still be computed, and how many realizations each lacks."""
    if not exists(store):
        return dict.fromkeys(sweep.points, sweep.realizations)
    ledger = Ledger.reading(store)
    counts = {p: ledger.count_missing(p, sweep.realizations, retry_failed=retry_failed) for p in sweep.points}
    return {point: count for point, count in counts.items() if count}


def _costs(
    client: Client,
    sweep: Sweep,
    store: Place,
    points: list[Point],
    watch: Watch,
    *,
    limit: float | None,
    patience: float,
) -> dict[Point, float]:
    """What a realization of each point takes: as the store knows it, or else measured on the cluster."""
    known = forecast.known(store, points)
    if unknown := [point for point in points if point not in known]:
        watch.say(f"measuring {len(unknown)} points on {max(1, threads(client))} workers")
        known |= forecast.measure(client, sweep, unknown, limit, patience, watch.warn)
    return known
