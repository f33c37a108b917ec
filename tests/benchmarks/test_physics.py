"""What a realization costs, and what the same costs in QuTiP."""

import time

import numpy as np
import pytest
import qutip
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.tls_glass import TLSGlass
from ensemble.physics import average_concurrence, concurrence
from ensemble.realization import stream
from tests.benchmarks import median
from tests.reference.exact_concurrence import random_factor, rounded_state
from tests.reference.qutip_solution import solve
from tests.reference.random_ising import random_instance


@pytest.mark.parametrize("temperature", [0.0, 3000.0])
@pytest.mark.parametrize("epsilon", [0.0, 1.0])
@pytest.mark.parametrize("N", [8, 30, 60])
def test_one_realization(benchmark: BenchmarkFixture, N: int, epsilon: float, temperature: float) -> None:
    """C(t) of all pairs at 91 times."""
    model = TLSGlass(N=N, epsilon=epsilon, eta=1e5, temperature=temperature)
    draw = model.draw(stream(2021, model, 0))
    benchmark(model.measure, draw)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_against_mesolve(benchmark: BenchmarkFixture, n: int) -> None:
    """C(t) of all pairs of n dissipative sites at 20 times: the closed form, and QuTiP's integration once."""
    instance = random_instance(1, n)
    times = np.linspace(0.0, 2.0, 20)
    started = time.perf_counter()
    states = solve(instance, times, lab=False)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    peer = np.array([sum(qutip.concurrence(state.ptrace(pair)) for pair in pairs) for state in states]) / n
    theirs = time.perf_counter() - started
    arguments = (instance.coupling, instance.rate, instance.theta, times)
    ours = benchmark(average_concurrence, *arguments, occupation=instance.occupation)
    assert np.abs(ours - peer).max() < 1e-6
    benchmark.extra_info["times faster than QuTiP"] = round(theirs / median(benchmark))


def test_concurrence_of_a_stack(benchmark: BenchmarkFixture) -> None:
    """Random states of rank 1 to 4, against QuTiP's function in a loop."""
    rng = np.random.default_rng(2)
    states = np.array([rounded_state(random_factor(rng, 1 + k % 4)) for k in range(200)])
    started = time.perf_counter()
    peer = np.array([qutip.concurrence(qutip.Qobj(state, dims=[[2, 2], [2, 2]])) for state in states])
    theirs = time.perf_counter() - started
    stack = np.tile(states, (50, 1, 1))
    ours = benchmark(concurrence, stack)
    assert np.abs(ours - np.tile(peer, 50)).max() < 1e-6
    benchmark.extra_info["times faster than QuTiP"] = round(50 * theirs / median(benchmark))
