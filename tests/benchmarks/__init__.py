"""Benchmarks, each against a peer or a limit in the same run; what is computed is asserted, never seconds.

    python -m pip install '.[test,bench]' && python -m pytest tests/benchmarks

Ratios are in `extra_info`, which `--benchmark-json FILE` keeps.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

HOUR = 3600.0
"""Time limit in seconds of a process that measures something."""


def median(benchmark: BenchmarkFixture) -> float:
    """Median seconds of what has just been measured."""
    assert benchmark.stats is not None
    return float(benchmark.stats["median"])


def seconds(function: Callable[[], Any], rounds: int) -> list[float]:
    """What each of several calls takes: of a peer, or a limit."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return taken


def median_seconds(function: Callable[[], Any], rounds: int) -> float:
    """The median of `seconds`."""
    return statistics.median(seconds(function, rounds))
