"""Entanglement entropy of bubbles: reduced density matrices filled sector by sector, their spectra by LAPACK.

    S_A(t) = -Σ p ln p,   p = eigenvalues of ρ_A(t), natural logarithm

`bubble_states` fills the 4^k elements in O(3^k N). The eigenvalues, O(8^k), are where the time goes.
Sites that dissipation has robbed of their coherence divide ρ_A into blocks, sites that have relaxed to a pure state
leave only a corner of it, and late times cost much less.
"""

import math
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.bubble_states import fill_states
from ensemble.physics.compiled import compiled
from ensemble.physics.dissipative_ising import IsingDisorder
from ensemble.physics.elementary import LANES
from ensemble.physics.one_blas_thread import one_blas_thread
from ensemble.physics.sector_walk import blocks, distinct_bubbles, tables_of
from ensemble.physics.site_solution import checked_sites, checked_times

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

ENTROPY_FLOOR = 1e-12
"""An entropy below this is rounding, and returned as exactly 0."""

LARGEST_BUBBLE = 12
"""Sites of a bubble whose matrix, 268 MB, still has a place in memory."""

MATRIX_BYTES = 2**25
"""Memory for the matrices of a block of times, unless a single one is larger; it changes no bit."""


def bubble_entropy(disorder: IsingDisorder, bubbles: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0) -> Array:
    """S_A of each bubble A at the times `t`, shape (B, T), between 0 and k ln 2.

    `bubbles` (B, k) are site numbers as `nearest_bubbles` returns them; `occupation` is the Bose function of the
    bath, a number or one for each site. Azimuths and frequencies of the disorder are local and do not enter.

    The spectrum is exact to about 1e-15, whatever an eigenvalue's size. One of 0 or below counts as 0, and the
    entropy is exact to better than `ENTROPY_FLOOR`, apart from the rounding of a phase 4 J t at long times.
    LAPACK works on one thread, since more of them change the last bit; so may another version or processor.
    """
    sites = checked_sites(disorder.coupling, disorder.rate, disorder.theta, occupation)
    times = checked_times(t)
    different, place = distinct_bubbles(bubbles, sites)
    k = different.shape[1]
    if k > LARGEST_BUBBLE:
        raise ValueError(f"a bubble must have at most {LARGEST_BUBBLE} sites, got {k}: its purity needs no matrix")
    most = max(1, min(LANES, MATRIX_BYTES // (16 * 4**k), len(times)))
    states = _matrices(most, 2**k)
    entropy = np.empty((len(different), len(times)))
    once = np.ones(len(sites.rate), dtype=np.int64)
    with one_blas_thread:
        for where, t_block in blocks(times, most):
            tables = tables_of(sites, t_block, len(where), once)
            for number, bubble in enumerate(different):
                pure, incoherent = fill_states(sites, tables, bubble, states)
                entropy[number, where] = _entropies(states, pure.tolist(), incoherent.tolist())
    return entropy[place]


def _matrices(count: int, side: int) -> ComplexArray:
    """Room for so many matrices, with a gap after each: powers of two apart, they would displace one another."""
    room = np.empty((count, side**2 + 12), dtype=np.complex128)
    return room[:, : side**2].reshape(count, side, side)


def _entropies(states: ComplexArray, pure: list[int], incoherent: list[int]) -> Array:
    """The entropies (T,) of states of whose sites so many, at the start of the bubble, are pure or not coherent."""
    values, side = np.empty(len(pure)), states.shape[1]
    for (corner, division), lanes in groupby(range(len(pure)), lambda i: (pure[i], incoherent[i])):
        first, *others = lanes
        count, number, size = 1 + len(others), 2 ** (division - corner), side >> division
        rho = states[first : first + count].reshape(count, 2**corner, number, size, 2**corner, number, size)
        split = np.einsum("tbibj->tbij", rho[:, 0, :, :, 0])
        spectra = np.linalg.eigvalsh(split, UPLO="L") if size > 1 else split.real
        _fill_entropies(spectra.reshape(count, -1), values[first : first + count])
    return values


@compiled
def _fill_entropies(spectra: Array, entropy: Array) -> None:
    """-Σ p ln p of each spectrum (T, 2^k) into entropy (T,)."""
    for i in range(entropy.size):
        total = 0.0
        for p in spectra[i]:
            if p > 0.0:
                total -= p * math.log(p)
        entropy[i] = total if total >= ENTROPY_FLOOR else 0.0
