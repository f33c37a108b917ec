"""Hashing realizations, against a checksum of each row and against a product of matrices."""

import zlib

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.store import digest
from tests.benchmarks import median, median_seconds

SHAPES = {"numbers": (10_000, 1), "curves": (512, 91), "long curves": (8, 100_000)}
"""Realizations, and values of each."""


@pytest.mark.parametrize("shape", SHAPES)
def test_hashing(benchmark: BenchmarkFixture, shape: str) -> None:
    rows = np.random.default_rng(1).random(SHAPES[shape])
    words = rows.view(np.uint32).reshape(len(rows), -1)
    factors = np.random.default_rng(2).integers(0, 2**63, words.shape[1], dtype=np.uint64)
    found = benchmark(digest.of_rows, 1, "walk", range(len(rows)), rows)
    assert len(found) == len(rows)
    ours = median(benchmark)
    peers = {
        "crc32, row by row": median_seconds(lambda: [zlib.crc32(row) for row in rows], 9),
        "as a product of matrices": median_seconds(lambda: words @ factors, 9),
    }
    benchmark.extra_info["GB/s"] = round(rows.nbytes / ours / 1e9, 2)
    benchmark.extra_info |= {f"{name}, over that": round(each / ours, 2) for name, each in peers.items()}
    print(f"\n{shape}: {benchmark.extra_info}")
