"""How levels are spaced: whether they repel one another, as in a random matrix, or know nothing of each other.

With the gaps g_k between neighbouring levels, r = <min(g_k, g_{k+1}) / max(g_k, g_{k+1})>. It needs no unfolding:
2 ln 2 - 1 = 0.386 for independent levels, 0.5307 for real symmetric random matrices, 1 for a ladder.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gap_ratio(levels: Array) -> float:
    """The mean ratio r of neighbouring gaps, between 0 and 1, of levels (n,) in any order and unit.

    NaN for fewer than 3 levels. A gap of 0 has the ratio 0 to its neighbours, even if that is 0 as well: levels that
    coincide do not repel.
    """
    ratios = gap_ratios(np.sort(levels))
    return float(ratios.mean()) if len(ratios) else float("nan")


def gap_ratios(levels: Array) -> Array:
    """(n - 2,), of the gaps below and above each of n levels in ascending order but the first and the last."""
    gaps = np.diff(levels)
    smaller, larger = np.minimum(gaps[1:], gaps[:-1]), np.maximum(gaps[1:], gaps[:-1])
    return np.divide(smaller, larger, out=np.zeros_like(larger), where=larger > 0)
