"""Workers on this machine: one process per core, on loopback.

Other users of the machine can also reach loopback, and a scheduler or worker without TLS runs any code that it is sent.
So all traffic is encrypted with TLS. The keys are made for this run, and only its user can read them.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import dask
from distributed import Client, LocalCluster

from ensemble.cluster import tls_keys
from ensemble.cluster.dashboard import page_settings, scheduler_options
from ensemble.cluster.fork_server import start_fork_server
from ensemble.cluster.scratch import scratch_folder, scratch_settings
from ensemble.cluster.worker_settings import KEEPING, PRELOAD, UNOBSERVED
from ensemble.errors import ClusterError, error_line

_KEEP_WORKERS = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1000 weeks"}
"""A silent worker is busy and keeps running, and a dead worker is started again.

By default, Dask restarts a silent worker after five minutes. It gives up on a worker that is still starting fifteen
seconds after a death, until none is left.
"""


@contextlib.contextmanager
def client(workers: int, *, dashboard: bool = False, insecure: bool = False) -> Iterator[Client]:
    """A client with `workers` workers on this machine; they end with it.

    With `insecure` there is no TLS, so that every user of this machine can run code as this one.
    """
    settings = {
        **_KEEP_WORKERS,
        **UNOBSERVED,
        **page_settings(dashboard=dashboard),
        "distributed.worker.multiprocessing-method": "forkserver",
        **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in KEEPING.items()},
    }
    with (
        scratch_folder() as scratch,
        dask.config.set(settings | scratch_settings(scratch)),
        contextlib.ExitStack() as afterwards,
        _started(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            scheduler_kwargs=scheduler_options(dashboard=dashboard),
            env={**os.environ, "NUMBA_NUM_THREADS": "1"},  # the current environment, not that of the fork server
            preload=[PRELOAD],
            security=None if insecure else tls_keys.make(scratch),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            yield client
        finally:  # do not log that a worker was slow to end and is killed
            afterwards.enter_context(_log_level("distributed.nanny", logging.ERROR))


def _started(**options: Any) -> LocalCluster:
    """Start a cluster; raises ClusterError if its workers cannot start or die while they start."""
    try:
        start_fork_server()
        with _interrupts_delayed() as interrupt, _log_level("distributed.nanny", logging.CRITICAL):  # errors are raised
            cluster = LocalCluster(**options)
        try:
            interrupt()
        except BaseException:
            cluster.close()
            raise
        return cluster
    except (OSError, RuntimeError) as error:
        reason = error_line(_cause(error))
        raise ClusterError(f"workers must start on this machine, but they could not: {reason}; try again") from error


def _cause(error: BaseException) -> BaseException:
    """The operating system error that caused an error, or else the first error of the chain."""
    chain = [error]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    return next((each for each in chain if isinstance(each, OSError)), chain[-1])


@contextlib.contextmanager
def _log_level(name: str, level: int) -> Iterator[None]:
    """Set the level of a logger while the block runs."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _interrupts_delayed() -> Iterator[Callable[[], None]]:
    """Delay the first Ctrl-C while the block runs, because Dask would leave half a cluster behind; the second one acts.

    Yields a function that performs the delayed Ctrl-C; call it after the block.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    received: list[int] = []

    def delay(number: int, frame: FrameType | None) -> None:
        if received:
            handler(number, frame)
        received.append(number)

    signal.signal(signal.SIGINT, delay)
    try:
        yield lambda: handler(signal.SIGINT, None) if received else None
    finally:
        signal.signal(signal.SIGINT, handler)
