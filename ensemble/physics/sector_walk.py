"""A walk through the sectors of a bubble: which of its sites carry S^±, and the phases that this gives all others.

A density matrix of k sites has 3^k sectors (F, s); s_i is +1 or -1 on F and 0 elsewhere, and opposite signs
belong to the adjoint. The walk visits F = {} and then every s whose first sign is +, (3^k - 1) / 2 of them, like an
odometer that turns its last site fastest: the least damped one, so that it ends when only sites are left to turn
that have lost their coherence. Each site that is flipped multiplies the phases of all others by its own
exp(∓4i J_ij t), so a sector costs one multiplication for each site and time, and the phases of all sectors are
products of the same numbers: they belong to the same couplings to the last bit, and ρ stays positive at times where
J t itself is rounded by more than one period.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.site_solution import Sites

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Numbers = NDArray[np.int64]

NEGLIGIBLE = 1e-25
"""Coherences and elements below this are left out: with all of them ρ differs by less than its rounding."""


class Tables(NamedTuple):
    """What all bubbles share in one block of times."""

    t: Array
    """The times, (T,)."""
    phase: ComplexArray
    """[i, j]: exp(-4i J_ij t), (N, N, T)."""
    surviving: Array
    """exp(-4 Y_i t), (N, T): what a site without thermal phonons keeps of its ↓ population."""
    coherence: Array
    """Off-diagonal element of a flipped site, damped, without its azimuth, which is local, (N, T)."""


class Walk(NamedTuple):
    """Where the walk is. Row m of a stack holds what the first m sites of the bubble do, unless they do nothing new."""

    bubble: Numbers
    """The sites, (k,)."""
    first: int
    """Sites of the bubble before this one have lost their coherence at all times, and are not flipped."""
    signs: Numbers
    """s, in the order of the bubble, (k,)."""
    row: Numbers
    """[m]: the row of the stacks that describes the first m sites, (k + 1,)."""
    field: Array
    """Θ_j, (k + 1, N)."""
    phase: ComplexArray
    """exp(-i Θ_j t), (k + 1, N, T)."""
    coherence: Array
    """Product of the coherences of the flipped sites, (k + 1, T)."""


def distinct_bubbles(bubbles: ArrayLike, sites: Sites) -> tuple[Numbers, NDArray[np.intp]]:
    """Different sets of sites as rows, the most damped site first, and for each bubble of (B, k) its row.

    Neighbours often have the same bubble, and the order of its sites changes nothing that is computed here.
    """
    numbers, n = np.asarray(bubbles), len(sites.rate)
    if numbers.ndim != 2 or numbers.shape[1] == 0 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(
            f"bubbles must be an array (B, k) of site numbers with k at least 1, "
            f"got shape {numbers.shape} of {numbers.dtype}"
        )
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < n:
        raise ValueError(f"bubbles must hold site numbers from 0 to {n - 1}, got {numbers.min()} to {numbers.max()}")
    order = np.argsort(-sites.rate * (1.0 + 2.0 * sites.occupation), kind="stable")
    ranks = np.sort(np.argsort(order)[numbers], axis=1)
    if np.any(ranks[:, 1:] == ranks[:, :-1]):
        raise ValueError("the sites of a bubble must be different, got one of them twice")
    different, place = np.unique(ranks, axis=0, return_inverse=True)
    return np.ascontiguousarray(order[different], dtype=np.int64), place.reshape(-1)


@compiled
def tables_of(sites: Sites, t: Array) -> Tables:
    """The tables of one block of times."""
    n = sites.rate.size
    tables = Tables(t, np.empty((n, n, t.size), dtype=np.complex128), np.empty((n, t.size)), np.empty((n, t.size)))
    for i in range(n):
        start = math.sqrt(sites.up[i] * sites.down[i])
        damping = 2.0 * sites.rate[i] * (1.0 + 2.0 * sites.occupation[i])
        for k in range(t.size):
            tables.surviving[i, k] = math.exp(-4.0 * sites.rate[i] * t[k])
            tables.coherence[i, k] = start * math.exp(-damping * t[k])
            for j in range(n):
                angle = 4.0 * sites.coupling[i, j] * t[k]
                tables.phase[i, j, k] = complex(math.cos(angle), -math.sin(angle))
    return tables


@compiled
def first_coherent(coherence: Array, bubble: Numbers) -> int:
    """The first site of the bubble with a coherence (N, T) that is not negligible, or k if there is none.

    ρ is block-diagonal in the sites before it.
    """
    for m in range(bubble.size):
        if np.any(coherence[bubble[m]] >= NEGLIGIBLE):
            return m
    return bubble.size


@compiled
def start_walk(tables: Tables, bubble: Numbers) -> Walk:
    """A walk that stands at F = {}."""
    k, n, steps = bubble.size, tables.coherence.shape[0], tables.t.size
    return Walk(
        bubble,
        first_coherent(tables.coherence, bubble),
        np.zeros(k, dtype=np.int64),
        np.zeros(k + 1, dtype=np.int64),
        np.zeros((k + 1, n)),
        np.ones((k + 1, n, steps), dtype=np.complex128),
        np.ones((k + 1, steps)),
    )


@compiled
def advance(walk: Walk, sites: Sites, tables: Tables) -> bool:
    """Go to the next sector; False after the last."""
    changed = _next_signs(walk.signs, walk.first)
    if changed < 0:
        return False
    for m in range(changed, walk.signs.size):
        walk.row[m + 1] = walk.row[m]
        if walk.signs[m] != 0:
            walk.row[m + 1] = m + 1
            _flip(walk, sites, tables, m)
    return True


@compiled
def _next_signs(signs: Numbers, first: int) -> int:
    """Turn 0 into +, + into -, and - into 0 with a carry; the first site that has changed, or -1 at the end."""
    for m in range(signs.size - 1, first - 1, -1):
        if signs[m] == 0:
            signs[m] = 1
            return m
        if signs[m] == 1:
            for before in range(first, m):
                if signs[before] != 0:  # a sector with the leading sign - is the adjoint of one that is visited
                    signs[m] = -1
                    return m
        signs[m] = 0
    return -1


@compiled
def _flip(walk: Walk, sites: Sites, tables: Tables, m: int) -> None:
    """Fill row m + 1 of the stacks: the m-th site of the bubble is flipped on top of those before it."""
    site, sign, before = walk.bubble[m], walk.signs[m], walk.row[m]
    for j in range(sites.rate.size):
        if j == site:
            continue
        walk.field[m + 1, j] = walk.field[before, j] + 4.0 * sign * sites.coupling[site, j]
        old, factor, new = walk.phase[before, j], tables.phase[site, j], walk.phase[m + 1, j]
        if sign > 0:
            for k in range(tables.t.size):
                new[k] = old[k] * factor[k]
        else:
            for k in range(tables.t.size):
                new[k] = old[k] * factor[k].conjugate()
    for k in range(tables.t.size):
        walk.coherence[m + 1, k] = walk.coherence[before, k] * tables.coherence[site, k]
