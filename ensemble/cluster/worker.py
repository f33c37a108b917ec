"""What every worker process does first: Dask preloads this module in them.

A worker of a batch job knows when its job ends. Before that it takes nothing new, finishes what it is at, and leaves:
when what is left would not do for another task as long as the longest so far.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from typing import final

from distributed import Status, Worker

from ensemble.cluster.settings import ENDS, LEAVES
from ensemble.steady import steady

_LAST = 2.0
"""Seconds before the end of the job in which what is still at work is given up."""
_CAUTION = 1.25
"""A task is expected to take so many times what the longest took."""
_GLANCE = 0.2


def dask_setup(worker: Worker) -> None:
    """Dask calls this in every worker process.

    Ctrl-C in a terminal, and a batch system's SIGTERM, reach every process of a group. It is for the driver to
    decide what that means; its workers end with it in any case. What fails comes back as an outcome, not as a log.
    """
    steady(worker)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # a heartbeat missed while all ends is no news
    logging.getLogger("distributed.worker.memory").setLevel(logging.WARNING)  # a worker out of memory is
    if ENDS in os.environ:
        end = time.monotonic() + float(os.environ[ENDS]) - time.time()
        worker.loop.add_callback(_leave, worker, end, float(os.environ[LEAVES]))


async def _leave(worker: Worker, end: float, before: float) -> None:
    """Leave in time: take nothing new, finish what is at work, give back the rest."""
    tasks = _Tasks()
    while end - tasks.over(worker) >= max(before, _CAUTION * tasks.longest):
        await asyncio.sleep(_GLANCE)
    worker.memory_manager.memory_pause_fraction = False  # it would let a paused worker with enough memory go on
    worker.status = Status.paused  # the scheduler sends nothing more
    while worker.state.executing and time.monotonic() < end - _LAST:
        await asyncio.sleep(_GLANCE)
    with contextlib.suppress(OSError):  # the scheduler may have ended first
        await worker.close_gracefully(restart=False, reason="the job is about to end")


@final
class _Tasks:
    """What a worker has been at, as far as glances tell."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds of the longest task so far, those that are not over included."""
        self._begun: dict[object, float] = {}

    def over(self, worker: Worker) -> float:
        """When the worker will be free for another task, if what it is at takes as long as the longest."""
        now = time.monotonic()
        self._begun = {task.key: self._begun.get(task.key, now) for task in worker.state.executing}
        self.longest = max([self.longest, *(now - begun for begun in self._begun.values())])
        return max([now, *(begun + self.longest for begun in self._begun.values())])
