"""A walk through the sectors of a bubble: the sites that carry S^±, and the phases of all other sites that follow.

A density matrix of k sites has 3^k sectors (F, s); s_i is +1 or -1 on F and 0 elsewhere, and opposite signs
belong to the adjoint. The walk visits F = {} and then every s whose first sign is +, (3^k - 1) / 2 of them. It works
like an odometer whose last digit turns fastest. The last site is the least damped one, so the walk ends when only sites
without coherence remain. Each flipped site turns the phases of all others by its own 4 s_i J_ij t, so a sector costs
one multiplication for each site and time. The phases of all sectors are products of the same numbers: they use the same
couplings to the last bit, and ρ stays positive at times where the rounding error of J t exceeds one period.

Rows end in `LANES` times, ascending, and loops over them become vector instructions. Fewer sectors are alive at later
times, so the loops end earlier. Cosines and sines are separate arrays within one array: if they alternated, the
compiler would assume that they overlap, and would not vectorise.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.tls_glass.kernels.pair_tables import fill_phases
from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, decay, multiply

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

NEGLIGIBLE = 1e-25
"""Smaller coherences and elements are left out: together they change ρ by less than its rounding error."""

_STEP = 8
"""Loops over times end at a multiple of this, so that no remainder is left for scalar instructions."""


class Tables(NamedTuple):
    """Tables that all bubbles share in one block of times."""

    wanted: int
    """Number of requested times, from 1 to `LANES`; after them the last time is repeated."""
    t: Array
    """The times, ascending, (LANES,)."""
    phase: Array
    """[:, i, j]: cos and sin of 4 J_ij t, or of a multiple that the caller chooses, (2, N, N, LANES)."""
    surviving: Array
    """exp(-4 Y_i t): the part of its ↓ population that a site without thermal phonons keeps, (N, LANES)."""
    coherence: Array
    """Off-diagonal element of a flipped site, damped, without its (local) azimuth; 0 if negligible, (N, LANES)."""


class Walk(NamedTuple):
    """Position of the walk, and stacks of arrays.

    Row m of a stack describes the first m sites of the bubble if the last of them is flipped; otherwise `row` has the
    row that describes them.
    """

    coupling: Array
    """J_ij, (N, N)."""
    pair: Array
    """The turns of the phases by each flipped site, `Tables.phase`."""
    damped: Array
    """`Tables.coherence`."""
    bubble: Numbers
    """The sites that can be flipped, (k,)."""
    followed: Numbers
    """The sites whose phases are computed."""
    signs: Numbers
    """s, in the order of the bubble, (k,)."""
    flipped: Numbers
    """s of every site, (N,)."""
    reach: Numbers
    """End of the loops over times in sectors whose first flipped site this is, (k,)."""
    row: Numbers
    """[m]: the row of the stacks that describes the first m sites, (k + 1,)."""
    lanes: Numbers
    """End of the loops over times, for each row, (k + 1,)."""
    field: Array
    """Θ_j, (k + 1, N)."""
    phase: Array
    """[m, :, j]: cos and sin of Θ_j t, or of its multiple, (k + 1, 2, N, LANES)."""
    coherence: Array
    """Product of the coherences of the flipped sites, (k + 1, LANES)."""


def distinct_bubbles(bubbles: ArrayLike, sites: Sites) -> tuple[Numbers, NDArray[np.intp]]:
    """Return the different sets of sites as rows, the most damped site first, and the row of each bubble of (B, k).

    Neighbours often have the same bubble, and the results do not depend on the order of its sites.
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


def blocks(times: Array, most: int) -> Iterator[tuple[NDArray[np.intp], Array]]:
    """Yield the times of each block, ascending, the last one repeated, after the indices of at most `most` times."""
    order = np.argsort(times, kind="stable")
    for start in range(0, len(times), most):
        where = order[start : start + most]
        yield where, times[np.pad(where, (0, LANES - len(where)), mode="edge")]


@compiled
def tables_of(sites: Sites, t: Array, wanted: int, multiple: Numbers) -> Tables:
    """Return the tables of one block of times; the phase angles at site j are multiplied by multiple[j], (N,)."""
    n = sites.rate.size
    tables = Tables(wanted, t, np.empty((2, n, n, LANES)), np.empty((n, LANES)), np.empty((n, LANES)))
    for i in range(n):
        start = math.sqrt(sites.up[i] * sites.down[i])
        damping = 2.0 * sites.rate[i] * (1.0 + 2.0 * sites.occupation[i])
        for k in range(LANES):
            tables.surviving[i, k] = decay(4.0 * sites.rate[i] * t[k])
            coherence = start * decay(damping * t[k])
            tables.coherence[i, k] = coherence if coherence >= NEGLIGIBLE else 0.0
        for j in range(n):
            fill_phases(4.0 * multiple[j] * sites.coupling[i, j], t, tables.phase[0, i, j], tables.phase[1, i, j])
    return tables


@compiled
def whole_steps(lanes: int) -> int:
    """Return the end of a loop over this number of times: the next multiple of `_STEP`."""
    return (lanes + _STEP - 1) // _STEP * _STEP


@compiled
def start_walk(sites: Sites, tables: Tables, bubble: Numbers, followed: Numbers) -> Walk:
    """Return a walk at F = {}."""
    k, n = bubble.size, tables.coherence.shape[0]
    walk = Walk(
        sites.coupling,
        tables.phase,
        tables.coherence,
        bubble,
        followed,
        np.zeros(k, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros(k, dtype=np.int64),
        np.zeros(k + 1, dtype=np.int64),
        np.full(k + 1, whole_steps(tables.wanted)),
        np.zeros((k + 1, n)),
        np.empty((k + 1, 2, n, LANES)),
        np.ones((k + 1, LANES)),
    )
    walk.phase[0, 0], walk.phase[0, 1] = 1.0, 0.0
    last = 0
    for m in range(k):
        for i in range(last, tables.wanted):
            if tables.coherence[bubble[m], i] > 0.0:
                last = i + 1
        walk.reach[m] = whole_steps(last)
    return walk


@compiled
def advance(walk: Walk) -> bool:
    """Go to the next sector; return False after the last one."""
    m = _next_signs(walk.signs, walk.reach, walk.row)
    if m < 0:
        return False
    before, new, site, sign = walk.row[m], m + 1, walk.bubble[m], walk.signs[m]
    for after in range(m, walk.signs.size):
        walk.flipped[walk.bubble[after]] = walk.signs[after]
        walk.row[after + 1] = new
    lanes = walk.reach[m] if before == 0 else walk.lanes[before]
    walk.lanes[new] = lanes
    for j in walk.followed:
        walk.field[new, j] = walk.field[before, j] + 4.0 * sign * walk.coupling[site, j]
    for i in range(lanes):
        walk.coherence[new, i] = walk.coherence[before, i] * walk.damped[site, i]
    _turn(walk.phase, before, new, walk.pair, site, float(sign), walk.followed, walk.flipped, lanes)
    return True


@compiled
def _next_signs(signs: Numbers, reach: Numbers, row: Numbers) -> int:
    """Turn 0 into +, + into -, and - into 0 with a carry; return the site that is flipped now, or -1 at the end.

    No site after it is flipped.
    """
    for m in range(signs.size - 1, -1, -1):
        if reach[m] == 0:
            return -1
        # a sector with the leading sign - is the adjoint of one that is visited
        if signs[m] == 0 or (signs[m] == 1 and row[m] > 0):
            signs[m] = 1 if signs[m] == 0 else -1
            return m
        signs[m] = 0
    return -1


@compiled
def _turn(
    phase: Array,
    before: int,
    new: int,
    pair: Array,
    site: int,
    sign: float,
    followed: Numbers,
    flipped: Numbers,
    lanes: int,
) -> None:
    """Fill a row of phases: those of the row before, turned by a site."""
    for j in followed:
        if flipped[j] == 0:
            for i in range(lanes):
                phase[new, 0, j, i], phase[new, 1, j, i] = multiply(
                    phase[before, 0, j, i], phase[before, 1, j, i], pair[0, site, j, i], sign * pair[1, site, j, i]
                )
