"""What a solution in mean field costs, how near that is to reading couplings from memory, and what spectra cost.

A sweep reads the row of everyone whose average has changed, once and in order. The peers are a copy of the couplings
and their product with a vector, which read as much, and the sweep of textbooks: a sum over all others for each.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.mean_field.kernels import hopping
from ensemble.models.mean_field.kernels.self_consistent import averages, fields, self_consistent, sweep
from ensemble.physics.one_blas_thread import one_blas_thread
from tests.benchmarks import HOUR, median, median_seconds
from tests.support.elsewhere import python
from tests.support.processes import read_output
from tests.support.reference.localized import TOLERANCE, Glass

Array = NDArray[np.float64]

COLD = 0.05
ONE_SOLUTION = """
import json, sys, time
import numpy as np
from ensemble.models.mean_field.kernels.box import side
from ensemble.models.mean_field.kernels.couplings import dipolar
from ensemble.models.mean_field.kernels.self_consistent import self_consistent

for N in (10, int(sys.argv[1])):  # the first compiles
    rng = np.random.default_rng(2017)
    position, local, start = rng.random((N, 3)), rng.standard_normal(N), rng.uniform(-1, 1, N)
    started = time.perf_counter()
    coupling = dipolar(position, side("paper", N, 3), 0.5, rng)
    coupled = time.perf_counter()
    solution = self_consistent(local, coupling, float(sys.argv[2]), start, 1e-9)
    solved = time.perf_counter()
with open("/proc/self/status") as told:
    (most,) = (int(line.split()[1]) for line in told if line.startswith("VmHWM"))
print(json.dumps({
    "seconds for couplings": coupled - started, "seconds for the solution": solved - coupled, "MB": most / 1024,
    "sweeps": solution.sweeps, "rows read in a sweep, of all": solution.rows / solution.sweeps / N,
    "residual": solution.residual,
}))
"""
"""Couplings and a solution in a process of its own: seconds, and the most memory that it had."""


@pytest.mark.parametrize("N", [500, 1000, 2000, 5000, 10_000])
def test_one_solution(benchmark: BenchmarkFixture, N: int) -> None:
    """Two-level systems at low temperature: besides the couplings there is nothing of their size."""

    def solved() -> dict[str, float]:
        command = [*python(ONE_SOLUTION), str(N), str(COLD)]
        told: dict[str, float] = json.loads(read_output(command, seconds=HOUR))
        return told

    told = benchmark.pedantic(solved, rounds=1)
    residual = told.pop("residual")
    benchmark.extra_info.update({name: round(value, 3) for name, value in told.items()})
    assert residual < 1e-6
    assert told["MB"] < 8 * N**2 / 2**20 + 300


@pytest.mark.parametrize("N", [1000, 10_000])
def test_rows(benchmark: BenchmarkFixture, N: int) -> None:
    """A sweep in which everyone changes, as at high temperature: gigabytes of couplings in a second, and its peers."""
    glass = Glass.of_tls(1, N, 1.0)
    average = averages(glass.start, 1.0)
    field = fields(glass.coupling, average)

    def all_rows() -> int:
        return sweep(glass.local, glass.coupling, 1.0, average, field, -1.0)[1]

    rounds = 7 if N > 1000 else 50
    assert benchmark.pedantic(all_rows, rounds=rounds, warmup_rounds=1) == N
    np.testing.assert_allclose(field, glass.coupling @ average, atol=1e-9)
    copied, read = np.empty_like(glass.coupling), np.empty(N)
    peers: dict[str, Callable[[], Any]] = {
        "a textbook's sweep": lambda: textbook_sweep(glass.local, glass.coupling, 1.0, average),
        "a product with a vector": lambda: np.dot(glass.coupling, average, out=read),
        "a copy": lambda: np.copyto(copied, glass.coupling),
    }
    benchmark.extra_info["GB/s"] = round(8e-9 * N**2 / median(benchmark), 2)
    with one_blas_thread:
        for name, peer in peers.items():
            peer()
            theirs = median_seconds(peer, rounds)
            benchmark.extra_info[f"seconds of {name} over its own"] = round(theirs / median(benchmark), 2)


@pytest.mark.parametrize("temperature", [COLD, 1.0])
@pytest.mark.parametrize("N", [1000, 5000])
def test_against_a_textbook(benchmark: BenchmarkFixture, N: int, temperature: float) -> None:
    """The whole solution, from the same start to the same tolerance."""
    glass = Glass.of_tls(1, N, temperature)

    def solved() -> Array:
        return self_consistent(glass.local, glass.coupling, temperature, glass.start, TOLERANCE).x

    rounds = 5 if N == 1000 else 1
    x = benchmark.pedantic(solved, rounds=rounds, warmup_rounds=1)
    found: list[Array] = []
    theirs = median_seconds(lambda: found.append(textbook(glass)), rounds)
    np.testing.assert_allclose(x, glass.local + glass.coupling @ found[0], atol=1e-5)
    benchmark.extra_info["times faster than a textbook"] = round(theirs / median(benchmark), 2)


@pytest.mark.parametrize("N", [500, 1000])
def test_spectra(benchmark: BenchmarkFixture, N: int) -> None:
    """Rates of electrons, each to the last digits, and what they cost if one does not ask for that."""
    glass = Glass.of_electrons(1, N, 0.1)
    energy = glass.solved().x
    jumps = hopping.jumps(energy, glass.distance, 0.1, 0.1)
    plain = jumps.copy()
    plain -= np.diag(plain.sum(axis=0))
    with one_blas_thread:
        precise = benchmark.pedantic(lambda: hopping.rates(jumps), rounds=3, warmup_rounds=1)
        quick = median_seconds(lambda: hopping.quick_rates(jumps), 3)
        found: list[Any] = []
        nonsymmetric = median_seconds(lambda: found.append(np.linalg.eigvals(plain)), 1)
    np.testing.assert_allclose(hopping.quick_rates(jumps), precise, rtol=0, atol=1e-12 * precise[-1])
    np.testing.assert_allclose(np.sort(-found[0].real)[1:], precise, rtol=0, atol=1e-9 * precise[-1])
    benchmark.extra_info["seconds over those of quick rates"] = round(median(benchmark) / quick, 2)
    benchmark.extra_info["seconds over those of NumPy's eigenvalues"] = round(median(benchmark) / nonsymmetric, 2)


def textbook(glass: Glass) -> Array:
    """Averages at rest."""
    average = np.tanh(glass.start / (2 * glass.temperature))
    while textbook_sweep(glass.local, glass.coupling, glass.temperature, average) > TOLERANCE:
        pass
    return average


@njit(cache=False)
def textbook_sweep(local: Array, coupling: Array, temperature: float, average: Array) -> float:
    """One after the other, each from the sum over all others; returns the largest change."""
    largest = 0.0
    for i in range(len(local)):
        total = local[i]
        for j in range(len(local)):
            total += coupling[i, j] * average[j]
        wanted = math.tanh(total / (2 * temperature))
        largest = max(largest, abs(wanted - average[i]))
        average[i] = wanted
    return largest
