"""One run: look at the store, measure what things cost, hold the lock, order the work."""

import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from ensemble import forecast
from ensemble.cluster import connect, threads
from ensemble.run.interruption import Interruption
from ensemble.run.summary import Summary, Watch
from ensemble.run.window import Order, Window
from ensemble.store import Ledger, Status, lock
from ensemble.store.group import exists, probe
from ensemble.sweep import Point, Sweep
from ensemble.task import Job


def run_sweep(
    sweep: Sweep | str | Path,
    store: str | Path,
    *,
    cluster: str = "local",
    workers: int | None = None,
    batch: int | None = None,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> Summary:
    """Compute what a sweep asks for and a store does not have; continue, grow or make the store.

    In a script, call it under `if __name__ == "__main__":`, since the workers of a local cluster import the script.
    """
    sweep = sweep if isinstance(sweep, Sweep) else Sweep.read(sweep)
    store, watch = Path(store).absolute(), watch or Watch()
    summary = survey(sweep, store, retry_failed=retry_failed)
    if not summary.left:
        return summary
    with connect(cluster, workers) as client:
        return run_on(client, sweep, store, batch=batch, retry_failed=retry_failed, watch=watch)


def survey(sweep: Sweep, store: Path, *, retry_failed: bool = False) -> Summary:
    """What a run would find; an error if it could not start. Changes nothing."""
    if who := lock.holder(store):
        raise lock.refusal(store, who)
    if not exists(store):
        probe(store)
    return stock(sweep, store, retry_failed=retry_failed)


def stock(sweep: Sweep, store: Path, *, retry_failed: bool = False) -> Summary:
    """What a store has of a sweep, whoever is at work on it; an error if the two disagree."""
    if not exists(store):
        return Summary(len(sweep.points) * sweep.realizations)
    ledger = Ledger.reading(store)
    ledger.layout.check(sweep, store)
    return _stock(sweep, ledger, retry_failed)


def _stock(sweep: Sweep, ledger: Ledger, retry_failed: bool) -> Summary:
    """What the book says of a sweep before anything is computed."""
    counts = {
        status: sum(ledger.count(point, status, sweep.realizations) for point in sweep.points)
        for status in (Status.DONE, Status.FAILED)
    }
    failed = 0 if retry_failed else counts[Status.FAILED]
    return Summary(len(sweep.points) * sweep.realizations, found=counts[Status.DONE], failed=failed)


def run_on(
    client: Client,
    sweep: Sweep,
    store: Path,
    *,
    batch: int | None = None,
    retry_failed: bool = False,
    watch: Watch,
) -> Summary:
    """Compute on a client's cluster what a sweep asks for and a store does not have."""
    started = time.perf_counter()
    counts = _missing(sweep, store, retry_failed)
    workers = max(1, threads(client))
    watch.say(f"measuring {len(counts)} points on {workers} workers")
    costs = forecast.measure(client, sweep, list(counts))
    length = forecast.task_length(sum(counts[point] * costs[point] for point in counts), workers)
    batches = {
        point: batch or forecast.batch_size(costs[point], length)
        for point in sorted(counts, key=lambda point: -costs[point])
    }
    chunk = sweep.chunk or forecast.chunk_length(sweep, costs.values())
    with Ledger.writing(store, sweep, chunk) as ledger, Interruption(watch) as interruption:
        summary = _stock(sweep, ledger, retry_failed)
        watch.begin(summary.wanted, summary.found + summary.failed)
        try:
            orders = _orders(sweep, ledger, batches, retry_failed)
            Window(client, ledger, summary, watch, interruption).drive(orders)
        finally:
            summary.signal = interruption.signal
            summary.seconds = time.perf_counter() - started
            watch.end()
    return summary


def _missing(sweep: Sweep, store: Path, retry_failed: bool) -> dict[Point, int]:
    """The points that lack realizations, and how many."""
    if not exists(store):
        return dict.fromkeys(sweep.points, sweep.realizations)
    ledger = Ledger.reading(store)
    counts = {p: ledger.count_missing(p, sweep.realizations, retry_failed=retry_failed) for p in sweep.points}
    return {point: count for point, count in counts.items() if count}


def _orders(sweep: Sweep, ledger: Ledger, batches: Mapping[Point, int], retry_failed: bool) -> Iterator[Order]:
    """What is to be computed, in task-sized portions: all points advance together, in the order given."""
    pending = []
    for point, batch in batches.items():
        slots = ledger.missing(point, sweep.realizations, retry_failed=retry_failed)
        pending.append((Job.at(ledger.path, point.model, sweep.seed, sweep.observables), slots, batch))
    while pending:
        unfinished = []
        for job, slots, batch in pending:
            portion = tuple(itertools.islice(slots, max(1, batch // ledger.layout.chunk)))
            if portion:
                yield Order(job, portion, batch)
                unfinished.append((job, slots, batch))
        pending = unfinished
