"""How fast a run goes, and how long it will take at that pace."""

import math
import time
from collections import deque
from typing import final

_SPAN = 60.0
"""Seconds over which the rate is told."""
_SETTLED = 3.0
"""Seconds after which it is known how busy workers are."""


@final
class Pace:
    """What has landed, and when."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._spent = 0.0
        self._recent: deque[tuple[float, int]] = deque()

    def landed(self, count: int, seconds: float) -> None:
        """Some realizations have landed, and took so many core seconds."""
        self._spent += seconds
        self._recent.append((time.monotonic(), count))

    @property
    def rate(self) -> float:
        """Realizations a second over the last minute."""
        now = time.monotonic()
        while self._recent and now - self._recent[0][0] > _SPAN:
            self._recent.popleft()
        span = min(_SPAN, now - self._began)
        return sum(count for _, count in self._recent) / max(span, 1e-3)

    def seconds(self, core_seconds: float, in_flight: float, workers: int) -> float:
        """How long so many core seconds will take, of which some are in flight; infinite without workers.

        Workers also write, wait and share the machine: what landed and half of what is in flight, over the core
        seconds that have passed, tells how much of their time goes into realizations.
        """
        if not workers:
            return math.inf
        passed = (time.monotonic() - self._began) * workers
        busy = (self._spent + in_flight / 2) / passed if passed > _SETTLED * workers and self._spent else 1.0
        return core_seconds / workers / min(1.0, max(busy, 0.01))
