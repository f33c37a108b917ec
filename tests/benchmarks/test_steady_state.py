"""What the stationary state of one realization costs, how near that is to its matrix products alone, and to QuTiP.

An application of the master equation turns a matrix from dressed states to product states and back: four products of
2^N x 2^N matrices in single precision. Nothing that goes through dressed states can be faster than these.
"""

import json
from collections.abc import Callable

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from ensemble.models.driven_spins import DrivenSpins, SpinDisorder
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.state import RADIANS, State
from ensemble.physics.one_blas_thread import one_blas_thread
from ensemble.realization.random_streams import random_stream
from tests.benchmarks import HOUR, median, median_seconds
from tests.support.elsewhere import python
from tests.support.processes import read_output
from tests.support.reference import dense_spins

Array = NDArray[np.float64]

TEMPERATURES = (1.2, 12.0)
EVERYTHING = """
import json, sys, time
from ensemble.models.driven_spins import DrivenSpins
from ensemble.realization.random_streams import random_stream

N, temperature = int(sys.argv[1]), float(sys.argv[2])
small, model = (DrivenSpins(N=each, temperature=temperature) for each in (4, N))
for each in (small, model):  # the first compiles
    started = time.perf_counter()
    measured = each.measure(each.draw(random_stream(2021, each, 0)))
    for name in each.observables:
        measured[name]
    seconds = time.perf_counter() - started
with open("/proc/self/status") as told:
    (most,) = (int(line.split()[1]) for line in told if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "MB": most / 1024}))
"""
"""All observables of one realization in a process of its own: seconds, and the most memory that it had."""


def realization(N: int, temperature: float) -> tuple[DrivenSpins, SpinDisorder]:
    """Realization 0 of seed 2021."""
    model = DrivenSpins(N=N, temperature=temperature)
    return model, model.scale(model.draw(random_stream(2021, model, 0)))


def solving(model: DrivenSpins, disorder: SpinDisorder) -> Callable[[], State]:
    """What finds its stationary state, compiled."""

    def solved() -> State:
        state = State(model, disorder)
        _ = state.stationary
        return state

    solved()
    return solved


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("N", [4, 5, 6, 7, 8, 9, 10])
def test_one_stationary_state(benchmark: BenchmarkFixture, N: int, temperature: float) -> None:
    """From frequencies and couplings to ρ."""
    solved = solving(*realization(N, temperature))
    state = benchmark.pedantic(solved, rounds=3 if N > 8 else 7)
    applications = state.stationary.applications
    with one_blas_thread:
        matrix = np.random.default_rng(0).standard_normal((2**N, 2**N)).astype(np.float32)
        product = median_seconds(lambda: matrix @ matrix, 7)
    benchmark.extra_info["applications of the master equation"] = applications
    benchmark.extra_info["seconds over those of its matrix products"] = round(
        median(benchmark) / (4 * product * applications), 2
    )
    assert abs(np.trace(state.stationary.matrix) - 1) < 1e-9


@pytest.mark.parametrize(("N", "temperature"), [(10, 1.2), (10, 12.0), (11, 12.0)])
def test_everything(benchmark: BenchmarkFixture, N: int, temperature: float) -> None:
    """All observables: spectra, ansatz, eigenstates."""

    def measured() -> dict[str, float]:
        command = [*python(EVERYTHING), str(N), str(temperature)]
        told: dict[str, float] = json.loads(read_output(command, seconds=HOUR))
        return told

    told = benchmark.pedantic(measured, rounds=1)
    benchmark.extra_info.update({name: round(value, 1) for name, value in told.items()})
    assert told["MB"] < 600 or N > 10


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("N", [4, 5])
def test_against_qutip(benchmark: BenchmarkFixture, N: int, temperature: float) -> None:
    """`qutip.steadystate` with its default method, of the same operators made beforehand."""
    model, disorder = realization(N, temperature)
    state = benchmark.pedantic(solving(model, disorder), rounds=7)
    hamiltonian, jumps = operators(model, disorder)
    rounds = 3 if N == 4 else 1
    found: list[qutip.Qobj] = []
    theirs = median_seconds(lambda: found.append(qutip.steadystate(hamiltonian, jumps)), rounds)
    polarization = [2 * np.trace(found[0].full() @ z).real for z in dense_spins.along_z(N)]
    np.testing.assert_allclose(state.polarization, polarization, atol=1e-7)
    benchmark.extra_info["times faster than QuTiP"] = round(theirs / median(benchmark), 1)


def operators(model: DrivenSpins, disorder: SpinDisorder) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """H in the frame of the microwaves, and all jumps, as dense operators."""
    frequency, coupling, bath = RADIANS * disorder.detuning, RADIANS * disorder.coupling, model.bath
    up, z = dense_spins.raising(model.N), dense_spins.along_z(model.N)
    states = dense_spins.eigenstates(Eigenbasis.of(frequency, coupling))
    drive = sum(each + each.T for each in up) / 2
    hamiltonian = dense_spins.hamiltonian(frequency, coupling) + RADIANS * (
        model.drive * drive - model.microwave * sum(z)
    )
    jumps = [np.sqrt(bath.down) * each.T for each in up] + [np.sqrt(bath.up) * each for each in up]
    for each in z:
        diagonal = states * np.diagonal(states.T @ each @ states)
        jumps.append(bath.local * each + bath.diagonal * diagonal @ states.T)
    return qutip.Qobj(hamiltonian), [qutip.Qobj(jump) for jump in jumps]
