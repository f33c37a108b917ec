"""Entanglement entropy of bubbles: reduced density matrices filled sector by sector, their spectra by LAPACK.

    S_A(t) = -Σ p ln p,   p = eigenvalues of ρ_A(t), natural logarithm

An element of ρ_A in the sector (F, s) is the product of the coherences of F, of the traces of all sites outside the
bubble, and of the population ↑ or ↓ of every other site of the bubble: so a sector holds 2^(k - |F|) elements, and
filling the 4^k elements costs O(3^k N). The eigenvalues, O(8^k), are where the time goes for k = 8 and beyond.
Sites that dissipation has robbed of their coherence divide ρ_A into blocks, and late times cost much less.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.dissipative_ising import IsingDisorder
from ensemble.physics.one_blas_thread import one_blas_thread
from ensemble.physics.sector_walk import (
    NEGLIGIBLE,
    Numbers,
    Tables,
    Walk,
    advance,
    distinct_bubbles,
    first_coherent,
    start_walk,
    tables_of,
)
from ensemble.physics.site_solution import (
    Sites,
    checked_sites,
    checked_times,
    cold_elements,
    cold_jump,
    thermal_elements,
    thermal_weights,
)

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

ENTROPY_FLOOR = 1e-12
"""An entropy below this is rounding, and returned as exactly 0."""

LARGEST_BUBBLE = 12
"""Sites of a bubble whose matrix, 268 MB, still has a place in memory."""

BLOCK = 64
"""Times that are worked on together; fewer where their matrices would take more than `MATRIX_BYTES`."""

MATRIX_BYTES = 2**25
"""Memory for the matrices of a block, unless a single one is larger; neither changes a bit."""


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
    block = max(1, min(BLOCK, MATRIX_BYTES // (16 * 4**k), len(times)))
    states = np.empty((block, 2**k, 2**k), dtype=np.complex128)
    entropy = np.empty((len(different), len(times)))
    with one_blas_thread:
        for start in range(0, len(times), block):
            tables = tables_of(sites, times[start : start + block])
            for bubble, values in zip(different, entropy[:, start : start + block], strict=True):
                rho = states[: len(values)]
                _fill_states(sites, tables, bubble, rho)
                _fill_entropies(_spectra(rho, tables, bubble), values)
    return entropy[place]


def _spectra(rho: ComplexArray, tables: Tables, bubble: Numbers) -> Array:
    """The eigenvalues (T, 2^k) of ρ_A, block by block where the first sites of the bubble are not coherent."""
    first = _first_coherent_of_each(tables, bubble)
    spectra = np.empty(rho.shape[:2])
    for m in np.unique(first):
        blocks, size = 2**m, rho.shape[1] // 2**m
        at = first == m
        split = (rho if at.all() else rho[at]).reshape(-1, blocks, size, blocks, size)
        spectra[at] = np.linalg.eigvalsh(np.einsum("tbibj->tbij", split), UPLO="L").reshape(-1, rho.shape[1])
    return spectra


@compiled
def _first_coherent_of_each(tables: Tables, bubble: Numbers) -> Numbers:
    first = np.empty(tables.t.size, dtype=np.int64)
    for i in range(first.size):
        first[i] = first_coherent(tables.coherence[:, i : i + 1], bubble)
    return first


@compiled
def _fill_entropies(spectra: Array, entropy: Array) -> None:
    """-Σ p ln p of each spectrum (T, 2^k) into entropy (T,)."""
    for i in range(entropy.size):
        total = 0.0
        for p in spectra[i]:
            if p > 0.0:
                total -= p * math.log(p)
        entropy[i] = total if total >= ENTROPY_FLOOR else 0.0


@compiled
def _fill_states(sites: Sites, tables: Tables, bubble: Numbers, rho: ComplexArray) -> None:
    """Fill the diagonal and what is not negligible below it of ρ_A (T, 2^k, 2^k), first site most significant, ↑ first.

    Elements that underflow, and numbers next to them, would make LAPACK five times slower: they are set to 0.
    """
    k, steps = bubble.size, tables.t.size
    walk = start_walk(tables, bubble)
    common = np.empty(steps, dtype=np.complex128)
    kept = np.empty((k, 2, steps), dtype=np.complex128)
    work = np.empty((2, steps), dtype=np.complex128)
    values = np.empty(2**k, dtype=np.complex128)
    places = np.zeros(2**k, dtype=np.int64)
    outside = np.ones(sites.rate.size, dtype=np.bool_)
    outside[bubble] = False
    while True:
        _multiply_traces(sites, tables, walk, outside, common, work)
        row, column, unflipped = 0, 0, 0
        for m in range(k):
            bit = 1 << (k - 1 - m)
            if walk.signs[m] > 0:
                column += bit
            elif walk.signs[m] < 0:
                row += bit
            else:
                _fill_elements(sites, tables, walk, bubble[m], kept[unflipped])
                for e in range(1 << unflipped):
                    places[e + (1 << unflipped)] = places[e] + bit
                unflipped += 1
        for i in range(steps):
            values[0] = common[i]
            for m in range(unflipped):
                _split(values, 1 << m, kept[m, 0, i], kept[m, 1, i])
            for e in range(1 << unflipped):
                # the first flipped site has s = +1: column > row, and the adjoint is below the diagonal
                tiny = abs(values[e].real) + abs(values[e].imag) < NEGLIGIBLE
                rho[i, column + places[e], row + places[e]] = 0.0j if tiny else values[e].conjugate()
        if not advance(walk, sites, tables):
            return


@compiled
def _split(values: ComplexArray, size: int, up: complex, down: complex) -> None:
    """Each of the first `size` values times `up`, and after them each times `down`."""
    for e in range(size):
        values[e + size] = values[e] * down
        values[e] *= up


@compiled
def _multiply_traces(
    sites: Sites, tables: Tables, walk: Walk, outside: NDArray[np.bool_], common: ComplexArray, work: ComplexArray
) -> None:
    """Coherences of flipped sites times the traces of all sites outside the bubble, into common (T,)."""
    top = walk.row[-1]
    for i in range(common.size):
        common[i] = walk.coherence[top, i]
    for j in range(sites.rate.size):
        if outside[j]:
            _fill_elements(sites, tables, walk, j, work)
            for i in range(common.size):
                common[i] *= work[0, i] + work[1, i]


@compiled
def _fill_elements(sites: Sites, tables: Tables, walk: Walk, j: int, elements: ComplexArray) -> None:
    """The elements ↑↑ and ↓↓ of site j in the sector of the walk, into elements (2, T)."""
    top = walk.row[-1]
    u, d, field, phase = sites.up[j], sites.down[j], walk.field[top, j], walk.phase[top, j]
    if sites.occupation[j] == 0.0:
        jump = cold_jump(sites.rate[j], d, field)
        for i in range(phase.size):
            elements[0, i], elements[1, i] = cold_elements(phase[i], u, d, jump, tables.surviving[j, i])
    else:
        weights = thermal_weights(sites.rate[j], sites.occupation[j], u, d, field)
        for i in range(phase.size):
            elements[0, i], elements[1, i] = thermal_elements(phase[i], u, d, weights, tables.t[i])
