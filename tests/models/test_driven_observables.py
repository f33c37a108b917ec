"""The observables of driven spins against their definitions, written out with dense matrices."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import qutip
from scipy import optimize, special

from ensemble.models.driven_spins import DrivenSpins, SpinDisorder
from tests.support.reference import dense_spins
from tests.support.reference.driven_spins import COLD, HOT, Array, ComplexArray, Spins, Times, liouvillian, stationary

RADIANS = 2 * math.pi
FREQUENCIES = np.linspace(-6.0, 6.0, 49)
BATHS = {1.2: COLD, 12.0: HOT}
POINTS = pytest.mark.parametrize(
    ("temperature", "N"), [(temperature, N) for temperature in BATHS for N in (3, 4)], ids=str
)
TIGHT = 1e-12


def model_of(temperature: float, N: int, **others: Any) -> DrivenSpins:
    return DrivenSpins(
        N=N,
        temperature=temperature,
        frequency=tuple(FREQUENCIES),
        spins=N,
        ranks=2**N,
        bins=8,
        tolerance=TIGHT,
        **others,
    )


def disorder_of(model: DrivenSpins) -> SpinDisorder:
    return model.scale(model.draw(np.random.default_rng(model.N)))


def spins_of(disorder: SpinDisorder) -> Spins:
    return Spins(RADIANS * disorder.detuning, RADIANS * disorder.coupling)


def times_of(model: DrivenSpins) -> Times:
    return replace(BATHS[model.temperature], gap=model.gap)


def magnetization(n: int) -> Array:
    return np.asarray(np.sum(dense_spins.along_z(n), axis=0))


def in_sectors(rho: ComplexArray) -> ComplexArray:
    """Without what is between states of different S^z."""
    sz = np.diagonal(magnetization(len(rho).bit_length() - 1))
    return np.where(np.equal.outer(sz, sz), rho, 0.0)


def ansatz(spins: Spins, rho: ComplexArray | Array) -> tuple[float, float, Array]:
    """β_s, h - ω_e in rad/us and exp(-β_s (H' - (h - ω_e) S^z)) / Z, by SciPy's root of the two conditions."""
    energy, states = spins.levels
    s = np.diagonal(states.T @ magnetization(spins.size) @ states)
    means = np.trace(rho @ spins.hamiltonian).real, np.trace(rho @ magnetization(spins.size)).real

    def weights(at: Array) -> Array:
        p = np.exp(-at[0] * energy + at[1] * s)
        return np.asarray(p / p.sum())

    def missed(at: Array) -> Array:
        return np.array([weights(at) @ energy - means[0], weights(at) @ s - means[1]])

    found = optimize.root(missed, [0.0, 0.0], tol=1e-14).x
    return found[0], found[1] / found[0], (states * weights(found)) @ states.T


def spectra(spins: Spins, rho: ComplexArray | Array, width: float = 0.1) -> tuple[Array, Array]:
    """f and f_+ in 1/MHz: one Faddeeva function for each line and each frequency."""
    energy, states = spins.levels
    state = states.T @ in_sectors(np.asarray(rho, dtype=complex)) @ states
    weights = np.zeros((2, *state.shape), dtype=complex)
    for raising in dense_spins.raising(spins.size):
        up = states.T @ raising @ states
        weights[0] += up * (up.T @ state - state @ up.T).T / spins.size
        weights[1] += up * (up.T @ state + state @ up.T).T / spins.size
    lines = np.subtract.outer(energy, energy) / RADIANS
    kernel = special.wofz((lines - FREQUENCIES[:, None, None]) / (width * math.sqrt(2))) / (
        width * math.sqrt(2 * math.pi)
    )
    commutator, anticommutator = np.einsum("anm,wnm->aw", weights, kernel).real
    return commutator, anticommutator


def eigenstates(spins: Spins, rho: ComplexArray | None) -> ComplexArray:
    """Of ρ, or of H' if there is none, in the order of <H'> + ω_e <S^z>."""
    states = spins.levels[1].astype(complex) if rho is None else np.linalg.eigh(rho)[1]
    field = spins.hamiltonian + RADIANS * 93.9e3 * magnetization(spins.size)
    energy = np.einsum("an,ab,bn->n", states.conj(), field, states).real
    return np.asarray(states[:, np.argsort(energy)])


def check_state(found: Mapping[str, Any], spins: Spins, rho: ComplexArray | Array) -> None:
    """Polarizations, the ansatz, both spectra of both."""
    operators = dense_spins.along_z(spins.size)
    beta, field, thermal = ansatz(spins, rho)
    polarization, expected = ([2 * np.trace(each @ z).real for z in operators] for each in (rho, thermal))
    square = np.mean(np.subtract(polarization, expected) ** 2)
    np.testing.assert_allclose(found["polarization"], polarization, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found["ansatz_polarization"], expected, rtol=0, atol=1e-10)
    assert found["mean_polarization"] == pytest.approx(np.mean(polarization), abs=1e-11)
    assert found["polarization_variance"] == pytest.approx(np.var(polarization), abs=1e-11)
    assert found["square_misfit"] == pytest.approx(square, abs=1e-11)
    assert found["misfit"] == pytest.approx(math.sqrt(square), abs=1e-10)
    assert found["inverse_temperature"] == pytest.approx(beta, rel=1e-8)
    assert found["field"] == pytest.approx(field / RADIANS, rel=1e-8)
    assert found["purity"] == pytest.approx(np.trace(rho @ rho).real, abs=1e-12)
    for prefix, state in (("", rho), ("ansatz_", thermal)):
        commutator, anticommutator = spectra(spins, state)
        assert anticommutator.max() > 0.1
        np.testing.assert_allclose(found[f"{prefix}spectrum"], commutator, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found[f"{prefix}lineshape"], anticommutator, rtol=0, atol=1e-10)


def check_eigenstates(found: Mapping[str, Any], spins: Spins, states: ComplexArray) -> None:
    """Entropies of spins 0 to N // 2 - 1 by QuTiP's partial trace; polarizations in the middle of the middle sector."""
    n = spins.size
    kept = list(range(n - n // 2, n))  # QuTiP's first factor is the highest bit
    vectors = [qutip.Qobj(state, dims=[[2] * n, [1] * n]) for state in states.T]
    entropy = np.array([qutip.entropy_vn(vector.ptrace(kept)) for vector in vectors])
    first = sum(math.comb(n, k) for k in range(n // 2))
    size = math.comb(n, n // 2)
    count = max(1, int(0.4 * size))
    middle = slice(first + (size - count) // 2, first + (size - count) // 2 + count)
    sz = np.array([[(state.conj() @ z @ state).real for z in dense_spins.along_z(n)] for state in states.T[middle]])
    np.testing.assert_allclose(found["entropy"], entropy, rtol=0, atol=1e-8)
    assert found["mean_entropy"] == pytest.approx(entropy.mean(), abs=1e-8)
    assert found["middle_entropy"] == pytest.approx(entropy[first : first + size].mean(), abs=1e-8)
    assert found["spin_spread"] == pytest.approx(sz.std(), abs=1e-8)
    assert found["spin_tail"] == np.mean(np.abs(sz) > 0.25)
    density, _ = np.histogram(sz, bins=8, range=(-0.5, 0.5), density=True)
    np.testing.assert_allclose(found["spin_histogram"], density, rtol=1e-12)


@POINTS
def test_nonsecular(temperature: float, N: int) -> None:
    """Reference: ρ from a dense Liouvillian, SciPy's `root` and `wofz`, QuTiP's partial trace."""
    model = model_of(temperature, N)
    spins = spins_of(disorder_of(model))
    rho = stationary(liouvillian(spins.driven(RADIANS * model.drive), spins.jumps(times_of(model))))
    found = model.evolve(disorder_of(model))
    check_state(found, spins, rho)
    check_eigenstates(found, spins, eigenstates(spins, rho))
    states = spins.levels[1]
    inside = states.T @ in_sectors(rho) @ states
    whole = np.linalg.norm(rho)
    assert found["sector_coherence"] == pytest.approx(np.linalg.norm(rho - in_sectors(rho)) / whole, abs=1e-10)
    coherent = np.linalg.norm(inside - np.diag(np.diagonal(inside)))
    assert found["eigen_coherence"] == pytest.approx(coherent / whole, abs=1e-10)
    assert 0 < found["matvecs"] < 100


@POINTS
def test_hilbert(temperature: float, N: int) -> None:
    """Reference: the same of a state that is diagonal between eigenstates, of rates told in a plain loop."""
    model = model_of(temperature, N, dynamics="hilbert")
    spins = spins_of(disorder_of(model))
    states = spins.levels[1]
    generator = liouvillian(spins.driven(0.0), spins.secular_jumps(times_of(model)))
    turned = np.kron(states, states)
    between = (turned.T @ generator @ turned).reshape((2**N,) * 4)
    flow = np.einsum("mmnn->mn", between).real.copy()
    driven = states.T @ (spins.driven(RADIANS * model.drive) - spins.driven(0.0)) @ states
    for n in range(2**N):
        for m in range(2**N):
            if n != m:
                rate = 2 * driven[n, m] ** 2 * (-1 / between[n, m, n, m]).real
                flow[n, m] += rate
                flow[m, m] -= rate
    flow[0] = 1.0
    populations = np.linalg.solve(flow, np.eye(2**N)[0])
    found = model.evolve(disorder_of(model))
    check_state(found, spins, (states * populations) @ states.T)
    check_eigenstates(found, spins, eigenstates(spins, None))
    assert found["matvecs"] == found["sector_coherence"] == found["eigen_coherence"] == 0


def test_gap_ratio() -> None:
    """Reference: the levels of the middle sector of the dense H', ratio by ratio."""
    model = model_of(12.0, 5, dynamics="hilbert")
    disorder = disorder_of(model)
    gaps = np.diff(spins_of(disorder).levels[0][6:16])
    ratios = [min(one, two) / max(one, two) for one, two in itertools.pairwise(gaps)]
    assert model.evolve(disorder)["gap_ratio"] == pytest.approx(np.mean(ratios), rel=1e-10)
