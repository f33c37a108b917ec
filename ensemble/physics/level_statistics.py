"""Level statistics: the mean ratio of neighbouring level spacings, which measures level repulsion.

With the gaps g_k between neighbouring levels, r = <min(g_k, g_{k+1}) / max(g_k, g_{k+1})>. No unfolding is needed.
r is 2 ln 2 - 1 = 0.386 for independent levels, 0.5307 for real symmetric random matrices, and 1 for equidistant levels.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gap_ratio(levels: Array) -> float:
    """Return the mean ratio r of neighbouring gaps, from 0 to 1, of levels (n,) in any order and unit.

    NaN for fewer than 3 levels. A gap of 0 has the ratio 0 to its neighbours, even if they are 0 as well, because
    degenerate levels do not repel.
    """
    ratios = gap_ratios(np.sort(levels))
    return float(ratios.mean()) if len(ratios) else float("nan")


def gap_ratios(levels: Array) -> Array:
    """Return the ratios (n - 2,) of the gaps below and above each of n ascending levels but the first and the last."""
    gaps = np.diff(levels)
    smaller, larger = np.minimum(gaps[1:], gaps[:-1]), np.maximum(gaps[1:], gaps[:-1])
    return np.divide(smaller, larger, out=np.zeros_like(larger), where=larger > 0)
