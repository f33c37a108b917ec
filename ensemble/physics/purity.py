"""Purity of bubbles, Tr ρ_A², without a matrix: the sum over all sectors of what their elements have in common.

    Tr ρ_A² = Σ_(F, s) Π_F |coherence|² Π_{kept, not in F} (|up|² + |down|²) Π_{outside} |up + down|²

since the elements of a sector are all products of its sites' elements. A sector and its adjoint contribute the same.
O(3^k N) for each time, with k sites in the bubble, so it goes on where eigenvalues have become too dear.
The Rényi-2 entropy is -ln of it. The innermost loops run over time, on contiguous memory.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.dissipative_ising import IsingDisorder
from ensemble.physics.sector_walk import Numbers, Tables, Walk, advance, distinct_bubbles, start_walk, tables_of
from ensemble.physics.site_solution import (
    Sites,
    checked_sites,
    checked_times,
    cold_jump,
    thermal_elements,
    thermal_weights,
)

Array = NDArray[np.float64]

BLOCK = 64
"""Times that are worked on together. It bounds the memory and changes no bit."""


def bubble_purity(disorder: IsingDisorder, bubbles: ArrayLike, t: ArrayLike, *, occupation: ArrayLike = 0.0) -> Array:
    """Tr ρ_A² of each bubble A at the times `t`, shape (B, T); arguments as for `bubble_entropy`.

    It lies between 2^-k and 1, and is exact to about 1e-14.
    """
    sites = checked_sites(disorder.coupling, disorder.rate, disorder.theta, occupation)
    times = checked_times(t)
    different, place = distinct_bubbles(bubbles, sites)
    purity = np.zeros((len(different), len(times)))
    for start in range(0, len(times), BLOCK):
        tables = tables_of(sites, times[start : start + BLOCK])
        for bubble, total in zip(different, purity[:, start : start + BLOCK], strict=True):
            _add_sectors(sites, tables, bubble, total)
    return purity[place]


@compiled
def _add_sectors(sites: Sites, tables: Tables, bubble: Numbers, total: Array) -> None:
    """Add |element|² of all elements of ρ_A to total (T,)."""
    walk = start_walk(tables, bubble)
    sign = np.zeros(sites.rate.size, dtype=np.int64)
    kept = np.zeros(sites.rate.size, dtype=np.bool_)
    kept[bubble] = True
    value = np.empty(total.size)
    copies = 1.0  # F = {} is its own adjoint
    while True:
        top = walk.row[-1]
        for i in range(value.size):
            value[i] = copies * walk.coherence[top, i] * walk.coherence[top, i]
        for m in range(bubble.size):
            sign[bubble[m]] = walk.signs[m]
        for j in range(sign.size):
            if sign[j] == 0:
                _multiply_square(sites, tables, walk, j, kept[j], value)
        for i in range(value.size):
            total[i] += value[i]
        if not advance(walk, sites, tables):
            return
        copies = 2.0


@compiled
def _multiply_square(sites: Sites, tables: Tables, walk: Walk, j: int, kept: bool, value: Array) -> None:
    """Multiply value (T,) by |up|² + |down|² of a kept site, or by |up + down|² of one outside the bubble."""
    top = walk.row[-1]
    u, d, field, phase = sites.up[j], sites.down[j], walk.field[top, j], walk.phase[top, j]
    if sites.occupation[j] == 0.0:
        _multiply_cold_square(phase, u, d, cold_jump(sites.rate[j], d, field), tables.surviving[j], kept, value)
        return
    weights = thermal_weights(sites.rate[j], sites.occupation[j], u, d, field)
    for i in range(value.size):
        up, down = thermal_elements(phase[i], u, d, weights, tables.t[i])
        if kept:
            value[i] *= up.real**2 + up.imag**2 + down.real**2 + down.imag**2
        else:
            trace = up + down
            value[i] *= trace.real**2 + trace.imag**2


@compiled
def _multiply_cold_square(
    phase: NDArray[np.complex128], u: float, d: float, jump: complex, surviving: Array, kept: bool, value: Array
) -> None:
    """The same without thermal phonons, where up = (u + w) z - w s z* and down = d s z*; z phase, w jump, s surviving.

    Both squares have the form  a + b s² + 2 s Re(c z²),  and only z² depends on sector, site and time.
    """
    slow = u + jump
    fast = -jump if kept else d - jump
    cross = slow * fast.conjugate()
    a = slow.real**2 + slow.imag**2
    b = fast.real**2 + fast.imag**2 + (d * d if kept else 0.0)
    x, y = 2.0 * cross.real, -4.0 * cross.imag
    for i in range(value.size):
        re, im, s = phase[i].real, phase[i].imag, surviving[i]
        value[i] *= a + s * (b * s + x * (re * re - im * im) + y * (re * im))
