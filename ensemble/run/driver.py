"""One run: look at the store, measure what things cost, hold the lock, order the work."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
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
    """Compute what a sweep asks for and a store does not have; continue, grow or make the store."""
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
    costs: dict[Point, float] = {}

    def measure(points: Sequence[Point]) -> None:
        watch.say(f"measuring {len(points)} points on {threads(client)} workers")
        costs.update(forecast.measure(client, sweep, points))

    def chunk() -> int:
        measure(sweep.points)
        return forecast.chunk_length(sweep, costs.values())

    with Ledger.writing(store, sweep, chunk=chunk) as ledger, Interruption(watch) as interruption:
        counts = {p: ledger.count_missing(p, sweep.realizations, retry_failed=retry_failed) for p in sweep.points}
        points = [point for point, count in counts.items() if count]
        if not costs:
            measure(points)
        length = forecast.task_length(sum(counts[point] * costs[point] for point in points), threads(client))
        batches = {point: batch or forecast.batch_size(costs[point], length) for point in points}
        summary = _stock(sweep, ledger, retry_failed)
        watch.begin(summary.wanted, summary.found + summary.failed)
        try:
            orders = _orders(sweep, ledger, sorted(points, key=lambda p: -costs[p]), batches, retry_failed)
            Window(client, ledger, summary, watch, interruption).drive(orders)
        finally:
            summary.signal = interruption.signal
            summary.seconds = time.perf_counter() - started
            watch.end()
    return summary


def _orders(
    sweep: Sweep, ledger: Ledger, points: Sequence[Point], batches: Mapping[Point, int], retry_failed: bool
) -> Iterator[Order]:
    """What is to be computed, in task-sized portions: all points advance together, in the order given."""
    pending = []
    for point in points:
        slots = ledger.missing(point, sweep.realizations, retry_failed=retry_failed)
        pending.append((Job.at(ledger.path, point.model, sweep.seed), slots, batches[point]))
    while pending:
        unfinished = []
        for job, slots, batch in pending:
            portion = tuple(itertools.islice(slots, max(1, batch // ledger.layout.chunk)))
            if portion:
                yield Order(job, portion, batch)
                unfinished.append((job, slots, batch))
        pending = unfinished
