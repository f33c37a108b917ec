"""States uniform on the sphere of all pure states of N spins (Haar), and the concurrence of their pairs (Appendix C).

|ψ> = Σ_s A_s |s> with independent complex normal A_s, normalized. Such a state is what thermalization would end in:
its pairs are so close to the identity that the average concurrence falls like exp(-a 2^(bN)).
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.entanglement import is_separable
from ensemble.physics.two_qubits import add_state, finish, make_room, new_batch

ComplexArray = NDArray[np.complex128]

BATCH_BYTES = 2**24
"""Memory for states that are drawn together; it changes no bit."""


def haar_states(rng: np.random.Generator, sites: int, count: int) -> ComplexArray:
    """Draw `count` states of `sites` spins, (count, 2**sites), first site most significant."""
    states = rng.standard_normal((count, 2**sites, 2)).view(np.complex128)[..., 0]
    norm = np.sqrt(np.sum(states.real**2 + states.imag**2, axis=1, keepdims=True))
    normalized: ComplexArray = states / norm
    return normalized


def pair_states(states: ComplexArray) -> ComplexArray:
    """Density matrices (count, N (N - 1) / 2, 4, 4) of the pairs (0, 1), (0, 2), ... (N - 2, N - 1) of pure states."""
    n = _number_of_sites(states)
    rho = np.empty((len(states), n * (n - 1) // 2, 4, 4), dtype=np.complex128)
    _fill_pair_states(np.ascontiguousarray(states), n, rho)
    return rho


def pair_concurrences(states: ComplexArray) -> NDArray[np.float64]:
    """Concurrences (count, N (N - 1) / 2) of the same pairs, without keeping their density matrices."""
    n = _number_of_sites(states)
    values = np.zeros((len(states), n * (n - 1) // 2))
    _fill_pair_concurrences(np.ascontiguousarray(states), n, values.reshape(-1))
    return values


def random_pair_concurrences(rng: np.random.Generator, sites: int, count: int) -> NDArray[np.float64]:
    """Concurrences of all pairs of `count` random states, (count, N (N - 1) / 2); memory does not grow with 2**N."""
    batch = max(1, BATCH_BYTES // (16 * 2**sites))
    return np.concatenate(
        [
            pair_concurrences(haar_states(rng, sites, min(batch, count - start)))
            for start in range(0, max(count, 1), batch)
        ]
    )


def random_state_concurrence(rng: np.random.Generator, sites: int, count: int) -> NDArray[np.float64]:
    """The mean concurrence over all pairs of each of `count` random states, (count,)."""
    mean: NDArray[np.float64] = random_pair_concurrences(rng, sites, count).mean(axis=1)
    return mean


def _number_of_sites(states: ComplexArray) -> int:
    n = int(states.shape[-1]).bit_length() - 1
    if states.ndim != 2 or n < 2 or states.shape[1] != 2**n:
        raise ValueError(f"states must have shape (count, 2**N) with N at least 2, got {states.shape}")
    return n


@compiled
def _fill_pair_states(states: ComplexArray, n: int, rho: ComplexArray) -> None:
    for s in range(states.shape[0]):
        pair = 0
        for a in range(n):
            for b in range(a + 1, n):
                _fill_pair_state(states[s], n, a, b, rho[s, pair])
                pair += 1


@compiled
def _fill_pair_concurrences(states: ComplexArray, n: int, values: NDArray[np.float64]) -> None:
    """Fill values, zero before, for one pair of one state after the other."""
    rho, work = np.empty((4, 4), dtype=np.complex128), np.empty((4, 4), dtype=np.complex128)
    batch = new_batch(False)
    place = 0
    for s in range(states.shape[0]):
        for a in range(n):
            for b in range(a + 1, n):
                _fill_pair_state(states[s], n, a, b, rho)
                if not is_separable(rho, work):
                    make_room(batch, values)
                    add_state(rho, batch, place)
                place += 1
    finish(batch, values)


@compiled
def _fill_pair_state(psi: ComplexArray, n: int, a: int, b: int, rho: ComplexArray) -> None:
    """ρ of the sites a < b in the basis ↑↑, ↑↓, ↓↑, ↓↓ (bit 0 is ↑), a sum over the bits of all others."""
    of_a, of_b = 1 << (n - 1 - a), 1 << (n - 1 - b)
    shift = (0, of_b, of_a, of_a + of_b)
    rho[:] = 0.0
    for s in range(psi.size):
        if s & shift[3]:
            continue
        for i in range(4):
            for j in range(i + 1):
                rho[i, j] += psi[s + shift[i]] * psi[s + shift[j]].conjugate()
    for i in range(4):
        rho[i, i] = rho[i, i].real
        for j in range(i):
            rho[j, i] = rho[i, j].conjugate()
