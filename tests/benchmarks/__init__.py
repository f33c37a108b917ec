"""Benchmarks, each against a peer or a limit in the same run; what is computed is asserted, never seconds.

    python -m pip install '.[test,bench]' && python -m pytest tests/benchmarks

Ratios are in `extra_info`, which `--benchmark-json FILE` keeps.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from ensemble import Sweep
from tests.support.toy_model import QUICK

HOUR = 3600.0
"""Time limit in seconds of a process that measures something."""
REALIZATIONS = int(os.environ.get("ENSEMBLE_BENCHMARK_REALIZATIONS", 10**6))
"""How many cheap ones are computed."""
CHEAP_POINTS = 91
"""Steps of a cheap realization."""


def cheap_sweep(realizations: int, points: int = 1, *, judged: bool = False) -> Sweep:
    """So many realizations in all, of a model that takes a microsecond to measure, at 91 steps.

    If they are judged, it is to the error that somewhat more of them would give the mean at the last step: again and
    again on the way.
    """
    each, deviation = realizations // points, (CHEAP_POINTS / 12) ** 0.5
    table = {
        "model": QUICK,
        "realizations": each,
        "seed": 2021,
        "axes": {"drift": [0.5 * point for point in range(points)]},
        "time": {"start": 0.0, "stop": CHEAP_POINTS - 1.0, "num": CHEAP_POINTS},
    }
    rule = {"law": "mean", "at": CHEAP_POINTS - 1.0, "absolute": 0.9 * deviation / each**0.5, "min": 1000}
    return Sweep.from_table({**table, "stop": rule} if judged else table)


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
