"""Means over blocks of realizations: what a jackknife needs for errors of fits, exponents and ratios.

Blocks are cut from the done realizations alone, in the order of their indices: points that share their disorder and
lack the same realizations have the same ones in the same block, so their differences and ratios are paired.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError
from ensemble.reduce.reading import Run, Select, Source, put
from ensemble.store.place import Place


def block_means(
    store: str | Place,
    observable: str | Sequence[str],
    *,
    blocks: int = 50,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Means of an observable, or of several, over `blocks` contiguous groups of realizations at every point.

    The result has each `<observable>` over (axes..., block, observable dims...) and `block_size`, the number of
    realizations, over (axes..., block). All realizations done so far are in a block, and sizes differ by at most
    one, so the mean of all is the mean of the blocks weighted by their sizes. A point with fewer realizations than
    blocks has one block for each of them, and missing values in the rest. `select` takes some of the points, as in
    `average`; `realizations` only the first ones, so that what is compared has the same ones everywhere. Several
    observables have the same realizations in the same block, also while a run is writing.
    """
    if blocks < 1:
        raise ReductionError(f"blocks must be at least 1, got {blocks}; 50 suit a jackknife")
    source = Source.of(store, select, realizations)
    axes = tuple(source.layout.axes)
    names = [observable] if isinstance(observable, str) else list(dict.fromkeys(observable))
    kinds = {name: source.observable(name) for name in names}
    result = source.frame(dict.fromkeys(dim for kind in kinds.values() for dim in kind.dims)).assign_coords(
        block=("block", np.arange(blocks), {"long_name": "block of realizations", "units": "1"})
    )
    for name, kind in kinds.items():
        shape = tuple(result.sizes[dim] for dim in kind.dims)
        wide = _wide(np.dtype(kind.dtype))
        points = source.reduced(name, _block_sums, client, blocks)
        means, sizes = zip(*(_together(parts, blocks, shape, wide) for parts in points), strict=True)
        put(result, name, (*axes, "block", *kind.dims), means, f"mean {kind.long_name} of a block", kind.units)
        put(result, "block_size", (*axes, "block"), sizes, "number of realizations in a block")
    return result.sortby(list(axes))


def _together(
    parts: Iterable[tuple[int, NDArray[Any], NDArray[np.int64]]], blocks: int, shape: tuple[int, ...], dtype: Any
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Combine and finalize: the mean of every block of one point, and its size."""
    sums, counts = np.zeros((blocks, *shape), dtype), np.zeros(blocks, np.int64)
    for first, some_sums, some_counts in parts:
        inside = slice(first, first + len(some_counts))
        sums[inside] += some_sums
        counts[inside] += some_counts
    filled = counts.reshape(-1, *(1,) * len(shape))
    return np.where(filled > 0, sums / np.maximum(filled, 1), np.nan), counts


def _block_sums(rows: NDArray[Any], run: Run, blocks: int) -> tuple[int, NDArray[Any], NDArray[np.int64]]:
    """Chunk: the first block that a run reaches, and the sums and counts of that one and those that follow."""
    dtype = _wide(rows.dtype)
    if not len(rows):
        return 0, np.empty((0, *rows.shape[1:]), dtype), np.empty(0, np.int64)
    ends = np.cumsum([run.total // blocks + (block < run.total % blocks) for block in range(blocks)])
    place = np.arange(run.before, run.before + len(rows))
    first, last = np.searchsorted(ends, [place[0], place[-1]], side="right").tolist()
    cuts = np.clip(ends[first:last] - run.before, 0, len(rows))
    groups = np.split(rows, cuts)
    return first, np.stack([group.sum(axis=0, dtype=dtype) for group in groups]), np.array([*map(len, groups)])


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What sums are kept in."""
    return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
