"""Factors of the sites of one sector in a density matrix: traces of sites outside, elements of sites inside the bubble.

With z = exp(-iΘt), Θ the field of the sector, the elements ↑↑ and ↓↓ of a site that is not flipped are

    no rate        up = u z,                     down = d z*
    T = 0          up = (u + j) z - j S z*,      down = d S z*,      S = e^{-4Yt},  j = d 2Y / (2Y - iΘ)
    T > 0          `warm_site`

The cosines and sines of the phases, for all sites in all rows of the walk's stack, are in one array
(k + 1, 2, N, LANES), and the fields in another, (k + 1, N). Each function uses row `top` and the first `lanes` times.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels.pair_tables import COLD, STILL, jump, kind
from ensemble.models.tls_glass.kernels.site_solution import Sites
from ensemble.models.tls_glass.kernels.warm_site import multiply_warm_trace, warm_elements
from ensemble.physics.compiled import compiled
from ensemble.physics.elementary import LANES, fma, multiply

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


@compiled
def multiply_traces(
    sites: Sites,
    t: Array,
    surviving: Array,
    field: Array,
    phase: Array,
    top: int,
    lanes: int,
    indices: Numbers,
    product: Array,
) -> None:
    """Multiply a product (2 T,) by the traces of the sites `indices`."""
    for j in indices:
        u, d, form = sites.up[j], sites.down[j], kind(sites, j)
        if form == STILL:
            tilt = d - u
            for i in range(lanes):
                product[i], product[LANES + i] = multiply(
                    product[i], product[LANES + i], phase[top, 0, j, i], tilt * phase[top, 1, j, i]
                )
        elif form == COLD:
            x, y = jump(sites.rate[j], d, field[top, j])
            slow, fast = u + x, d - x
            for i in range(lanes):
                c, s, left = phase[top, 0, j, i], phase[top, 1, j, i], surviving[j, i]
                real = fma(left, fma(fast, c, y * s), fma(slow, c, y * s))
                imaginary = fma(left, fma(fast, s, -(y * c)), fma(-slow, s, y * c))
                product[i], product[LANES + i] = multiply(product[i], product[LANES + i], real, imaginary)
        else:
            turn, scratch = joined(phase, top, j), np.empty(6 * LANES)
            multiply_warm_trace(sites.rate[j], sites.occupation[j], u, d, field[top, j], t, turn, scratch, product)


@compiled
def fill_elements(
    sites: Sites,
    t: Array,
    surviving: Array,
    field: Array,
    phase: Array,
    top: int,
    lanes: int,
    bubble: Numbers,
    signs: Numbers,
    elements: Array,
) -> None:
    """Fill ↑ and ↓, each real and imaginary, of the sites of the bubble that are not flipped, (4, k, T)."""
    for m in range(bubble.size):
        j = bubble[m]
        u, d, form = sites.up[j], sites.down[j], kind(sites, j)
        if signs[m] != 0:
            continue
        if form == STILL:
            for i in range(lanes):
                c, s = phase[top, 0, j, i], phase[top, 1, j, i]
                elements[0, m, i], elements[1, m, i] = u * c, -(u * s)
                elements[2, m, i], elements[3, m, i] = d * c, d * s
        elif form == COLD:
            x, y = jump(sites.rate[j], d, field[top, j])
            slow = u + x
            for i in range(lanes):
                c, s, left = phase[top, 0, j, i], phase[top, 1, j, i], surviving[j, i]
                elements[0, m, i] = fma(-left, fma(x, c, -(y * s)), fma(slow, c, y * s))
                elements[1, m, i] = fma(-left, fma(x, s, y * c), fma(-slow, s, y * c))
                elements[2, m, i], elements[3, m, i] = d * left * c, d * left * s
        else:
            turn, scratch, rows = joined(phase, top, j), np.empty(4 * LANES), np.empty(4 * LANES)
            warm_elements(sites.rate[j], sites.occupation[j], u, d, field[top, j], t, turn, scratch, rows)
            elements[:, m] = rows.reshape((4, LANES))


@compiled
def joined(phase: Array, top: int, j: int) -> Array:
    """Return the phase of one site in the layout of `warm_site`: cosines, then sines."""
    turn = np.empty(2 * LANES)
    for i in range(LANES):
        turn[i], turn[LANES + i] = phase[top, 0, j, i], phase[top, 1, j, i]
    return turn
