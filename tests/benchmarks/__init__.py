"""Benchmarks, each against a peer or a limit in the same run; `python -m pytest tests/benchmarks` runs them."""

from pytest_benchmark.fixture import BenchmarkFixture


def median(benchmark: BenchmarkFixture) -> float:
    """Median seconds of what has just been measured."""
    assert benchmark.stats is not None
    return float(benchmark.stats["median"])
