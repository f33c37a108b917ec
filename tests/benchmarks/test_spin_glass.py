"""What a chain costs: its couplings, a stable state, an avalanche, its pairs; and how near that is to what it must.

Couplings cannot take less than the numbers that they are made of. A stable state, and an avalanche, flip one spin after
another, each of which reads a row of the couplings. The peers are these numbers drawn by NumPy, a copy of as much
memory, and the loops that sum all fields anew after each flip.
"""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.spin_glass import SpinGlassFields
from ensemble.models.spin_glass.chain import ChainSample
from ensemble.models.spin_glass.kernels.avalanche import avalanche
from ensemble.models.spin_glass.kernels.pairs import resonant_pairs, unstable_pairs
from ensemble.models.spin_glass.kernels.relaxation import ORDERS, fields, stable
from tests.benchmarks import HOUR, median, median_seconds
from tests.support.elsewhere import python
from tests.support.processes import read_output
from tests.support.reference import plain_chain

Array = NDArray[np.float64]

ONE_SAMPLE = """
import json, sys, time
import numpy as np
from ensemble.models.spin_glass import SpinGlassFields

for L in (10, int(sys.argv[1])):  # the first compiles
    model = SpinGlassFields(L=L)
    draw = model.draw(np.random.default_rng(2017))
    started = time.perf_counter()
    found = model.measure(draw)
    energy = found["energy"]
    seconds = time.perf_counter() - started
with open("/proc/self/status") as told:
    (most,) = (int(line.split()[1]) for line in told if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "MB": most / 1024, "energy": energy}))
"""
"""A sample in a process of its own: seconds, and the most memory that it had."""


def sample(L: int, state: str = "stable") -> ChainSample:
    """One of a length."""
    model = SpinGlassFields(L=L)
    return model.sample(model.draw(np.random.default_rng(2017)), state)


@pytest.mark.parametrize("L", [200, 800, 1600, 3000, 6000])
def test_one_sample(benchmark: BenchmarkFixture, L: int) -> None:
    """Couplings and a stable state; besides the couplings there is nothing of their size."""

    def sampled() -> dict[str, float]:
        command = [*python(ONE_SAMPLE), str(L)]
        told: dict[str, float] = json.loads(read_output(command, seconds=HOUR))
        return told

    told = benchmark.pedantic(sampled, rounds=1)
    benchmark.extra_info.update({name: round(value, 5) for name, value in told.items()})
    assert told["MB"] < 8 * L**2 / 2**20 + 300
    assert -1.75 < told["energy"] < -1.2


@pytest.mark.parametrize("L", [200, 800, 1600, 3000, 6000])
def test_couplings(benchmark: BenchmarkFixture, L: int) -> None:
    """Against as many numbers of the same generator, drawn by NumPy in one go, and a copy of the matrix."""
    model = SpinGlassFields(L=L)
    draw = model.draw(np.random.default_rng(2017))
    rounds = 3 if L > 2000 else 20
    coupling = benchmark.pedantic(lambda: model.coupling(draw), rounds=rounds, warmup_rounds=1)
    assert np.array_equal(coupling[0], coupling[:, 0])
    numbers, copied = np.empty(L * (L - 1) // 2), np.empty_like(coupling)
    drawn = median_seconds(lambda: draw.pairs.standard_normal(out=numbers), rounds)
    read = median_seconds(lambda: np.copyto(copied, coupling), rounds)
    assert coupling[0, 1] == numbers[0]
    benchmark.extra_info["seconds over those of its numbers"] = round(median(benchmark) / drawn, 2)
    benchmark.extra_info["seconds over those of its numbers and a copy"] = round(median(benchmark) / (drawn + read), 2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("L", [200, 800, 3000])
def test_relaxation(benchmark: BenchmarkFixture, L: int, order: str) -> None:
    """Against a copy of as many rows as are read; at L = 200 also against loops that sum all fields anew."""
    hot = sample(L, "hot")

    def relaxed() -> Any:
        return stable(hot.coupling, hot.spins, order, np.random.default_rng(1))

    found = benchmark.pedantic(relaxed, rounds=1 if L > 800 else 5, warmup_rounds=1)
    assert (found.spins * fields(hot.coupling, found.spins) < 0).all()
    copied = np.empty(L)

    def copy() -> None:
        for i in range(L):
            np.copyto(copied, hot.coupling[i])

    rows = found.flips + L
    benchmark.extra_info["flips of a spin"] = round(found.flips / L, 3)
    benchmark.extra_info["µs for a row"] = round(1e6 * median(benchmark) / rows, 3)
    benchmark.extra_info["µs to copy a row"] = round(1e6 * median_seconds(copy, 5) / L, 3)
    if L == 200:
        plain: list[Any] = []
        theirs = median_seconds(
            lambda: plain.append(plain_chain.relaxed(hot.coupling, hot.spins, order, np.random.default_rng(1))), 1
        )
        assert np.array_equal(plain[0][0], found.spins)
        benchmark.extra_info["times faster than a plain loop"] = round(theirs / median(benchmark), 1)


@pytest.mark.parametrize(("state", "h"), [("stable", 0.1), ("hot", 0.01), ("hot", 0.1)])
@pytest.mark.parametrize("L", [1000, 3000])
def test_avalanches(benchmark: BenchmarkFixture, L: int, state: str, h: float) -> None:
    """10,000 flips, each a pass over a row; against NumPy's own pass, a sum and a list of who is resonant."""
    start = sample(L, state)

    def flipped() -> Any:
        return avalanche(start.coupling, start.spins, start.field, h, 10_000, np.random.default_rng(1))

    found = benchmark.pedantic(flipped, rounds=5, warmup_rounds=1)
    assert found.flips > 1000
    field = start.field.copy()

    def in_numpy() -> None:
        for i in range(200):
            np.flatnonzero(np.abs(field) < h)
            np.subtract(field, 0.0 * start.coupling[i], out=field)

    benchmark.extra_info["µs for a flip"] = round(1e6 * median(benchmark) / found.flips, 3)
    benchmark.extra_info["µs for a flip in NumPy"] = round(1e6 * median_seconds(in_numpy, 5) / 200, 3)


@pytest.mark.parametrize("L", [200, 800, 3000])
def test_pairs(benchmark: BenchmarkFixture, L: int) -> None:
    """Both counts of all pairs, against NumPy's arrays of as many amplitudes."""
    start = sample(L)

    def counted() -> tuple[int, int]:
        return (
            resonant_pairs(start.coupling, start.spins, start.field, 0.1, 1.0),
            unstable_pairs(start.coupling, start.spins, start.field, 0.1),
        )

    found = benchmark.pedantic(counted, rounds=5, warmup_rounds=1)
    theirs: list[tuple[int, int]] = []
    seconds = median_seconds(lambda: theirs.append(in_arrays(start)), 3)
    assert theirs[0] == found
    benchmark.extra_info["ns for a pair"] = round(1e9 * median(benchmark) / (L * (L - 1) / 2), 3)
    benchmark.extra_info["times faster than NumPy's arrays"] = round(seconds / median(benchmark), 1)


def in_arrays(start: ChainSample) -> tuple[int, int]:
    """Resonant and unstable pairs at h = .1, of all at a time."""
    gain = start.spins * start.field
    twice = 2 * start.coupling * np.multiply.outer(start.spins, start.spins)
    both = np.add.outer(gain, gain)
    far = np.abs(gain) >= 0.1
    apart = np.triu(np.logical_and.outer(far, far), 1)
    resonant = np.abs(0.01 * np.add.outer(1 / gain, 1 / gain)) > np.abs(twice - both)
    return int((resonant & apart).sum()), int(((both > twice) & apart).sum())
