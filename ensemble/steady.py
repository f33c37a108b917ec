"""Messages of Dask that no change of the clock holds up.

Dask sends messages a few milliseconds apart and waits for the next moment by the time of day: where that is set back
by hours meanwhile, the message goes out hours later, and a run stands still. Here these moments are told by a clock
that goes on from the time of day when this was loaded, whatever becomes of it afterwards.
"""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, final

from distributed import Worker, batched
from tornado import locks

_AHEAD = time.time() - time.monotonic()
"""What the time of day was ahead of the clock that nobody sets."""


def now() -> float:
    """The time of day, had nobody set it since."""
    return time.monotonic() + _AHEAD


@final
class _Event(locks.Event):
    """An event that is waited for until a moment on this clock."""

    def wait(self, timeout: float | timedelta | None = None) -> Any:
        """Wait; the moment becomes a span, which tornado counts by a clock that nobody sets."""
        if isinstance(timeout, int | float):
            timeout = timedelta(seconds=max(0.0, timeout - now()))
        return super().wait(timeout)


def steady(worker: Worker | None = None) -> None:
    """Have the messages of this process sent so, those of a worker that is being made as well."""
    vars(batched).update(time=now, locks=SimpleNamespace(Event=_Event))
    if worker is not None:
        worker.batched_stream.waker = _Event()  # made before this could be said, and not waited for yet
