"""Connect to a cluster by its name, and count its cores and threads."""

import contextlib
import logging
import math
import os
from collections.abc import Callable, Iterator

from distributed import Client

from ensemble.cluster import allocation, existing_cluster, job_pool, local
from ensemble.cluster.cluster_names import check_cluster, in_allocation, profile_of
from ensemble.cluster.dashboard import dashboard_link
from ensemble.cluster.memory import NO_MEMORY_NEED, MemoryNeed, check_memory, workers_with_memory
from ensemble.cluster.steady import steady
from ensemble.errors import RunError

LOST = "the cluster was lost; what has landed is safe, run again to continue"
"""Error message if the scheduler no longer answers."""


def count_cores() -> int:
    """Number of cores that this process may use.

    Returns
    -------
    int
        Number of cores, with the CPU affinity of the process respected.

    Examples
    --------
    >>> from ensemble.cluster import count_cores
    >>> count_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0))


def silence_logs() -> None:
    """Silence the logs of Dask and tornado for clusters that are lost or cannot start.

    The command line prints one sentence instead.
    """
    for name in ("asyncio", "distributed.batched", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def count_threads(client: Client) -> int:
    """Number of tasks that a client's cluster runs at the same time.

    Parameters
    ----------
    client : distributed.Client
        Client of the cluster.

    Returns
    -------
    int
        Number of worker threads; 0 if there are no workers.

    Raises
    ------
    RunError
        If the scheduler does not answer.
    """
    try:
        return sum(int(count) for count in client.nthreads().values())
    except OSError as error:  # the scheduler does not answer
        raise RunError(LOST) from error


@contextlib.contextmanager
def connect(
    where: str = "local",
    workers: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    patience: float = math.inf,
    need: MemoryNeed = NO_MEMORY_NEED,
    *,
    dashboard: bool = False,
    insecure: bool = False,
) -> Iterator[Client]:
    """Context manager: connect to a cluster, and start it if needed; whatever was started ends with it.

    Parameters
    ----------
    where : str, default "local"
        Name of the cluster: "local", "slurm", a profile.toml, "allocation", an address, or a scheduler file.
    workers : int, optional
        Worker processes of the local cluster; default: one per core. Fewer start if memory for `need` is short.
    say : callable, optional
        Receives messages, such as the state of the job queue.
    patience : float, default infinite
        Timeout in seconds for the first worker of a batch system.
    need : MemoryNeed, optional
        The most memory that a realization takes.
    dashboard : bool, default False
        Whether Dask's dashboard is started, on loopback; every user of this machine can read it. `say` receives its
        address.
    insecure : bool, default False
        Whether the local cluster runs without TLS; then every user of this machine can run code as you.

    Yields
    ------
    distributed.Client
        Client of the cluster.

    Raises
    ------
    ClusterError
        If the cluster cannot be used, or no worker has enough memory.
    NoWorkers
        If no worker of a batch system arrives within `patience` seconds.
    """
    steady()
    check_cluster(where, workers, dashboard=dashboard, insecure=insecure)
    if insecure:
        say("without TLS: while this runs, every user of this machine can run code as you")
    with _client(where, workers, say, patience, need, dashboard=dashboard, insecure=insecure) as client:
        if dashboard:
            say(f"dashboard {dashboard_link(client)}, for every user of this machine")
        check_memory(client, need)
        yield client


def _client(
    where: str,
    workers: int | None,
    say: Callable[[str], None],
    patience: float,
    need: MemoryNeed,
    *,
    dashboard: bool,
    insecure: bool,
) -> contextlib.AbstractContextManager[Client]:
    profile = profile_of(where)
    if where == "local":
        return local.client(
            workers_with_memory(workers or count_cores(), need, say), dashboard=dashboard, insecure=insecure
        )
    if profile is None:
        return existing_cluster.client(where)
    if in_allocation(where):
        return allocation.client(profile, say, dashboard=dashboard)
    return job_pool.client(profile, say, patience, dashboard=dashboard)
