"""Purity of bubbles, Tr ρ_A², without a matrix: a sum over sectors.

    Tr ρ_A² = Σ_(F, s) Π_F |coherence|² Π_{kept, not in F} (|up|² + |down|²) Π_{outside} |up + down|²

since the elements of a sector are all products of its sites' elements. A sector and its adjoint contribute the same.
The cost is O(3^k N) for each time, with k sites in the bubble, so larger bubbles are possible than with eigenvalues.
The Rényi-2 entropy is -ln of the purity.

With the field Θ of a site, and S = e^{-4Yt}, each of these squares has the following form for a site that does not
rise:

    a + S (b S + x cos 2Θt + y sin 2Θt)

A kept site without a rate has the square u² + d². So the walk through the sectors follows 2Θt, and not for all sites.
It leaves out the last site of the bubble, whose three signs are computed together.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.tls_glass.kernels.dissipative_ising import IsingDisorder
from ensemble.models.tls_glass.kernels.pair_tables import COLD, STILL, WARM, jump, kind
from ensemble.models.tls_glass.kernels.sector_walk import (
    Numbers,
    Tables,
    advance,
    blocks,
    distinct_bubbles,
    start_walk,
    tables_of,
)
from ensemble.models.tls_glass.kernels.site_solution import Sites, checked_sites, checked_times
from ensemble.models.tls_glass.kernels.warm_site import warm_elements
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma, multiply

Array = NDArray[np.float64]

BLOCK = LANES
"""Number of times that are computed together, at most `LANES`. It does not change the results."""


def bubble_purity(disorder: IsingDisorder, bubbles: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0) -> Array:
    """Return the purity Tr ρ_A² of bubbles.

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
    Tr ρ_A², shape (B, T), between 2^-k and 1. The error is about 1e-14.

    Raises
    ------
    ValueError
        If an argument is not valid.
    """
    sites = checked_sites(disorder.coupling, disorder.rate, disorder.theta, occupation)
    times = checked_times(t)
    different, place = distinct_bubbles(bubbles, sites)
    purity = np.empty((len(different), len(times)))
    multiple = _multiples(sites)
    for where, t_block in blocks(times, BLOCK):
        tables = tables_of(sites, t_block, len(where), multiple)
        for number, bubble in enumerate(different):
            purity[number, where] = _sum_of_sectors(sites, tables, bubble)[: len(where)]
    return purity[place]


@compiled
def _multiples(sites: Sites) -> Numbers:
    """Return 1 for sites that fall and rise, where e^{iΘt} is followed, and 2 for the others, where its square is."""
    return np.array([1 if kind(sites, j) == WARM else 2 for j in range(sites.rate.size)])


@compiled
def _sum_of_sectors(sites: Sites, tables: Tables, bubble: Numbers) -> Array:
    """Return the sum of |element|² over all elements of ρ_A, (LANES,)."""
    kept = np.zeros(sites.rate.size, dtype=np.bool_)
    kept[bubble] = True
    still = np.array([j for j in range(kept.size) if kind(sites, j) == STILL and not kept[j]], dtype=np.int64)
    cold = np.array([j for j in range(kept.size) if kind(sites, j) == COLD], dtype=np.int64)
    warm = np.array([j for j in range(kept.size) if kind(sites, j) == WARM], dtype=np.int64)
    walk, last = start_walk(sites, tables, bubble[:-1], np.concatenate((still, cold, warm))), bubble[-1]
    row, lanes, flipped, coherence = walk.row, walk.lanes, walk.flipped, walk.coherence
    field, phase, pair, surviving = walk.field, walk.phase, tables.phase, tables.surviving
    fixed = np.ones(kept.size)
    for j in bubble:
        if kind(sites, j) == STILL:
            fixed[j] = sites.up[j] * sites.up[j] + sites.down[j] * sites.down[j]
    values, total, at_last = np.empty(3 * LANES), np.zeros(LANES), tables.coherence[last]
    copies = 1.0  # F = {} is its own adjoint, and the sectors with only the last site flipped are adjoints
    while True:
        top = row[-1]
        end, constant = lanes[top], copies
        for j in bubble[:-1]:
            if flipped[j] == 0:
                constant *= fixed[j]
        for i in range(end):
            square = constant * (coherence[top, i] * coherence[top, i])
            values[i] = square * fixed[last]
            values[LANES + i] = values[2 * LANES + i] = square * (at_last[i] * at_last[i])
        if still.size > 0:
            _multiply_still(sites.up, sites.down, phase, top, end, pair, last, still, values)
        if cold.size > 0:
            _multiply_cold(sites, surviving, field, phase, top, end, pair, last, cold, flipped, kept, values)
        if warm.size > 0:
            _multiply_warm(sites, tables.t, field, phase, top, pair, last, warm, flipped, kept, values)
        for i in range(end):
            total[i] += values[i] + (values[LANES + i] + values[2 * LANES + i])
        if not advance(walk):
            return total
        copies = 2.0


@compiled
def _square(rate: float, u: float, d: float, field: float, kept: bool) -> tuple[float, float, float, float]:
    """Return a, b, x and y of a site that only falls, kept or traced out.

    up = (u + w) z - w S z* and down = d S z* with its jump w and its phase z: the squares are |slow|² + S² |fast|²
    (+ S² d²) + 2 S Re(slow fast* z²).
    """
    real, imaginary = jump(rate, d, field)
    slow, fast = u + real, -real if kept else d - real
    a = slow * slow + imaginary * imaginary
    b = fast * fast + imaginary * imaginary + (d * d if kept else 0.0)
    return a, b, 2.0 * (slow * fast - imaginary * imaginary), 2.0 * imaginary * (slow + fast)


@compiled
def _multiply_still(
    up: Array,
    down: Array,
    phase: Array,
    top: int,
    lanes: int,
    pair: Array,
    last: int,
    indices: Numbers,
    values: Array,
) -> None:
    """Multiply by traced sites without a rate: u² + d² + 2 u d cos 2Θt, where the last site has s = 0, + and -."""
    for j in indices:
        a, x = up[j] * up[j] + down[j] * down[j], 2.0 * up[j] * down[j]
        for i in range(lanes):
            c, s, turn = phase[top, 0, j, i], phase[top, 1, j, i], pair[0, last, j, i]
            product = s * pair[1, last, j, i]
            values[i] *= fma(x, c, a)
            values[LANES + i] *= fma(x, fma(c, turn, -product), a)
            values[2 * LANES + i] *= fma(x, fma(c, turn, product), a)


@compiled
def _multiply_cold(
    sites: Sites,
    surviving: Array,
    field: Array,
    phase: Array,
    top: int,
    lanes: int,
    pair: Array,
    last: int,
    indices: Numbers,
    flipped: Numbers,
    kept: NDArray[np.bool_],
    values: Array,
) -> None:
    """Multiply by sites that only fall, where the last site has s = 0, + and -; the last site itself only for s = 0."""
    for j in indices:
        if flipped[j] != 0:
            continue
        rate, u, d, center = sites.rate[j], sites.up[j], sites.down[j], field[top, j]
        a, b, x, y = _square(rate, u, d, center, kept[j])
        if j == last:
            for i in range(lanes):
                c, s, left = phase[top, 0, j, i], phase[top, 1, j, i], surviving[j, i]
                values[i] *= fma(left, fma(b, left, fma(x, c, y * s)), a)
            continue
        change = 4.0 * sites.coupling[last, j]
        a_plus, b_plus, x_plus, y_plus = _square(rate, u, d, center + change, kept[j])
        a_minus, b_minus, x_minus, y_minus = _square(rate, u, d, center - change, kept[j])
        for i in range(lanes):
            c, s, turn, left = phase[top, 0, j, i], phase[top, 1, j, i], pair[0, last, j, i], surviving[j, i]
            product, cross = s * pair[1, last, j, i], c * pair[1, last, j, i]
            values[i] *= fma(left, fma(b, left, fma(x, c, y * s)), a)
            cosine, sine = fma(c, turn, -product), fma(s, turn, cross)
            values[LANES + i] *= fma(left, fma(b_plus, left, fma(x_plus, cosine, y_plus * sine)), a_plus)
            cosine, sine = fma(c, turn, product), fma(s, turn, -cross)
            values[2 * LANES + i] *= fma(left, fma(b_minus, left, fma(x_minus, cosine, y_minus * sine)), a_minus)


@compiled
def _multiply_warm(
    sites: Sites,
    t: Array,
    field: Array,
    phase: Array,
    top: int,
    pair: Array,
    last: int,
    indices: Numbers,
    flipped: Numbers,
    kept: NDArray[np.bool_],
    values: Array,
) -> None:
    """Multiply by sites that fall and rise, where the last site has s = 0, + and -; itself only for s = 0."""
    turned, scratch, rows = np.empty(2 * LANES), np.empty(4 * LANES), np.empty(4 * LANES)
    for j in indices:
        if flipped[j] != 0:
            continue
        rate, phonons, u, d = sites.rate[j], sites.occupation[j], sites.up[j], sites.down[j]
        both = 0.0 if kept[j] else 2.0
        for position in range(1 if j == last else 3):
            sign = -1.0 if position == 2 else float(position)
            for i in range(LANES):
                c, s = pair[0, last, j, i] if position > 0 else 1.0, sign * pair[1, last, j, i]
                turned[i], turned[LANES + i] = multiply(phase[top, 0, j, i], phase[top, 1, j, i], c, s)
            center = field[top, j] + sign * 4.0 * sites.coupling[last, j]
            warm_elements(rate, phonons, u, d, center, t, turned, scratch, rows)
            for i in range(LANES):
                a, b, x, y = rows[i], rows[LANES + i], rows[2 * LANES + i], rows[3 * LANES + i]
                square = fma(both, fma(a, x, b * y), fma(a, a, fma(b, b, fma(x, x, y * y))))
                values[position * LANES + i] *= square
