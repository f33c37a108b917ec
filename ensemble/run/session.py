"""One run from start to end: check the store, measure costs, hold the lock, compute what is missing."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from ensemble.cluster import (
    MemoryNeed,
    WorkerMemory,
    check_cluster,
    check_memory,
    connect,
    count_threads,
    longest_realization,
    planned_threads,
)
from ensemble.errors import ClusterError, NoWorkers, SweepError
from ensemble.run import adaptive_stopping, batching, timing
from ensemble.run.deadline import Deadline, startup_timeout
from ensemble.run.dispatcher import Dispatcher
from ensemble.run.interruption import Interruption
from ensemble.run.summary import Summary, Watch
from ensemble.run.work_queue import WorkQueue
from ensemble.store import Ledger, lock, provenance
from ensemble.store.code_versions import computed_by_others
from ensemble.store.group import check_place, exists
from ensemble.store.location import Location, parse_location
from ensemble.sweep.sweep import Point, Sweep, format_point
from ensemble.sweep.units import format_duration


def run_sweep(
    sweep: Sweep | str | Path,
    store: str | Location,
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
    """Compute the realizations that a sweep asks for and a store does not have; resume, extend or create the store.

    In a script, call it under ``if __name__ == "__main__":``, because the workers of a local cluster import the script.

    Parameters
    ----------
    sweep : Sweep, str or Path
        The sweep, or the path of its TOML file.
    store : str or Location
        Path or URL of the Zarr store.
    cluster : str, default "local"
        Where tasks run: "local", "slurm", a profile.toml, "allocation", an address, or a scheduler file.
    workers : int, optional
        Worker processes of the local cluster; default: one per core.
    batch : int, optional
        Realizations per task; default: one if a realization takes 0.1 s or more, else about 1 s of work.
    retry_failed : bool, default False
        Whether failed realizations are computed again.
    deadline : Deadline, optional
        When the run ends; no task is started that is expected to take longer.
    time_limit : float, optional
        Timeout for one realization, in seconds; a realization that exceeds it is stopped and recorded as failed.
    watch : Watch, optional
        Receives progress and messages; default: progress is not shown.
    dashboard : bool, default False
        Whether Dask's dashboard is started; every user of this machine can read it. `watch` receives its address.
    insecure : bool, default False
        Whether the local cluster runs without encryption; then every user of this machine can run code as you. By
        default its traffic is encrypted with keys made for this run.

    Returns
    -------
    Summary
        What the run found and computed.

    Raises
    ------
    SweepError
        If the sweep, its stop rule or `time_limit` cannot be used.
    StoreMismatch
        If the store belongs to another sweep.
    StoreLocked
        If another driver uses the store.
    ClusterError
        If the cluster cannot be used or has too little memory.
    RunError
        If the run has to stop; finished chunks are safe.
    """
    if time_limit is not None and not time_limit > 0:
        raise SweepError(f"time_limit must be more than 0 seconds, got {time_limit!r}; None is no limit")
    check_cluster(cluster, workers, dashboard=dashboard, insecure=insecure)
    sweep = sweep if isinstance(sweep, Sweep) else Sweep.read(sweep)
    store, watch = parse_location(store).absolute(), watch or Watch()
    summary = count_missing(sweep, store, retry_failed=retry_failed)
    if not summary.complete:
        need = memory_need(sweep, store, retry_failed=retry_failed)
        with (
            before_deadline(summary, deadline, watch),
            connect(
                cluster, workers, watch.say, startup_timeout(deadline), need, dashboard=dashboard, insecure=insecure
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
def before_deadline(summary: Summary, deadline: Deadline | None, watch: Watch) -> Iterator[None]:
    """Context manager: end a run without an error if no worker arrives before the deadline.

    Connect to the cluster and run inside it.

    Parameters
    ----------
    summary : Summary
        The summary of what the store has; its `deadline` is set if no worker arrives.
    deadline : Deadline or None
        The deadline of the run.
    watch : Watch
        Receives the message.
    """
    try:
        yield
    except NoWorkers as error:
        watch.say(str(error))
        summary.deadline = deadline


def count_missing(sweep: Sweep, store: Location, *, retry_failed: bool = False) -> Summary:
    """Count what a store has of a sweep, and check that a run could start; changes nothing.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    store : Location
        Path or URL of the store, which need not exist.
    retry_failed : bool, default False
        Whether failed realizations count as missing.

    Returns
    -------
    Summary
        Realizations wanted, done and failed, as a run would find them.

    Raises
    ------
    SweepError
        If the stop rule asks for something that the sweep does not have.
    StoreLocked
        If another driver uses the store.
    StoreMismatch
        If the store belongs to another sweep.
    StoreError
        If the store cannot be created there.
    """
    adaptive_stopping.check(sweep)
    if driver := lock.holder(store):
        raise lock.refusal(store, driver)
    if not exists(store):
        check_place(store)
    return count_done(sweep, store, retry_failed=retry_failed)


def memory_need(sweep: Sweep, store: Location, *, retry_failed: bool = False) -> MemoryNeed:
    """The largest memory that a missing realization takes.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    store : Location
        Path or URL of the store, which need not exist.
    retry_failed : bool, default False
        Whether failed realizations count as missing.

    Returns
    -------
    MemoryNeed
        Bytes and point; 0 bytes if the model does not report its memory.
    """
    most = MemoryNeed.of(sweep.points)
    return MemoryNeed.of(_missing(sweep, store, retry_failed)) if most.bytes else most


def count_done(sweep: Sweep, store: Location, *, retry_failed: bool = False) -> Summary:
    """Count what a store has of a sweep, even while another driver uses the store.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    store : Location
        Path or URL of the store, which need not exist.
    retry_failed : bool, default False
        Whether failed realizations count as missing.

    Returns
    -------
    Summary
        Realizations wanted, done and failed.

    Raises
    ------
    StoreMismatch
        If the store belongs to another sweep.
    """
    if not exists(store):
        return Summary(len(sweep.points) * (sweep.stop.least if sweep.stop else sweep.realizations))
    ledger = Ledger.reading(store)
    ledger.layout.check(sweep, store)
    return WorkQueue(sweep, ledger, retry_failed=retry_failed).summary


def run_on(
    client: Client,
    sweep: Sweep,
    store: Location,
    *,
    batch: int | None = None,
    retry_failed: bool = False,
    deadline: Deadline | None = None,
    time_limit: float | None = None,
    watch: Watch,
) -> Summary:
    """Compute the missing realizations of a sweep on the cluster of a client.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.
    sweep : Sweep
        The sweep.
    store : Location
        Path or URL of the store, absolute if workers have another working directory.
    batch : int, optional
        Realizations per task; default: one if a realization takes 0.1 s or more, else about 1 s of work.
    retry_failed : bool, default False
        Whether failed realizations are computed again.
    deadline : Deadline, optional
        When the run ends; no task is started that is expected to take longer.
    time_limit : float, optional
        Timeout for one realization, in seconds; a realization that exceeds it is stopped and recorded as failed.
    watch : Watch
        Receives progress and messages.

    Returns
    -------
    Summary
        What the run found and computed.

    Raises
    ------
    ClusterError
        If no worker has enough memory, or worker jobs are shorter than a realization.
    StoreLocked
        If another driver uses the store.
    StoreMismatch
        If the store belongs to another sweep.
    RunError
        If the run has to stop; finished chunks are safe.
    """
    started = time.perf_counter()
    workers = max(1, count_threads(client), planned_threads(client))
    counts = _missing(sweep, store, retry_failed)
    need = MemoryNeed.of(counts)
    check_memory(client, need)
    costs = _costs(client, sweep, store, list(counts), watch, limit=time_limit, patience=startup_timeout(deadline))
    _check_longest(client, costs)
    length = batching.task_length(sum(counts[point] * costs[point] for point in counts), workers)
    batches = {point: batch or batching.batch_size(costs[point], length) for point in counts}
    chunk = sweep.chunk or batching.chunk_length(sweep, costs.values())
    with Ledger.writing(store, sweep, chunk) as ledger, Interruption(watch) as interruption:
        work_queue = WorkQueue(sweep, ledger, retry_failed=retry_failed)
        work_queue.begin(costs, batches, time_limit)
        summary = work_queue.summary
        if warning := computed_by_others(ledger, provenance.current_code(provenance.code_origin(sweep.model))):
            watch.say(warning)
        watch.begin(summary.wanted, summary.found + summary.failed)
        try:
            Dispatcher(client, ledger, work_queue, watch, interruption, WorkerMemory(client, need), deadline).drive()
        finally:
            summary.signal = interruption.signal
            summary.seconds = time.perf_counter() - started
            watch.end()
    return summary


def _check_longest(client: Client, costs: Mapping[Point, float]) -> None:
    """Raise ClusterError if a realization takes longer than worker jobs run."""
    longest = max(costs, key=lambda point: costs[point], default=None)
    if longest is not None and costs[longest] > longest_realization(client):
        raise ClusterError(
            f"worker jobs must live longer than a realization, but {format_point(dict(longest.values))} takes about "
            f"{format_duration(costs[longest])} and they leave after "
            f"{format_duration(longest_realization(client))}: give them more walltime"
        )


def _missing(sweep: Sweep, store: Location, retry_failed: bool) -> dict[Point, int]:
    """The points with missing realizations, and how many each lacks; with a stop rule, up to the maximum."""
    if not exists(store):
        return dict.fromkeys(sweep.points, sweep.realizations)
    ledger = Ledger.reading(store)
    counts = {p: ledger.count_missing(p, sweep.realizations, retry_failed=retry_failed) for p in sweep.points}
    return {point: count for point, count in counts.items() if count}


def _costs(
    client: Client,
    sweep: Sweep,
    store: Location,
    points: list[Point],
    watch: Watch,
    *,
    limit: float | None,
    patience: float,
) -> dict[Point, float]:
    """Seconds per realization at each point: as recorded in the store, or else measured on the cluster."""
    known = timing.recorded_costs(store, points)
    if unknown := [point for point in points if point not in known]:
        watch.say(f"measuring {len(unknown)} points on {max(1, count_threads(client))} workers")
        known |= timing.measure_costs(client, sweep, unknown, limit, patience, watch.warn)
    return known
