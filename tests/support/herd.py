"""Many workers on one machine: forked from one process that has imported all they need, so that they cost little.

A worker started in the usual way takes two seconds of a core and a hundred megabytes before it has done anything.
Forked, thirty-two are there in two seconds and share that memory. All else is as everywhere: the scheduler in the
driver's process, single-threaded processes, TCP. With several threads a process stands for as many workers, where
tasks do nothing but sleep.
"""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator

import dask
from distributed import Client, Worker

import ensemble.realization.compute  # noqa: F401 - what a worker would import for its first task
from ensemble.cluster import local
from ensemble.cluster.worker_settings import PRELOAD
from tests.support.elsewhere import python
from tests.support.processes import start


@contextlib.contextmanager
def herd(count: int, threads: int = 1) -> Iterator[Client]:
    """A client of so many worker processes, which end with it."""
    with local.client(0, insecure=True) as client, tempfile.TemporaryDirectory(prefix="herd-") as folder:
        address = str(client.scheduler_info()["address"])
        line = python(f"from tests.support.herd import become; become({address!r}, {count}, {threads}, {folder!r})")
        with start(line, stdout=None, stderr=None):
            client.wait_for_workers(count, timeout=120)
            yield client


async def _serve(address: str, threads: int, folder: str) -> None:
    async with Worker(address, nthreads=threads, local_directory=folder, preload=[PRELOAD]) as each:
        await each.finished()


def become(address: str, count: int, threads: int, folder: str) -> None:
    """Become so many workers, and wait for them."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    dask.config.set({"distributed.worker.profile.enabled": threads == 1})  # it looks at each thread, again and again
    for _ in range(count):
        if os.fork() == 0:
            asyncio.run(_serve(address, threads, folder))
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
