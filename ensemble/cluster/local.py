"""Workers on this machine: processes on loopback, one for each core.

Other users of the machine reach loopback as well, and a scheduler or worker without TLS computes whatever it is sent.
So all of them talk by TLS, with keys that were made for this run and lie where only its user can read them.
"""

import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.util import Finalize
from typing import Any

import dask
from distributed import Client, LocalCluster

from ensemble.cluster import keys
from ensemble.cluster.dashboard import page_settings, scheduler_options
from ensemble.cluster.scratch import scratch_folder, scratch_settings
from ensemble.cluster.settings import FORK_SERVER, KEEPING, PRELOAD, UNOBSERVED
from ensemble.errors import ClusterError

_LASTING = {"distributed.scheduler.worker-ttl": None, "distributed.deploy.lost-worker-timeout": "1000 weeks"}
"""A worker that says nothing for long is at work, and one that dies is started again.

By default Dask restarts the first after five minutes, and gives up the second if it happens to be starting again
fifteen seconds after a death, until none is left.
"""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

_AFTER_ALL = -1000
"""The priority with which the folder of the fork server goes: after `multiprocessing` has removed what it has there."""


@contextlib.contextmanager
def client(workers: int, *, dashboard: bool = False, insecure: bool = False) -> Iterator[Client]:
    """A client of so many workers on this machine, which share its memory and end with it.

    With `insecure` they have no TLS, so that every user of this machine can run code as this one.
    """
    settings = {
        **_LASTING,
        **UNOBSERVED,
        **page_settings(dashboard=dashboard),
        "distributed.worker.multiprocessing-method": "forkserver",
        **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in KEEPING.items()},
    }
    _start_fork_server()
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
            env={**os.environ, "NUMBA_NUM_THREADS": "1"},  # as it is now, and not as it was when the fork server began
            preload=[PRELOAD],
            security=None if insecure else keys.make(scratch),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            yield client
        finally:  # a worker that is slow to leave now, and is killed, is no news
            nanny = logging.getLogger("distributed.nanny")
            afterwards.callback(nanny.setLevel, nanny.level)
            nanny.setLevel(logging.ERROR)


def _started(**options: Any) -> LocalCluster:
    """A cluster whose workers have started; one sentence if they could not, or died as they did."""
    try:
        with _interrupts_later() as interrupt:
            cluster = LocalCluster(**options)
        try:
            interrupt()
        except BaseException:
            cluster.close()
            raise
        return cluster
    except (OSError, RuntimeError) as error:
        first: BaseException = error
        while first.__cause__ is not None:
            first = first.__cause__
        told = " ".join(f"{type(first).__name__}: {first}".split())
        raise ClusterError(f"workers must start on this machine, but they could not: {told}; try again") from error


@contextlib.contextmanager
def _interrupts_later() -> Iterator[Callable[[], None]]:
    """Put off Ctrl-C: Dask leaves half a cluster behind, and says so at length. What is given makes up for it."""
    came: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    put_off = callable(handler) and threading.current_thread() is threading.main_thread()
    if put_off:
        signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield lambda: handler(signal.SIGINT, None) if came and callable(handler) else None
    finally:
        if put_off:
            signal.signal(signal.SIGINT, handler)


@functools.cache
def _start_fork_server() -> None:
    """Start the process that workers are forked from, once in the life of this one.

    It has one thread for each library, since a process with several cannot be forked, and no modules of the folder that
    the user happens to be in: a `random.py` there would be taken for that of Python. Its socket lies where only this
    user can enter.
    """
    lasting = contextlib.ExitStack()
    folder = lasting.enter_context(scratch_folder())
    Finalize(None, lasting.close, exitpriority=_AFTER_ALL)
    multiprocessing.get_context("forkserver").set_forkserver_preload([FORK_SERVER])
    environment, tempdir = dict(os.environ), tempfile.tempdir
    settings = {name: environment.get(name, value) for name, value in (_ONE_THREAD | KEEPING).items()}
    try:
        os.environ.update(settings, PYTHONSAFEPATH="1")
        tempfile.tempdir = str(folder)
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = tempdir
        os.environ.clear()
        os.environ.update(environment)
