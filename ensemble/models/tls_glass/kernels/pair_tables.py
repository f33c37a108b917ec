"""Tables that all pairs of one realization share at a block of times: phases, populations, and single flips.

For a pair (a, b) the sectors {a+}, {b+}, {a+, b+} and {a+, b-} suffice: the rest are populations and complex
conjugates. Single flips need products over all sites but a and b; they are products of the sites before and after b.
Azimuthal angles and frequencies are local and not used. `dissipative_ising.site_factors` derives the solution of a
site, (c0 + cz, c0 - cz) = (up, down), in a sector with the field Θ; here it is written with real numbers:

    no rate        up = u e^{-iΘt},                               down = d e^{iΘt}
    T = 0          up = u e^{-iΘt} + j (e^{-iΘt} - S e^{iΘt}),    down = d S e^{iΘt},   S = e^{-4Yt},
                   j = d 2Y / (2Y - iΘ), the weight of the systems that have jumped
    T > 0          `warm_site`

The last dimension of the arrays is the times of a block, `LANES` of them, padded if necessary. So every loop over it
becomes vector instructions, and the bits of a time do not depend on its block. A block takes 5 kB N².
"""

import math
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.models.tls_glass.kernels.warm_site import warm_elements
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import HUGE, LANES, any_cosine_sine, cosine_sine, decay, multiply

Array = NDArray[np.float64]

STILL, COLD, WARM = 0, 1, 2
"""The three kinds of sites: populations are constant; the site only falls; it falls and rises."""

_WARM_FROM = 1e-30
"""Smallest phonon number of a warm site: below it absorption, 4 f Y t, is lost in rounding for Y t up to 1e12."""
_NOTHING = 1e-60
"""Smallest product of populations for which a concurrence can be distinguished from zero."""


class Tables(NamedTuple):
    """Tables that all pairs share in one block of T times."""

    t: Array
    """The times, ascending, (T,)."""
    cosine: Array
    """cos 4 J_ij t, (N, N, T)."""
    sine: Array
    """sin 4 J_ij t, (N, N, T)."""
    surviving: Array
    """S = exp(-4 Y_i t) and 1 - S, (N, 2, T): the parts of its ↓ population that a cold site keeps and has lost."""
    population: Array
    """Populations of ↑ and ↓, (N, 2, T)."""
    coherence: Array
    """Off-diagonal element of a flipped site, real and damped, (N, T)."""
    weight: Array
    """Square root of the product of a site's populations, the upper limit of its coherence, (N, T)."""
    single: Array
    """[a, b]: elements where a is flipped and b kept, without a's coherence: Re ↑, Im ↑, Re ↓, Im ↓, (N, N, 4 T)."""
    alone: Array
    """The same with all sites but a traced out: real, imaginary, (N, 2 T)."""


def blocks(times: Array) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Yield the times of each block, ascending, the last one repeated to fill it, after the indices of its times."""
    order = np.argsort(times, kind="stable")
    for start in range(0, len(times), LANES):
        lanes = order[np.minimum(np.arange(start, start + LANES), len(times) - 1)]
        yield lanes[: len(times) - start], times[lanes]


@compiled
def kind(sites: Sites, i: int) -> int:
    """Return STILL, COLD or WARM."""
    if sites.rate[i] == 0.0:
        return STILL
    return WARM if sites.occupation[i] > _WARM_FROM else COLD


def tables_for(n: int) -> Tables:
    """Return tables for n sites, the same arrays for every call from this thread.

    Their memory is kept for the next realization: fresh memory from the system would cost a tenth of the time.
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
        single=np.empty((n, n, 4 * LANES)),
        alone=np.empty((n, 2 * LANES)),
    )


@compiled
def fill_tables(sites: Sites, t: Array, flipped: NDArray[np.bool_], tables: Tables) -> None:
    """Fill tables for pairs of `flipped` sites at the times `t`; the diagonals of cosine and sine stay 1 and 0."""
    n = sites.rate.size
    tables.t[:] = t
    tables.alone[:, :LANES] = 1.0
    tables.alone[:, LANES:] = 0.0
    still, moved = np.ones((1, t.size)), np.zeros((1, t.size))
    elements = np.empty((1, 4 * LANES))
    for i in range(n):
        _fill_site(sites, tables, i)
        fill_elements(sites, tables, i, 0.0, still, moved, elements, 0)
        for k in range(t.size):
            tables.population[i, 0, k] = elements[0, k]
            tables.population[i, 1, k] = elements[0, 2 * LANES + k]
            product = elements[0, k] * elements[0, 2 * LANES + k]
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
    """Fill cos and sin of frequency t; the last of the times is the largest."""
    if abs(frequency) * t[-1] < HUGE:
        for k in range(t.size):
            cosine[k], sine[k] = cosine_sine(frequency * t[k])
    else:
        for k in range(t.size):
            cosine[k], sine[k] = any_cosine_sine(frequency * t[k])


@compiled
def _fill_single_flips(sites: Sites, tables: Tables, a: int) -> None:
    """Fill single[a]: for each b its own elements times the traces of all others, without division."""
    n, single = sites.rate.size, tables.single[a]
    cosine, sine, product = tables.cosine[a], tables.sine[a], tables.alone[a]
    for b in range(n):
        if b != a:
            fill_elements(sites, tables, b, 4.0 * sites.coupling[a, b], cosine, sine, single, b)
    traces = np.empty((n, 2 * LANES))
    for b in range(n):
        if b != a:
            _multiply_on(product, single, b, traces)
    product = np.zeros(2 * LANES)
    product[:LANES] = 1.0
    for b in range(n - 1, -1, -1):
        if b != a:
            _multiply_again(product, single, b, traces)


@compiled
def _multiply_on(product: Array, single: Array, b: int, traces: Array) -> None:
    """Multiply the elements of b by the product (2 T,) of all traces before it, then the product by the trace of b."""
    for k in range(LANES):
        real, imaginary = product[k], product[LANES + k]
        up, up_imaginary = single[b, k], single[b, LANES + k]
        down, down_imaginary = single[b, 2 * LANES + k], single[b, 3 * LANES + k]
        trace, trace_imaginary = up + down, up_imaginary + down_imaginary
        traces[b, k], traces[b, LANES + k] = trace, trace_imaginary
        single[b, k], single[b, LANES + k] = multiply(real, imaginary, up, up_imaginary)
        single[b, 2 * LANES + k], single[b, 3 * LANES + k] = multiply(real, imaginary, down, down_imaginary)
        product[k], product[LANES + k] = multiply(trace, trace_imaginary, real, imaginary)


@compiled
def _multiply_again(product: Array, single: Array, b: int, traces: Array) -> None:
    """Do the same for all traces after b, which are already known."""
    for k in range(LANES):
        real, imaginary = product[k], product[LANES + k]
        up, up_imaginary = single[b, k], single[b, LANES + k]
        down, down_imaginary = single[b, 2 * LANES + k], single[b, 3 * LANES + k]
        single[b, k], single[b, LANES + k] = multiply(real, imaginary, up, up_imaginary)
        single[b, 2 * LANES + k], single[b, 3 * LANES + k] = multiply(real, imaginary, down, down_imaginary)
        product[k], product[LANES + k] = multiply(traces[b, k], traces[b, LANES + k], real, imaginary)


@compiled
def fill_elements(
    sites: Sites, tables: Tables, j: int, field: float, cosine: Array, sine: Array, elements: Array, row: int
) -> None:
    """Fill elements[row], (4 T,), with ↑ and ↓ of site j in a sector with this field and phase cosine[row], sine[row].

    Rows are passed by number, since slicing an array takes as long as filling a row.
    """
    u, d, form = sites.up[j], sites.down[j], kind(sites, j)
    if form == WARM:
        phase, scratch, rows = np.empty(2 * LANES), np.empty(4 * LANES), np.empty(4 * LANES)
        phase[:LANES], phase[LANES:] = cosine[row], sine[row]
        warm_elements(sites.rate[j], sites.occupation[j], u, d, field, tables.t, phase, scratch, rows)
        elements[row] = rows
    elif form == COLD:
        jump_real, jump_imaginary = jump(sites.rate[j], d, field)
        for k in range(LANES):
            c, s, kept, lost = cosine[row, k], sine[row, k], tables.surviving[j, 0, k], tables.surviving[j, 1, k]
            moved_real, moved_imaginary = multiply(jump_real, jump_imaginary, c * lost, -s * (1.0 + kept))
            elements[row, k] = u * c + moved_real
            elements[row, LANES + k] = -u * s + moved_imaginary
            elements[row, 2 * LANES + k] = d * (c * kept)
            elements[row, 3 * LANES + k] = d * (s * kept)
    else:
        for k in range(LANES):
            elements[row, k], elements[row, LANES + k] = u * cosine[row, k], -u * sine[row, k]
            elements[row, 2 * LANES + k], elements[row, 3 * LANES + k] = d * cosine[row, k], d * sine[row, k]


@compiled
def jump(rate: float, d: float, field: float) -> tuple[float, float]:
    """Return d 2Y / (2Y - iΘ), real and imaginary part: the weight of ↓ sites that have jumped to ↑."""
    ratio = field / (2.0 * rate)
    real = d / (1.0 + ratio * ratio)
    return (real, real * ratio) if abs(ratio) < 1e150 else (0.0, 0.0)
