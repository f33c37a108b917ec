"""What eigenstates of the chain cost, how much of that is LAPACK's, and what some levels cost beside all of them.

The peer of the whole spectrum is `numpy.linalg.eigh` of the same matrices. Those of some levels are the whole spectrum,
and SciPy's shift-invert with the factors of SuperLU, which fill a quarter of a matrix: on a hypercube no order of the
rows keeps them sparse.
"""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh

from ensemble.models.spin_glass import SpinGlassSpectrum
from ensemble.models.spin_glass.kernels.couplings import ring
from ensemble.models.spin_glass.kernels.filtered import ends, levels_around
from ensemble.models.spin_glass.kernels.sectors import Sector
from ensemble.physics.one_blas_thread import one_blas_thread
from tests.benchmarks import HOUR, median, median_seconds
from tests.support.elsewhere import python
from tests.support.processes import read_output

Array = NDArray[np.float64]

ONE_REALIZATION = """
import json, sys, time
import numpy as np
from ensemble.models.spin_glass import SpinGlassSpectrum

L, whole = int(sys.argv[1]), int(sys.argv[2])
model = SpinGlassSpectrum(L=L, h=0.3, sectors="plus", whole=whole, targets=(0.5,), levels=100)
started = time.perf_counter()
measured = model.measure(model.draw(np.random.default_rng(1)))
levels = float(np.sum(measured["edwards_anderson_count"]))
taken = time.perf_counter() - started
with open("/proc/self/status") as told:
    (most,) = (int(line.split()[1]) for line in told if line.startswith("VmHWM"))
told = {"seconds": taken, "MB": most / 1024, "MB that memory() says": model.memory(()) / 2**20, "levels": levels}
print(json.dumps(told))
"""
"""A realization in a process of its own: seconds, and the most memory that it had."""


def sector(length: int) -> Sector:
    return Sector.of(ring(length, 0.7, "ring", np.random.default_rng(1)), 0.3, 1)


@pytest.mark.parametrize("L", [8, 10, 12])
def test_share_of_lapack(benchmark: BenchmarkFixture, L: int) -> None:
    """A realization of both sectors, and the same matrices diagonalized and nothing else."""
    model = SpinGlassSpectrum(L=L, h=0.3)
    draw = model.draw(np.random.default_rng(1))
    rounds = {8: 30, 10: 7, 12: 2}[L]
    benchmark.pedantic(lambda: model.measure(draw)["gap_ratio_sum"], rounds=rounds, warmup_rounds=1)
    matrices = [Sector.of(model.coupling(draw), 0.3, parity).dense() for parity in (1, -1)]
    with one_blas_thread:
        copies = [[matrix.copy(order="F") for matrix in matrices] for _ in range(rounds)]
        lapack = median_seconds(
            lambda: [linalg.eigh(each, overwrite_a=True, check_finite=False, driver="evd") for each in copies.pop()],
            rounds,
        )
        numpys = median_seconds(lambda: [np.linalg.eigh(each) for each in matrices], rounds)
    benchmark.extra_info["share of LAPACK"] = round(lapack / median(benchmark), 2)
    benchmark.extra_info["seconds of NumPy's eigh over its own"] = round(numpys / median(benchmark), 2)


@pytest.mark.parametrize(("L", "whole"), [(12, 14), (13, 14), (12, 8), (14, 8)])
def test_time_and_memory(benchmark: BenchmarkFixture, L: int, whole: int) -> None:
    """One sector: all its levels, or a hundred of those in its middle."""

    def measured() -> dict[str, float]:
        command = [*python(ONE_REALIZATION), str(L), str(whole)]
        told: dict[str, float] = json.loads(read_output(command, seconds=HOUR))
        return told

    told = benchmark.pedantic(measured, rounds=1)
    benchmark.extra_info.update({name: round(value, 1) for name, value in told.items()})
    assert told["levels"] == (2 ** (L - 1) if whole >= L else 100)
    assert told["MB"] < told["MB that memory() says"] + 250


@pytest.mark.parametrize("L", [10, 12])
def test_some_levels(benchmark: BenchmarkFixture, L: int) -> None:
    """Fifty levels in the middle: the filter, and its two peers."""
    one = sector(L)
    matrix = one.dense()
    csc = sparse.csc_array(matrix)
    with one_blas_thread:
        bounds = ends(one)
        rounds = 5 if L == 10 else 2
        found, _ = benchmark.pedantic(lambda: levels_around(one, 0.5, 50, bounds), rounds=rounds, warmup_rounds=1)
        theirs: list[Array] = []
        center = (bounds.lowest + bounds.highest) / 2
        inverted = median_seconds(
            lambda: theirs.append(eigsh(csc, k=50, sigma=center, return_eigenvectors=False)), rounds
        )
        whole = median_seconds(lambda: linalg.eigh(matrix, driver="evd", check_finite=False), rounds)
    np.testing.assert_allclose(found, np.sort(theirs[0]), rtol=0, atol=1e-9)
    benchmark.extra_info["seconds of shift-invert over its own"] = round(inverted / median(benchmark), 2)
    benchmark.extra_info["seconds of the whole spectrum over its own"] = round(whole / median(benchmark), 2)
