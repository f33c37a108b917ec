"""Handle Ctrl-C and SIGTERM during a run."""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any, final

from ensemble.run.summary import Watch


@final
class Interruption(contextlib.AbstractContextManager["Interruption"]):
    """Signal handler of a run: the first signal lets the tasks in flight finish, the second one stops at once."""

    def __init__(self, watch: Watch) -> None:
        self.signal: int | None = None
        self._watch = watch
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self._watch.say("stopping: what is in flight will land; again to stop at once")
