"""Bubbles: a site and its nearest others, the compact halves of a system that entanglement entropy cuts out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def nearest_bubbles(distance: ArrayLike, count: int | None = None, *, size: int | None = None) -> NDArray[np.intp]:
    """Bubble i is site i and its nearest others, nearest first: `size` sites, or floor(N/2); shape (count, size).

    `distance` is (N, N), N at least 2, and its diagonal is ignored. Of others at the same distance the one with
    the lower number comes first. Without `count` there is a bubble around each site, with it around the first ones.
    """
    separation = np.array(distance, dtype=np.float64)
    n = len(separation) if separation.ndim else 0
    if n < 2 or separation.shape != (n, n):
        raise ValueError(f"distance must have shape (N, N) with N at least 2, got {separation.shape}")
    np.fill_diagonal(separation, -np.inf)
    if np.any(np.isnan(separation)):
        raise ValueError("distances must be numbers, got NaN")
    centres = n if count is None else count
    if not 0 <= centres <= n:
        raise ValueError(f"count must be from 0 to {n}, the number of sites, got {count!r}")
    order = np.argsort(separation[:centres], axis=1, kind="stable")
    return order[:, : n // 2 if size is None else size]
