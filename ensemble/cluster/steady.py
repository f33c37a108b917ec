"""Protect Dask's messages against changes of the system time.

Dask sends messages in batches a few milliseconds apart, and waits for the next one by the system time. If the system
time is set back by hours, the message is sent hours later, and the run stands still. Here Dask gets a clock that starts
at the system time and then only moves forward.
"""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, final

from distributed import Worker, batched
from tornado import locks

_OFFSET = time.time() - time.monotonic()
"""System time minus monotonic time when this module was imported, in seconds."""


def now() -> float:
    """The system time as if it had not been changed since this module was imported, in seconds since 1970."""
    return time.monotonic() + _OFFSET


@final
class _Event(locks.Event):
    """An event whose `wait` accepts an absolute time of this clock."""

    def wait(self, timeout: float | timedelta | None = None) -> Any:
        """Wait; the absolute time becomes a duration, which tornado measures with a monotonic clock."""
        if isinstance(timeout, int | float):
            timeout = timedelta(seconds=max(0.0, timeout - now()))
        return super().wait(timeout)


def steady(worker: Worker | None = None) -> None:
    """Use this clock for the messages of this process, including those of a worker that is starting."""
    vars(batched).update(time=now, locks=SimpleNamespace(Event=_Event))
    if worker is not None:
        worker.batched_stream.waker = _Event()  # the worker already has one, but nothing waits for it yet
