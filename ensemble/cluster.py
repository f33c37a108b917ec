"""A Dask client for wherever the work is to be done.

"local"                 one single-threaded worker process per core of this machine, on loopback only
"tcp://host:8786"       a Dask cluster that is running already (tls:// and others that Dask knows)
"scheduler.json"        the same, by the file that its scheduler has written
"""

import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dask
from distributed import Client, LocalCluster, Worker

from ensemble.errors import ClusterError
from ensemble.steady import steady

_PATIENCE = 20.0
"""Seconds to wait for a scheduler to answer, and then for its first worker."""

_LASTING = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1000 weeks"}
"""Of the local cluster: a worker that says nothing for long is at work, and one that dies is started again.

By default Dask restarts the first after five minutes, and gives up the second if it happens to be starting again
fifteen seconds after a death, until none is left.
"""

_KEEPING = {
    f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_": str(size)
    for name, size in (("MMAP", 32 * 2**20), ("TRIM", 64 * 2**20))
}
"""Of the local cluster: memory that chunks come and go in stays with a worker, up to 64 MiB.

By default Dask has it given back each time, and the system then clears every page anew: a fourth of the time that it
takes to land cheap realizations, and half of the time to read them.
"""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def dask_setup(worker: Worker) -> None:
    """Dask calls this in every worker process of the local cluster.

    Ctrl-C in a terminal, and a batch system's SIGTERM, reach every process of a group. It is for the driver to
    decide what that means; its workers end with it in any case. What fails comes back as an outcome, not as a log.
    """
    steady(worker)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # a heartbeat missed while all ends is no news
    logging.getLogger("distributed.worker.memory").setLevel(logging.WARNING)  # a worker out of memory is


def quiet() -> None:
    """For a driver on the command line: a cluster that is lost is told in one sentence, and not in logs as well."""
    for name in ("distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def threads(client: Client) -> int:
    """How many tasks a client's cluster works on at a time; 0 while it has no workers."""
    return sum(int(count) for count in client.nthreads().values())


@contextlib.contextmanager
def connect(where: str = "local", workers: int | None = None) -> Iterator[Client]:
    """A client for `where`; what was started for it ends with it."""
    steady()
    if where == "local":
        with _local(workers or cores()) as client:
            yield client
        return
    if workers is not None:
        raise ClusterError(f"--workers belongs to --cluster local, but the cluster is {where}; leave one out")
    with _running(where) as client:
        yield client


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Client]:
    with (
        dask.config.set(_LASTING | _KEEPING),
        tempfile.TemporaryDirectory(prefix="ensemble-") as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            env={"NUMBA_NUM_THREADS": "1"},
            preload=[__name__],
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextlib.contextmanager
def _running(where: str) -> Iterator[Client]:
    try:
        if "://" in where:
            client = Client(where, timeout=_PATIENCE, set_as_default=False)
        elif Path(where).is_file():
            client = Client(scheduler_file=where, timeout=_PATIENCE, set_as_default=False)
        else:
            raise ClusterError(
                f"--cluster must be local, an address such as tcp://host:8786, or a scheduler file, got {where!r}"
            )
    except ClusterError:
        raise
    except Exception as error:  # Dask raises anything here, from AssertionError to UnpicklingError
        told = " ".join(f"{type(error).__name__} {error}".split())
        raise ClusterError(f"a Dask scheduler must be running at {where}, but it cannot be reached: {told}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ClusterError(f"the cluster at {where} must have a worker, but none came; start one") from error
        _check_versions(client)
        yield client


def _check_versions(client: Client) -> None:
    """Refuse workers that could not load a task, or would load one of another version."""

    def ask() -> str | None:  # travels by value: it must run where this package is missing
        from importlib import metadata

        try:
            return metadata.version("ensemble")
        except metadata.PackageNotFoundError:
            return None

    ours = ask()
    for worker, theirs in client.run(ask).items():
        if theirs != ours:
            raise ClusterError(
                f"every worker must have ensemble {ours} as this driver, but {worker} has {theirs or 'none'}; "
                "install it there"
            )
