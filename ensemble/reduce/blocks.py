"""Means over blocks of realizations: the input of the jackknife, for errors of fits, exponents and ratios.

Blocks contain only done realizations, in the order of their indices. If two points share their disorder and have the
same realizations done, each block holds the same realizations at both points. So differences and ratios of these
points have paired errors.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError
from ensemble.reduce.reading import ChunkRun, Select, StoreReader, put
from ensemble.store.location import Location


def block_means(
    store: str | Location,
    observable: str | Sequence[str],
    *,
    blocks: int = 50,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Average observables over contiguous blocks of realizations, at every point.

    Parameters
    ----------
    store
        Path or URL of the store.
    observable
        Name of an observable, or names of several. Each block holds the same realizations for all of them, also while
        a run is writing.
    blocks
        Number of blocks, at least 1. Default: 50, which suits a jackknife.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    realizations
        Use only the realizations with an index below this number, so that all points that are compared use the same
        ones. Default: all realizations that are done.
    client
        Dask client whose workers read the store. Default: this process reads it.

    Returns
    -------
    xarray.Dataset
        Each observable over (axes..., block, observable dims...), and `block_size`, the number of realizations in a
        block, over (axes..., block). `count`, over (axes...), is the number of realizations.

    Raises
    ------
    ReductionError
        If `blocks` is below 1, or if the store has no such observable, axis or value of an axis.

    Notes
    -----
    Every done realization is in one block, and the sizes m_j of the blocks differ by at most one. So the mean of n
    realizations is x̄ = (1/n) Σ_j m_j x_j, where x_j is the mean of block j. A point with fewer realizations than
    blocks has one block for each realization; its other blocks have size 0 and mean NaN.
    """
    if blocks < 1:
        raise ReductionError(f"blocks must be at least 1, got {blocks}; 50 suit a jackknife")
    source = StoreReader.of(store, select, realizations)
    axes = tuple(source.layout.axes)
    names = [observable] if isinstance(observable, str) else list(dict.fromkeys(observable))
    kinds = {name: source.observable(name) for name in names}
    result = source.frame(dict.fromkeys(dim for kind in kinds.values() for dim in kind.dims)).assign_coords(
        block=("block", np.arange(blocks), {"long_name": "block of realizations", "units": "1"})
    )
    for name, kind in kinds.items():
        shape = tuple(result.sizes[dim] for dim in kind.dims)
        sum_dtype = _sum_dtype(np.dtype(kind.dtype))
        points = source.reduced(name, _block_sums, client, blocks)
        means, sizes = zip(*(_combine(parts, blocks, shape, sum_dtype) for parts in points), strict=True)
        put(result, name, (*axes, "block", *kind.dims), means, f"mean {kind.long_name} of a block", kind.units)
        put(result, "block_size", (*axes, "block"), sizes, "number of realizations in a block")
    return result.sortby(list(axes))


def _combine(
    parts: Iterable[tuple[int, NDArray[Any], NDArray[np.int64]]], blocks: int, shape: tuple[int, ...], dtype: Any
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Combine and finalize: the mean and the size of every block of one point."""
    sums, counts = np.zeros((blocks, *shape), dtype), np.zeros(blocks, np.int64)
    for first, part_sums, part_counts in parts:
        inside = slice(first, first + len(part_counts))
        sums[inside] += part_sums
        counts[inside] += part_counts
    filled = counts.reshape(-1, *(1,) * len(shape))
    return np.where(filled > 0, sums / np.maximum(filled, 1), np.nan), counts


def _block_sums(rows: NDArray[Any], run: ChunkRun, blocks: int) -> tuple[int, NDArray[Any], NDArray[np.int64]]:
    """Chunk: the first block that a chunk run reaches, and the sums and counts of this block and the next ones."""
    dtype = _sum_dtype(rows.dtype)
    if not len(rows):
        return 0, np.empty((0, *rows.shape[1:]), dtype), np.empty(0, np.int64)
    ends = np.cumsum([run.total // blocks + (block < run.total % blocks) for block in range(blocks)])
    ranks = np.arange(run.before, run.before + len(rows))
    first, last = np.searchsorted(ends, [ranks[0], ranks[-1]], side="right").tolist()
    cuts = np.clip(ends[first:last] - run.before, 0, len(rows))
    groups = np.split(rows, cuts)
    return first, np.stack([group.sum(axis=0, dtype=dtype) for group in groups]), np.array([*map(len, groups)])


def _sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of sums: complex128 for complex numbers, float64 for all others."""
    return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
