"""Random pure states of N spins, uniform on the sphere (Haar), and the concurrence of their pairs (Appendix C).

|ψ> = Σ_s A_s |s> with independent complex normal A_s, normalized. Thermalization would end in such a state. The density
matrices of its pairs are so close to the identity that the average concurrence falls as exp(-a 2^(bN)).
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.entanglement import is_separable
from ensemble.physics.two_qubits import add_state, finish, make_room, new_batch

ComplexArray = NDArray[np.complex128]

BATCH_BYTES = 2**24
"""Memory for the states that are drawn together, in bytes. It does not change the results."""


def haar_states(rng: np.random.Generator, sites: int, count: int) -> ComplexArray:
    """Draw random pure states that are uniform on the sphere (Haar).

    Parameters
    ----------
    rng
        Random number generator.
    sites
        Number of spins N.
    count
        Number of states.

    Returns
    -------
    Normalized states, shape (count, 2**N). The first site is the most significant bit.

    Examples
    --------
    >>> import numpy as np
    >>> haar_states(np.random.default_rng(1), sites=3, count=5).shape
    (5, 8)
    """
    states = rng.standard_normal((count, 2**sites, 2)).view(np.complex128)[..., 0]
    norm = np.sqrt(np.sum(states.real**2 + states.imag**2, axis=1, keepdims=True))
    normalized: ComplexArray = states / norm
    return normalized


def pair_states(states: ComplexArray) -> ComplexArray:
    """Return the density matrices of all pairs of sites of pure states.

    Parameters
    ----------
    states
        Pure states, shape (count, 2**N) with N at least 2.

    Returns
    -------
    Density matrices, shape (count, N (N - 1) / 2, 4, 4), of the pairs (0, 1), (0, 2), ... (N - 2, N - 1).

    Raises
    ------
    ValueError
        If `states` has another shape.
    """
    n = _number_of_sites(states)
    rho = np.empty((len(states), n * (n - 1) // 2, 4, 4), dtype=np.complex128)
    _fill_pair_states(np.ascontiguousarray(states), n, rho)
    return rho


def pair_concurrences(states: ComplexArray) -> NDArray[np.float64]:
    """Return the concurrence of all pairs of sites of pure states, without storing the density matrices of the pairs.

    Parameters
    ----------
    states
        Pure states, shape (count, 2**N) with N at least 2.

    Returns
    -------
    Concurrences, shape (count, N (N - 1) / 2), of the pairs (0, 1), (0, 2), ... (N - 2, N - 1).

    Raises
    ------
    ValueError
        If `states` has another shape.
    """
    n = _number_of_sites(states)
    values = np.zeros((len(states), n * (n - 1) // 2))
    _fill_pair_concurrences(np.ascontiguousarray(states), n, values.reshape(-1))
    return values


def random_pair_concurrences(rng: np.random.Generator, sites: int, count: int) -> NDArray[np.float64]:
    """Return the concurrence of all pairs of sites of random states.

    Parameters
    ----------
    rng
        Random number generator.
    sites
        Number of spins N, at least 2.
    count
        Number of random states.

    Returns
    -------
    Concurrences, shape (count, N (N - 1) / 2).

    Notes
    -----
    States are drawn in batches of `BATCH_BYTES`, or one at a time if a state is larger.
    """
    batch = max(1, BATCH_BYTES // (16 * 2**sites))
    return np.concatenate(
        [
            pair_concurrences(haar_states(rng, sites, min(batch, count - start)))
            for start in range(0, max(count, 1), batch)
        ]
    )


def random_state_concurrence(rng: np.random.Generator, sites: int, count: int) -> NDArray[np.float64]:
    """Return the mean concurrence over all pairs, for each of `count` random states.

    Parameters
    ----------
    rng
        Random number generator.
    sites
        Number of spins N, at least 2.
    count
        Number of random states.

    Returns
    -------
    Mean concurrences, shape (count,).
    """
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
    """Fill `values`, which must be zero: all pairs of the first state, then of the next one."""
    rho, work = np.empty((4, 4), dtype=np.complex128), np.empty((4, 4), dtype=np.complex128)
    batch = new_batch(False)
    index = 0
    for s in range(states.shape[0]):
        for a in range(n):
            for b in range(a + 1, n):
                _fill_pair_state(states[s], n, a, b, rho)
                if not is_separable(rho, work):
                    make_room(batch, values)
                    add_state(rho, batch, index)
                index += 1
    finish(batch, values)


@compiled
def _fill_pair_state(psi: ComplexArray, n: int, a: int, b: int, rho: ComplexArray) -> None:
    """Fill ρ of the sites a < b in the basis ↑↑, ↑↓, ↓↑, ↓↓ (bit 0 is ↑): a sum over the bits of all other sites."""
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
