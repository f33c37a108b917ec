"""The closed form against integrations of the master equation: QuTiP's, and the sparse one of this package."""

import time

import numpy as np
import pytest
import qutip
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.tls_glass.kernels import average_concurrence
from ensemble.physics import concurrence
from tests.benchmarks import median
from tests.support.reference.qutip_solution import solve
from tests.support.reference.random_ising import random_instance
from tests.support.reference.sparse_liouvillian import integrate_master_equation, partial_trace


@pytest.mark.parametrize(("n", "steps"), [(4, 20), (6, 6), (8, 3)])
def test_average_concurrence(benchmark: BenchmarkFixture, n: int, steps: int) -> None:
    """C(t) of all pairs of n dissipative sites at a few times: each integration once, the closed form often."""
    instance = random_instance(1, n)
    times = np.linspace(0.0, 0.5, steps)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]

    started = time.perf_counter()
    states = solve(instance, times, lab=False)
    qutips = np.array([sum(qutip.concurrence(state.ptrace(pair)) for pair in pairs) for state in states]) / n
    seconds_of_qutip = time.perf_counter() - started

    started = time.perf_counter()
    rho = integrate_master_equation(instance, times, occupation=instance.occupation)
    sparse = sum(concurrence(partial_trace(rho, pair)) for pair in pairs) / n
    seconds_of_sparse = time.perf_counter() - started

    arguments = (instance.coupling, instance.rate, instance.theta, times)
    ours = benchmark(average_concurrence, *arguments, occupation=instance.occupation)
    assert np.abs(ours - qutips).max() < 1e-6
    assert np.abs(ours - sparse).max() < 1e-10
    benchmark.extra_info["times faster than QuTiP"] = round(seconds_of_qutip / median(benchmark))
    benchmark.extra_info["times faster than the sparse Liouvillian"] = round(seconds_of_sparse / median(benchmark))
