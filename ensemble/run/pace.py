"""Throughput of a run and its remaining time."""

import math
import time
from collections import deque
from typing import final

_RATE_SECONDS = 60.0
"""Seconds over which the rate is averaged."""
_WARMUP_SECONDS = 3.0
"""Seconds after the start from which on the utilization of workers is estimated."""


@final
class Throughput:
    """Counts finished realizations and their core seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._spent = 0.0
        self._recent: deque[tuple[float, int]] = deque()

    def landed(self, count: int, seconds: float) -> None:
        """Record finished realizations and the core seconds that they took."""
        self._spent += seconds
        self._recent.append((time.monotonic(), count))

    @property
    def rate(self) -> float:
        """Realizations per second over the last minute."""
        now = time.monotonic()
        while self._recent and now - self._recent[0][0] > _RATE_SECONDS:
            self._recent.popleft()
        span = min(_RATE_SECONDS, now - self._began)
        return sum(count for _, count in self._recent) / max(span, 1e-3)

    def seconds(self, core_seconds: float, in_flight: float, workers: int) -> float:
        """Estimated seconds for `core_seconds` of work, part of which is in flight; infinite without workers.

        Workers also write, wait and share the machine. Their utilization is the finished work plus half of the work in
        flight, divided by the core seconds that have passed.
        """
        if not workers:
            return math.inf
        elapsed = (time.monotonic() - self._began) * workers
        utilization = (
            (self._spent + in_flight / 2) / elapsed if elapsed > _WARMUP_SECONDS * workers and self._spent else 1.0
        )
        return core_seconds / workers / min(1.0, max(utilization, 0.01))
