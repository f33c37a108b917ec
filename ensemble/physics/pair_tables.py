"""What all pairs of one realization share at a block of times: phases, populations, and single flips.

For a pair (a, b) the sectors {a+}, {b+}, {a+, b+} and {a+, b-} suffice: the rest are populations and complex
conjugates. Single flips use products over all sites but a and b, taken from the products before and after b.
Azimuthal angles and frequencies are local and do not enter. `dissipative_ising.site_factors` derives the solution
of a site, (c0 + cz, c0 - cz) = (up, down), in a sector with the field Θ; here it is written with real numbers:

    no rate        up = u e^{-iΘt},                               down = d e^{iΘt}
    T = 0          up = u e^{-iΘt} + j (e^{-iΘt} - S e^{iΘt}),    down = d S e^{iΘt},   S = e^{-4Yt},
                   j = d 2Y / (2Y - iΘ), the weight of those that have jumped
    T > 0          `warm_site`

Arrays end in the times of a block, `LANES` of them, padded if need be: every loop over them becomes vector
instructions, and each time has the same bits in whatever block it lies. A block takes 3 kB N².
"""

import math
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import HUGE, LANES, any_cosine_sine, cosine_sine, decay, multiply
from ensemble.physics.site_solution import Sites
from ensemble.physics.warm_site import warm_elements

Array = NDArray[np.float64]

STILL, COLD, WARM = 0, 1, 2
"""What becomes of a site: it keeps its populations, it only falls, it falls and rises."""

_WARM_FROM = 1e-30
"""Phonons in a mode below which their absorption, 4 f Y t, changes nothing to double precision for Y t up to 1e12."""
_NOTHING = 1e-60
"""A product of populations below which no concurrence could be told from zero."""


class Tables(NamedTuple):
    """What all pairs share in one block of times, T of them."""

    t: Array
    """The times, ascending, (T,)."""
    cosine: Array
    """cos 4 J_ij t, (N, N, T)."""
    sine: Array
    """sin 4 J_ij t, (N, N, T)."""
    surviving: Array
    """S = exp(-4 Y_i t) and 1 - S, (N, 2, T): what a cold site keeps and has lost of its ↓ population."""
    population: Array
    """Populations of ↑ and ↓, (N, 2, T)."""
    coherence: Array
    """Off-diagonal element of a flipped site, real and damped, (N, T)."""
    weight: Array
    """Square root of the product of a site's populations, the most that its coherence can be, (N, T)."""
    single: Array
    """[a, b]: elements where a is flipped and b kept, without a's coherence: Re ↑, Im ↑, Re ↓, Im ↓, (N, N, 4, T)."""
    alone: Array
    """The same where all but a are traced out: real, imaginary, (N, 2, T)."""


def blocks(times: Array) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Where the times of each block are, and the block itself: ascending, the last time repeated to fill it."""
    order = np.argsort(times, kind="stable")
    for start in range(0, len(times), LANES):
        lanes = order[np.minimum(np.arange(start, start + LANES), len(times) - 1)]
        yield lanes[: len(times) - start], times[lanes]


@compiled
def kind(sites: Sites, i: int) -> int:
    """STILL, COLD or WARM."""
    if sites.rate[i] == 0.0:
        return STILL
    return WARM if sites.occupation[i] > _WARM_FROM else COLD


def tables_for(n: int) -> Tables:
    """Tables for n sites, the same ones whenever this thread asks again.

    Their memory is kept for the next realization: fresh pages from the system would cost a tenth of the time.
    """
    if getattr(_kept, "n", None) != n:
        _kept.n, _kept.tables = n, _new_tables(n)
    tables: Tables = _kept.tables
    return tables


_kept = threading.local()


def _new_tables(n: int) -> Tables:
    return Tables(
        t=np.empty(LANES),
        cosine=np.ones((n, n, LANES)),
        sine=np.zeros((n, n, LANES)),
        surviving=np.empty((n, 2, LANES)),
        population=np.empty((n, 2, LANES)),
        coherence=np.empty((n, LANES)),
        weight=np.empty((n, LANES)),
        single=np.empty((n, n, 4, LANES)),
        alone=np.empty((n, 2, LANES)),
    )


@compiled
def fill_tables(sites: Sites, t: Array, flipped: NDArray[np.bool_], tables: Tables) -> None:
    """Fill tables for pairs of `flipped` sites at the times `t`; the diagonals of cosine and sine stay 1 and 0."""
    n = sites.rate.size
    tables.t[:] = t
    tables.alone[:, 0] = 1.0
    tables.alone[:, 1] = 0.0
    unmoved = np.zeros((2, t.size))
    unmoved[0] = 1.0
    elements = np.empty((4, t.size))
    for i in range(n):
        _fill_site(sites, tables, i)
        fill_elements(sites, tables, i, 0.0, unmoved[0], unmoved[1], elements)
        for k in range(t.size):
            tables.population[i, 0, k] = elements[0, k]
            tables.population[i, 1, k] = elements[2, k]
            product = elements[0, k] * elements[2, k]
            tables.weight[i, k] = math.sqrt(product) if product > _NOTHING else 0.0
        for j in range(i + 1, n):
            fill_phases(4.0 * sites.coupling[i, j], t, tables.cosine[i, j], tables.sine[i, j])
            tables.cosine[j, i] = tables.cosine[i, j]
            tables.sine[j, i] = tables.sine[i, j]
    for a in range(n):
        if flipped[a]:
            _fill_single_flips(sites, tables, a)


@compiled
def _fill_site(sites: Sites, tables: Tables, i: int) -> None:
    start = math.sqrt(sites.up[i] * sites.down[i])
    damping = 2.0 * sites.rate[i] * (1.0 + 2.0 * sites.occupation[i])
    for k in range(tables.t.size):
        tables.coherence[i, k] = start * decay(damping * tables.t[k])
        tables.surviving[i, 0, k] = decay(4.0 * sites.rate[i] * tables.t[k])
        tables.surviving[i, 1, k] = -math.expm1(-4.0 * sites.rate[i] * tables.t[k])


@compiled
def fill_phases(frequency: float, t: Array, cosine: Array, sine: Array) -> None:
    """cos and sin of frequency t; the last of the times is the largest."""
    if abs(frequency) * t[-1] < HUGE:
        for k in range(t.size):
            cosine[k], sine[k] = cosine_sine(frequency * t[k])
    else:
        for k in range(t.size):
            cosine[k], sine[k] = any_cosine_sine(frequency * t[k])


@compiled
def _fill_single_flips(sites: Sites, tables: Tables, a: int) -> None:
    """Fill single[a]: for each b its own elements times the traces of all others, never by division."""
    n, single = sites.rate.size, tables.single[a]
    traces = np.empty((n, 2, tables.t.size))
    for b in range(n):
        if b != a:
            fill_elements(
                sites, tables, b, 4.0 * sites.coupling[a, b], tables.cosine[a, b], tables.sine[a, b], single[b]
            )
            for k in range(tables.t.size):
                traces[b, 0, k] = single[b, 0, k] + single[b, 2, k]
                traces[b, 1, k] = single[b, 1, k] + single[b, 3, k]
    before = tables.alone[a]
    after = np.zeros((2, tables.t.size))
    after[0] = 1.0
    for b in range(n):
        if b != a:
            _multiply_rows(before, single[b])
            _multiply_row(traces[b], before)
    for b in range(n - 1, -1, -1):
        if b != a:
            _multiply_rows(after, single[b])
            _multiply_row(traces[b], after)


@compiled
def _multiply_rows(factor: Array, elements: Array) -> None:
    """Multiply both elements (4, T) by a factor (2, T)."""
    for k in range(factor.shape[1]):
        elements[0, k], elements[1, k] = multiply(factor[0, k], factor[1, k], elements[0, k], elements[1, k])
        elements[2, k], elements[3, k] = multiply(factor[0, k], factor[1, k], elements[2, k], elements[3, k])


@compiled
def _multiply_row(factor: Array, product: Array) -> None:
    """Multiply a product (2, T) by a factor (2, T)."""
    for k in range(factor.shape[1]):
        product[0, k], product[1, k] = multiply(factor[0, k], factor[1, k], product[0, k], product[1, k])


@compiled
def fill_elements(
    sites: Sites, tables: Tables, j: int, field: float, cosine: Array, sine: Array, elements: Array
) -> None:
    """↑ and ↓ of site j, (4, T), in a sector with this field, of whose phase cosine and sine are given, (T,)."""
    u, d, form = sites.up[j], sites.down[j], kind(sites, j)
    if form == WARM:
        phase, scratch, rows = np.empty(2 * LANES), np.empty(4 * LANES), np.empty(4 * LANES)
        phase[:LANES], phase[LANES:] = cosine, sine
        warm_elements(sites.rate[j], sites.occupation[j], u, d, field, tables.t, phase, scratch, rows)
        elements[:] = rows.reshape((4, LANES))
    elif form == COLD:
        jump_real, jump_imaginary = jump(sites.rate[j], d, field)
        for k in range(tables.t.size):
            c, s, kept, lost = cosine[k], sine[k], tables.surviving[j, 0, k], tables.surviving[j, 1, k]
            moved_real, moved_imaginary = multiply(jump_real, jump_imaginary, c * lost, -s * (1.0 + kept))
            elements[0, k] = u * c + moved_real
            elements[1, k] = -u * s + moved_imaginary
            elements[2, k] = d * (c * kept)
            elements[3, k] = d * (s * kept)
    else:
        for k in range(tables.t.size):
            elements[0, k], elements[1, k] = u * cosine[k], -u * sine[k]
            elements[2, k], elements[3, k] = d * cosine[k], d * sine[k]


@compiled
def jump(rate: float, d: float, field: float) -> tuple[float, float]:
    """d 2Y / (2Y - iΘ), real and imaginary: the weight of ↓ sites that have jumped to ↑."""
    ratio = field / (2.0 * rate)
    real = d / (1.0 + ratio * ratio)
    return (real, real * ratio) if abs(ratio) < 1e150 else (0.0, 0.0)
