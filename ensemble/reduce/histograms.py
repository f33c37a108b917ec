"""Histograms of an observable over realizations, at chosen times.

Zeros are counted separately, because a logarithmic axis cannot show them. For complex observables |x| is counted.
Missing values (NaN padding) are not counted.
"""

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError
from ensemble.reduce.reading import ChunkRun, Select, StoreReader, put
from ensemble.store.location import Location


def histogram(
    store: str | Location,
    observable: str,
    at: float | Sequence[float] | None,
    *,
    bins: int | Sequence[float],
    log: bool = False,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Count how many of the done realizations have a value in each bin.

    Parameters
    ----------
    store
        Path or URL of the store.
    observable
        Name of the observable.
    at
        One time or several; the nearest times of the time grid are used. None: all times, or an observable that is not
        a function of t.
    bins
        Edges of the bins in increasing order, or the number of bins. With a number, the bins extend from the smallest
        to the largest nonzero value at any point, and the store is read twice.
    log
        If true, bins have equal ratios instead of equal widths, and their edges must be above zero. If `bins` is a
        number, bins extend from the smallest to the largest positive value. Default: false.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    client
        Dask client whose workers read the store. Default: this process reads it.

    Returns
    -------
    xarray.Dataset
        Numbers of realizations:

        - `counts`, over (axes..., observable dims..., bin): with a value in a bin. A value on the last edge belongs to
          the last bin.
        - `zeros`, `below` and `above`, over (axes..., observable dims...): with a value of exactly 0, below the first
          edge, and above the last edge.
        - `count`, over (axes...): all that are done.

        The coordinate `bin` is the middle of a bin (the geometric mean of its edges with `log`); `lower` and `upper`
        are its edges.

    Raises
    ------
    ReductionError
        If bins or times are not valid, or if the store has no such observable, axis or value of an axis.
    """
    if isinstance(bins, int) and bins < 1:
        raise ReductionError(f"bins must be at least 1, got {bins}")
    source = StoreReader.of(store, select)
    kind = source.observable(observable)
    axes = tuple(source.layout.axes)
    result = source.frame(kind.dims)
    time = kind.dims.index("t") if "t" in kind.dims else None
    time_indices = None
    if at is not None:
        if time is None:
            raise ReductionError(f"{observable} must be a function of t to be counted at {at}, but it is not; use None")
        time_indices = _nearest(source.layout.coords["t"], np.atleast_1d(np.asarray(at, dtype=np.float64)))
        result = result.isel(t=time_indices)
    if isinstance(bins, int):
        spans = source.reduced(observable, _span, client, time, time_indices, log)
        least, most = np.array([functools.reduce(_merge_spans, parts) for parts in spans]).T
        edges = _equal_bins(float(least.min()), float(most.max()), bins, log)
    else:
        edges = _given_edges(bins, log)
    found = [
        functools.reduce(operator.add, parts)
        for parts in source.reduced(observable, _count, client, time, time_indices, edges)
    ]
    middle = np.sqrt(edges[:-1] * edges[1:]) if log else (edges[:-1] + edges[1:]) / 2
    label = {"long_name": kind.long_name, "units": kind.units}
    result = result.assign_coords(
        bin=("bin", middle, label), lower=("bin", edges[:-1], label), upper=("bin", edges[1:], label)
    )
    dims, counted = (*axes, *kind.dims), f"realizations with {kind.long_name}"
    put(result, "counts", (*dims, "bin"), (each.inside for each in found), f"{counted} in a bin")
    put(result, "zeros", dims, (each.zeros for each in found), f"{counted} exactly 0")
    put(result, "below", dims, (each.below for each in found), f"{counted} below all bins")
    put(result, "above", dims, (each.above for each in found), f"{counted} above all bins")
    return result.sortby(list(axes))


@final
@dataclass(frozen=True)
class _Counts:
    """Numbers of realizations for each element of the observable; they add up over chunk runs."""

    inside: NDArray[np.int64]
    """With a value in a bin: (observable dims..., bin)."""
    zeros: NDArray[np.int64]
    """With a value of exactly 0: (observable dims...)."""
    below: NDArray[np.int64]
    """With a value below the first edge: (observable dims...)."""
    above: NDArray[np.int64]
    """With a value above the last edge: (observable dims...)."""

    def __add__(self, other: Self) -> "_Counts":
        return _Counts(
            self.inside + other.inside,
            self.zeros + other.zeros,
            self.below + other.below,
            self.above + other.above,
        )


def _given_edges(bins: Sequence[float], log: bool) -> NDArray[np.float64]:
    """The given edges as an array; raises an error if they are not valid."""
    edges = np.asarray(bins, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ReductionError(f"bins must be a number of bins or at least two edges that increase, got {bins!r}")
    if log and edges[0] <= 0:
        raise ReductionError(f"the edges of logarithmic bins must be above zero, got {edges[0]:g}; leave log out")
    return edges


def _equal_bins(least: float, most: float, number: int, log: bool) -> NDArray[np.float64]:
    """Edges from the least to the greatest value; around the value if there is only one, around 1 if there is none."""
    if not least <= most:
        least = most = 1.0
    if log:
        return np.geomspace(least, most, number + 1) if least < most else np.geomspace(least / 2, most * 2, number + 1)
    return np.linspace(least, most, number + 1) if least < most else np.linspace(least - 0.5, most + 0.5, number + 1)


def _nearest(times: NDArray[Any], at: NDArray[np.float64]) -> list[int]:
    """Indices of the nearest times of the time grid, in increasing order."""
    time_indices = set()
    for time in at:
        if not times[0] <= time <= times[-1]:
            raise ReductionError(f"times must be on the grid of t, from {times[0]:g} to {times[-1]:g}, got {time:g}")
        time_indices.add(int(np.abs(times - time).argmin()))
    if not time_indices:
        raise ReductionError("times must be given, but their list is empty; None stands for all times")
    return sorted(time_indices)


def _chosen(rows: NDArray[Any], time: int | None, time_indices: list[int] | None) -> NDArray[Any]:
    """The values that are counted: those at the chosen times; |x| for complex numbers."""
    if time is not None and time_indices is not None:
        rows = np.take(rows, time_indices, axis=time + 1)
    return np.abs(rows) if np.iscomplexobj(rows) else rows


def _span(
    rows: NDArray[Any], _run: ChunkRun, time: int | None, time_indices: list[int] | None, log: bool
) -> tuple[float, float]:
    """Chunk: the least and the greatest value that bins can hold; infinity and -infinity if there is none."""
    values = _chosen(rows, time, time_indices)
    values = values[np.isfinite(values) & (values > 0 if log else values != 0)]
    return (float(values.min()), float(values.max())) if values.size else (np.inf, -np.inf)


def _merge_spans(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _count(
    rows: NDArray[Any], _run: ChunkRun, time: int | None, time_indices: list[int] | None, edges: NDArray[np.float64]
) -> _Counts:
    """Chunk: the counts of one chunk run."""
    values = _chosen(rows, time, time_indices)
    shape, last = values.shape[1:], len(edges) - 1
    values = values.reshape(len(values), -1) if values.size else np.empty((0, int(np.prod(shape))))
    bins = np.searchsorted(edges, values, side="right") - 1
    bins[values == edges[-1]] = last - 1
    inside = (values != 0) & (bins >= 0) & (bins < last)
    flat_bins = bins + last * np.arange(values.shape[1])
    counts = np.bincount(flat_bins[inside], minlength=last * values.shape[1])
    zeros = values == 0
    below, above = ((beyond & ~zeros).sum(axis=0) for beyond in (values < edges[0], values > edges[-1]))
    return _Counts(
        counts.reshape(*shape, last), zeros.sum(axis=0).reshape(shape), below.reshape(shape), above.reshape(shape)
    )
