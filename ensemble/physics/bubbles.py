"""Bubbles: a site and its nearest sites. Half-system entanglement entropies use them as the subsystem."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def nearest_bubbles(distance: ArrayLike, count: int | None = None, *, size: int | None = None) -> NDArray[np.intp]:
    """Return the bubble of each site: the site itself and its nearest sites, nearest first.

    Parameters
    ----------
    distance
        Distances, shape (N, N) with N at least 2. The diagonal is ignored.
    count
        Number of bubbles, around the first `count` sites. Default: one bubble around each site.
    size
        Number of sites in a bubble, the centre included. Default: floor(N/2).

    Returns
    -------
    Site numbers, shape (count, size). Of two sites at the same distance, the lower number comes first.

    Raises
    ------
    ValueError
        If `distance` has another shape or contains NaN, or if `count` is not between 0 and N.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 3.0, 7.0])
    >>> nearest_bubbles(np.abs(np.subtract.outer(x, x))).tolist()
    [[0, 1], [1, 0], [2, 1], [3, 2]]
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
