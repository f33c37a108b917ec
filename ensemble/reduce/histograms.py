"""How often values occur, at chosen times; zeros apart, since a logarithmic axis has no place for them.

Of complex numbers it is |x| that is counted. Values that are missing (padding) are counted nowhere.
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
from ensemble.reduce.reading import Run, Select, Source, put
from ensemble.store.place import Place


def histogram(
    store: str | Place,
    observable: str,
    at: float | Sequence[float] | None,
    *,
    bins: int | Sequence[float],
    log: bool = False,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """How many of the realizations done so far have a value in a bin, at the times of the grid nearest to `at`.

    `at` is None for all times, and for an observable that is no function of t. `bins` are edges, or a number of
    bins of equal width, with `log` of equal ratio, from the least to the greatest value that is not zero at any
    point; then everything is read twice. `counts` is over (axes..., observable dims..., bin), beside it `zeros`,
    `below` the first edge and `above` the last, which belongs to the last bin. `bin` is the middle of a bin, and
    `lower` and `upper` are its edges. `select` takes some of the points, as in `average`.
    """
    if isinstance(bins, int) and bins < 1:
        raise ReductionError(f"bins must be at least 1, got {bins}")
    source = Source.of(store, select)
    kind = source.observable(observable)
    axes = tuple(source.layout.axes)
    result = source.frame(kind.dims)
    time = kind.dims.index("t") if "t" in kind.dims else None
    places = None
    if at is not None:
        if time is None:
            raise ReductionError(f"{observable} must be a function of t to be counted at {at}, but it is not; use None")
        places = _nearest(source.layout.coords["t"], np.atleast_1d(np.asarray(at, dtype=np.float64)))
        result = result.isel(t=places)
    if isinstance(bins, int):
        spans = source.reduced(observable, _span, client, time, places, log)
        least, most = np.array([functools.reduce(_wider, parts) for parts in spans]).T
        edges = _equal_bins(float(least.min()), float(most.max()), bins, log)
    else:
        edges = _given_edges(bins, log)
    found = [
        functools.reduce(operator.add, parts)
        for parts in source.reduced(observable, _count, client, time, places, edges)
    ]
    middle = np.sqrt(edges[:-1] * edges[1:]) if log else (edges[:-1] + edges[1:]) / 2
    label = {"long_name": kind.long_name, "units": kind.units}
    result = result.assign_coords(
        bin=("bin", middle, label), lower=("bin", edges[:-1], label), upper=("bin", edges[1:], label)
    )
    dims, said = (*axes, *kind.dims), f"realizations with {kind.long_name}"
    put(result, "counts", (*dims, "bin"), (each.inside for each in found), f"{said} in a bin")
    put(result, "zeros", dims, (each.zeros for each in found), f"{said} exactly 0")
    put(result, "below", dims, (each.below for each in found), f"{said} below all bins")
    put(result, "above", dims, (each.above for each in found), f"{said} above all bins")
    return result.sortby(list(axes))


@final
@dataclass(frozen=True)
class _Counts:
    """How many values are where, for each element."""

    inside: NDArray[np.int64]
    """Over (observable dims..., bin)."""
    zeros: NDArray[np.int64]
    """Exactly 0."""
    below: NDArray[np.int64]
    """Below the first edge."""
    above: NDArray[np.int64]
    """Above the last."""

    def __add__(self, other: Self) -> "_Counts":
        return _Counts(
            self.inside + other.inside,
            self.zeros + other.zeros,
            self.below + other.below,
            self.above + other.above,
        )


def _given_edges(bins: Sequence[float], log: bool) -> NDArray[np.float64]:
    """The edges that are given, if they can be edges."""
    edges = np.asarray(bins, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ReductionError(f"bins must be a number of bins or at least two edges that increase, got {bins!r}")
    if log and edges[0] <= 0:
        raise ReductionError(f"the edges of logarithmic bins must be above zero, got {edges[0]:g}; leave log out")
    return edges


def _equal_bins(least: float, most: float, number: int, log: bool) -> NDArray[np.float64]:
    """Edges from the least to the greatest value; around a single value, and around 1 if there is none."""
    if not least <= most:
        least = most = 1.0
    if log:
        return np.geomspace(least, most, number + 1) if least < most else np.geomspace(least / 2, most * 2, number + 1)
    return np.linspace(least, most, number + 1) if least < most else np.linspace(least - 0.5, most + 0.5, number + 1)


def _nearest(times: NDArray[Any], at: NDArray[np.float64]) -> list[int]:
    """Places on the grid of times, in order."""
    places = set()
    for time in at:
        if not times[0] <= time <= times[-1]:
            raise ReductionError(f"times must be on the grid of t, from {times[0]:g} to {times[-1]:g}, got {time:g}")
        places.add(int(np.abs(times - time).argmin()))
    if not places:
        raise ReductionError("times must be given, but their list is empty; None stands for all times")
    return sorted(places)


def _chosen(rows: NDArray[Any], time: int | None, places: list[int] | None) -> NDArray[Any]:
    """What is counted: the sizes of complex numbers, at the chosen times."""
    if time is not None and places is not None:
        rows = np.take(rows, places, axis=time + 1)
    return np.abs(rows) if np.iscomplexobj(rows) else rows


def _span(rows: NDArray[Any], _run: Run, time: int | None, places: list[int] | None, log: bool) -> tuple[float, float]:
    """Chunk: the least and the greatest value that bins can hold."""
    values = _chosen(rows, time, places)
    values = values[np.isfinite(values) & (values > 0 if log else values != 0)]
    return (float(values.min()), float(values.max())) if values.size else (np.inf, -np.inf)


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _count(
    rows: NDArray[Any], _run: Run, time: int | None, places: list[int] | None, edges: NDArray[np.float64]
) -> _Counts:
    """Chunk: what is where in a run."""
    values = _chosen(rows, time, places)
    shape, last = values.shape[1:], len(edges) - 1
    values = values.reshape(len(values), -1) if values.size else np.empty((0, int(np.prod(shape))))
    bins = np.searchsorted(edges, values, side="right") - 1
    bins[values == edges[-1]] = last - 1
    inside = (values != 0) & (bins >= 0) & (bins < last)
    places_of = bins + last * np.arange(values.shape[1])
    counts = np.bincount(places_of[inside], minlength=last * values.shape[1])
    zeros = values == 0
    below, above = ((beyond & ~zeros).sum(axis=0) for beyond in (values < edges[0], values > edges[-1]))
    return _Counts(
        counts.reshape(*shape, last), zeros.sum(axis=0).reshape(shape), below.reshape(shape), above.reshape(shape)
    )
