"""Entanglement entropy of bubbles: reduced density matrices filled sector by sector, and their spectra by LAPACK.

    S_A(t) = -Σ p ln p,   p = eigenvalues of ρ_A(t), natural logarithm

`bubble_states` fills the 4^k elements in O(3^k N). The eigenvalues cost O(8^k), which is most of the computing time.
Sites without coherence divide ρ_A into blocks, and sites that have relaxed to a pure state leave only a corner of it.
So late times cost much less.
"""

import math
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.tls_glass.kernels.bubble_states import fill_states
from ensemble.models.tls_glass.kernels.dissipative_ising import IsingDisorder
from ensemble.models.tls_glass.kernels.sector_walk import blocks, distinct_bubbles, tables_of
from ensemble.models.tls_glass.kernels.site_solution import checked_sites, checked_times
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES
from ensemble.physics.entanglement import ENTROPY_FLOOR
from ensemble.physics.one_blas_thread import one_blas_thread

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

LARGEST_BUBBLE = 12
"""Largest bubble in sites; its density matrix takes 268 MB."""

MATRIX_BYTES = 2**25
"""Memory in bytes for the matrices of a block of times, unless one matrix is larger. It does not change the results."""


def bubble_entropy(disorder: IsingDisorder, bubbles: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0) -> Array:
    """Return the entanglement entropy S_A of bubbles.

    Parameters
    ----------
    disorder
        Couplings, rates and initial polar angles of N sites. Azimuths and frequencies are local and not used.
    bubbles
        Site numbers of B bubbles with k sites each, shape (B, k), as `nearest_bubbles` returns them.
    t
        Times, shape (T,).
    occupation
        Bose function of the bath, a number or one for each site. Default: 0.

    Returns
    -------
    S_A, shape (B, T), between 0 and k ln 2.

    Raises
    ------
    ValueError
        If a bubble has more than `LARGEST_BUBBLE` sites, or if an argument is not valid.

    Notes
    -----
    The absolute error of the spectrum is about 1e-15, for eigenvalues of any size. An eigenvalue of 0 or
    below counts as 0. The error of the entropy is below `ENTROPY_FLOOR`, apart from the rounding of a phase 4 J t at
    long times. LAPACK uses one thread, since more threads change the last bit; so may another version or processor.
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
    """Return memory for the matrices with a gap after each: at distances of powers of two they conflict in cache."""
    room = np.empty((count, side**2 + 12), dtype=np.complex128)
    return room[:, : side**2].reshape(count, side, side)


def _entropies(states: ComplexArray, pure: list[int], incoherent: list[int]) -> Array:
    """Return the entropies (T,) of density matrices.

    `pure` and `incoherent` are the numbers of sites at the start of the bubble that are pure or not coherent, at each
    time.
    """
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
    """Fill `entropy` (T,) with -Σ p ln p of each spectrum (T, 2^k)."""
    for i in range(entropy.size):
        total = 0.0
        for p in spectra[i]:
            if p > 0.0:
                total -= p * math.log(p)
        entropy[i] = total if total >= ENTROPY_FLOOR else 0.0
