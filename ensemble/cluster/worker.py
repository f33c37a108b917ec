"""Setup of every worker process; Dask preloads this module.

A worker of a batch job knows when its job ends. It leaves when the time that is left is too short for another task of
the longest duration so far: it takes no new tasks, finishes those that run, and shuts down.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from typing import final

from distributed import Status, Worker

from ensemble.cluster.steady import steady
from ensemble.cluster.worker_settings import ENDS, LEAVES

_GIVE_UP_SECONDS = 2.0
"""Seconds before the end of the job at which running tasks are given up."""
_CAUTION = 1.25
"""Safety factor: a task may take this many times the longest duration so far."""
_POLL_SECONDS = 0.2
"""Seconds between two looks at the running tasks."""


def dask_setup(worker: Worker) -> None:
    """Called by Dask in every worker process.

    Ctrl-C in a terminal, and SIGTERM of a batch system, reach every process of a group. Workers ignore them, because
    the driver decides what they mean, and workers end with the driver. Errors of realizations return as outcomes, not
    as logs.
    """
    steady(worker)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # do not log missed heartbeats at shutdown
    logging.getLogger("distributed.worker.memory").setLevel(logging.WARNING)  # but log memory problems
    if ENDS in os.environ:
        end = time.monotonic() + float(os.environ[ENDS]) - time.time()
        worker.loop.add_callback(_leave, worker, end, float(os.environ[LEAVES]))


async def _leave(worker: Worker, end: float, before: float) -> None:
    """Leave before the job ends: take no new tasks, finish running ones, give back the rest."""
    tasks = _Tasks()
    while end - tasks.over(worker) >= max(before, _CAUTION * tasks.longest):
        await asyncio.sleep(_POLL_SECONDS)
    worker.memory_manager.memory_pause_fraction = False  # else Dask would resume a paused worker
    worker.status = Status.paused  # the scheduler sends no more tasks
    while worker.state.executing and time.monotonic() < end - _GIVE_UP_SECONDS:
        await asyncio.sleep(_POLL_SECONDS)
    with contextlib.suppress(OSError):  # the scheduler may have ended first
        await worker.close_gracefully(restart=False, reason="the job is about to end")


@final
class _Tasks:
    """The tasks that a worker has run, as seen at each look."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Duration of the longest task so far in seconds, running ones included."""
        self._started: dict[object, float] = {}

    def over(self, worker: Worker) -> float:
        """When the running tasks finish if they take as long as the longest so far, on the monotonic clock."""
        now = time.monotonic()
        self._started = {task.key: self._started.get(task.key, now) for task in worker.state.executing}
        self.longest = max([self.longest, *(now - started for started in self._started.values())])
        return max([now, *(started + self.longest for started in self._started.values())])
