"""The concurrence of density matrices against other packages: states one by one there, a stack of them here."""

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.arrays import evenly_spaced
from ensemble.models.tls_glass import TLSGlass
from ensemble.models.tls_glass.kernels import average_concurrence, pair_entanglement, reduced_density_matrix
from ensemble.physics import concurrence
from ensemble.realization.random_streams import random_stream
from tests.benchmarks import median, median_seconds

ComplexArray = NDArray[np.complex128]


def random_states(count: int) -> ComplexArray:
    """States of rank 1 to 4, as many of each."""
    rng = np.random.default_rng(2)
    factor = rng.normal(size=(count, 4, 4)) + 1j * rng.normal(size=(count, 4, 4))
    for k in range(count):
        factor[k, :, 1 + k % 4 :] = 0.0
    states: ComplexArray = factor @ factor.conj().swapaxes(1, 2)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    return states


def in_qutip(states: ComplexArray) -> list[qutip.Qobj]:
    return [qutip.Qobj(state, dims=[[2, 2], [2, 2]]) for state in states]


@pytest.mark.parametrize("peer", ["qutip", "quimb"])
def test_concurrence_of_a_stack(benchmark: BenchmarkFixture, peer: str) -> None:
    """Per state: 10,000 of them here, 200 in a loop over the peer's function, whose own types are made before."""
    package = pytest.importorskip(peer)
    states = random_states(200)
    given = in_qutip(states) if peer == "qutip" else list(states)
    theirs = [package.concurrence(state) for state in given]
    each = median_seconds(lambda: [package.concurrence(state) for state in given], 5) / 200
    ours = benchmark(concurrence, np.tile(states, (50, 1, 1)))
    assert np.abs(ours - np.tile(theirs, 50)).max() < 1e-6
    benchmark.extra_info["microseconds per state"] = round(1e6 * median(benchmark) / 10_000, 2)
    benchmark.extra_info[f"microseconds per state, {peer}"] = round(1e6 * each, 1)
    benchmark.extra_info["times faster"] = round(each / (median(benchmark) / 10_000))


def test_realization_against_a_loop_over_pairs(benchmark: BenchmarkFixture) -> None:
    """All 1,770 pairs of N = 60 at 96 times, against NumPy density matrices and QuTiP's concurrence of each.

    The loop is timed for 20 pairs: all times for the density matrices, every eighth of them for QuTiP. That is
    scaled to the number of pairs and of states, 169,920; the whole loop would take most of a minute.
    """
    model = TLSGlass(N=60, epsilon=0.0, eta=1e5, t=tuple(evenly_spaced(1e-3, 1e6, 96, log=True)))
    disorder, t = model.scale(model.draw(random_stream(2021, model, 0))), np.array(model.t)
    arguments = (disorder.coupling, disorder.rate, disorder.theta, t)
    pairs = np.column_stack(np.triu_indices(60, k=1))
    everything = pair_entanglement(*arguments)
    rows = [*np.argsort(everything.max(axis=1))[-10:], *range(0, len(pairs), len(pairs) // 10)][:20]

    matrices = [reduced_density_matrix(disorder, pairs[row], t) for row in rows]
    each_pair = median_seconds(lambda: [reduced_density_matrix(disorder, pairs[row], t) for row in rows], 3) / 20
    sample = in_qutip(np.concatenate([rho[::8] for rho in matrices]))
    each_state = median_seconds(lambda: [qutip.concurrence(state) for state in sample], 3) / len(sample)
    theirs = np.array([qutip.concurrence(state) for state in sample]).reshape(20, 12)
    assert everything[rows].max() > 0.1
    assert np.abs(everything[rows][:, ::8] - theirs).max() < 1e-6

    ours = benchmark(average_concurrence, *arguments)
    assert np.array_equal(ours, everything.sum(axis=0) / 60)
    loop = len(pairs) * len(t) * each_state
    benchmark.extra_info["seconds of QuTiP's concurrences, scaled"] = round(loop, 1)
    benchmark.extra_info["times faster than QuTiP's concurrences alone"] = round(loop / median(benchmark))
    loop += len(pairs) * each_pair
    benchmark.extra_info["times faster than the loop with its matrices"] = round(loop / median(benchmark))
