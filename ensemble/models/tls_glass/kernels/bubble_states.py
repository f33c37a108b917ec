"""Reduced density matrices of bubbles, filled sector by sector at many times at once.

An element of ρ_A in the sector (F, s) is the product of the coherences of F, of the traces of all sites outside the
bubble, and of the population ↑ or ↓ of every other site of the bubble. So a sector has 2^(k - |F|) elements, and
filling the 4^k elements costs O(3^k N).

A site at T = 0 whose ↓ population has decayed is pure. If such sites come first in the bubble, only the corner ↑↑ of
ρ_A is filled. Sites that have lost only their coherence divide ρ_A into blocks along its diagonal.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.pair_tables import WARM, kind
from ensemble.models.tls_glass.kernels.sector_elements import fill_elements, multiply_traces
from ensemble.models.tls_glass.kernels.sector_walk import NEGLIGIBLE, Numbers, Tables, advance, start_walk, whole_steps
from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, multiply

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@compiled
def fill_states(sites: Sites, tables: Tables, bubble: Numbers, rho: ComplexArray) -> Numbers:
    """Fill the diagonal and the lower triangle of ρ_A (T, 2^k, 2^k), without negligible elements.

    The first site is the most significant bit, ↑ first. Returns the number of sites at the start of the bubble that are
    pure at each time, and the number that are not coherent, (2, T). If sites are pure, only the corner in which they
    are ↑ is filled. Elements that underflow, and numbers of that order, would make LAPACK five times slower: they are
    set to 0.
    """
    k, found = bubble.size, _divisions(sites, tables, bubble)
    walk = start_walk(sites, tables, bubble, np.arange(sites.rate.size))
    mixed = np.zeros(k, dtype=np.int64)
    for i in range(tables.wanted):
        mixed[found[0, i] :] = i + 1
    outside = np.array([j for j in range(sites.rate.size) if not np.any(bubble == j)], dtype=np.int64)
    kept, values = np.empty((4, k, LANES)), np.empty((2, 2**k, LANES))
    places, counts, common = np.zeros(2**k, dtype=np.int64), np.zeros(2**k, dtype=np.int64), np.empty(2 * LANES)
    signs, row, field, phase, coherence = walk.signs, walk.row, walk.field, walk.phase, walk.coherence
    t, surviving, wanted = tables.t, tables.surviving, tables.wanted
    while True:
        top = row[-1]
        lanes = walk.lanes[top]
        for i in range(lanes):
            common[i], common[LANES + i] = coherence[top, i], 0.0
        multiply_traces(sites, t, surviving, field, phase, top, lanes, outside, common)
        for i in range(lanes):
            values[0, 0, i], values[1, 0, i] = common[i], common[LANES + i]
        places[0], counts[0] = 0, min(lanes, wanted)
        fill_elements(sites, t, surviving, field, phase, top, lanes, bubble, signs, kept)
        filled = _split(signs, mixed, kept, values, places, counts)
        _scatter(signs, values, places, counts, filled, rho)
        if not advance(walk):
            return found


@compiled
def _divisions(sites: Sites, tables: Tables, bubble: Numbers) -> Numbers:
    """Return how many sites at the start of the bubble are pure and how many are not coherent, at each time, (2, T)."""
    found = np.zeros((2, tables.wanted), dtype=np.int64)
    coherence, surviving, down = tables.coherence, tables.surviving, sites.down
    for i in range(tables.wanted):
        m = 0
        while m < bubble.size and coherence[bubble[m], i] == 0.0:
            j = bubble[m]
            # the square, since the coherence of a site is the square root of this
            if found[0, i] == m and kind(sites, j) != WARM and down[j] * surviving[j, i] < NEGLIGIBLE**2:
                found[0, i] += 1
            m += 1
        found[1, i] = m
    return found


@compiled
def _corner(signs: Numbers) -> tuple[int, int]:
    """Return row and column of the first element of a sector below the diagonal."""
    row, column = 0, 0
    for sign in signs:
        row, column = 2 * row, 2 * column
        # the first flipped site has s = +1: above the diagonal; the adjoint is below
        if sign > 0:
            row += 1
        elif sign < 0:
            column += 1
    return row, column


@compiled
def _split(signs: Numbers, mixed: Numbers, kept: Array, values: Array, places: Numbers, counts: Numbers) -> int:
    """Multiply the first value by ↑ and by ↓ of all sites that are not flipped; return the number of products.

    The loop starts at the end of the bubble. So the sites that are mixed at fewer times come last, and their products
    with ↓ are computed at these times only.
    """
    filled = 1
    for m in range(signs.size - 1, -1, -1):
        if signs[m] != 0:
            continue
        size = filled
        if mixed[m] > 0:
            for e in range(size):
                new = size + e
                counts[new], places[new] = min(counts[e], mixed[m]), places[e] + (1 << (signs.size - 1 - m))
                for i in range(whole_steps(counts[new])):
                    values[0, new, i], values[1, new, i] = multiply(
                        values[0, e, i], values[1, e, i], kept[2, m, i], kept[3, m, i]
                    )
            filled = 2 * size
        for e in range(size):
            for i in range(whole_steps(counts[e])):
                values[0, e, i], values[1, e, i] = multiply(
                    values[0, e, i], values[1, e, i], kept[0, m, i], kept[1, m, i]
                )
    return filled


@compiled
def _scatter(signs: Numbers, values: Array, places: Numbers, counts: Numbers, filled: int, rho: ComplexArray) -> None:
    """Write the complex conjugates of the elements to their positions in the matrices."""
    row, column = _corner(signs)
    for e in range(filled):
        r, c = row + places[e], column + places[e]
        for i in range(counts[e]):
            real, imaginary = values[0, e, i], values[1, e, i]
            tiny = abs(real) + abs(imaginary) < NEGLIGIBLE
            rho[i, r, c] = complex(0.0 if tiny else real, 0.0 if tiny else -imaginary)
