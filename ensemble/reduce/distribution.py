"""The distribution of an observable over realizations: mean, typical value, fraction of zeros, quantiles.

Typical values and fractions of zeros are those of |x|. Quantiles of a real observable are those of x, quantiles of a
complex observable those of |x|.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
import zarr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError
from ensemble.reduce import reading
from ensemble.reduce.moments import Moments, slabs
from ensemble.reduce.reading import ChunkRun, Select, StoreReader, put
from ensemble.store.location import Location

_HELD_RUNS = 4
"""A task sorts, in memory, as many values as this number of chunk runs holds."""


def statistics(
    store: str | Location,
    observable: str,
    *,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
    floor: float | None = None,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Compute the distribution of an observable over the realizations that are done.

    Parameters
    ----------
    store
        Path or URL of the store.
    observable
        Name of the observable.
    quantiles
        Levels of the quantiles, between 0 and 1. Default: 0.16, 0.5 and 0.84.
    floor
        Count |x| below this value as zero. In units of the observable. Default: only exact zeros count.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    client
        Dask client whose workers read the store. Default: this process reads it.

    Returns
    -------
    xarray.Dataset
        Over (axes..., observable dims...):

        - `mean` and `error`: mean and standard error.
        - `typical` and `typical_error`: geometric mean of |x| over the realizations where x is not zero, and its
          standard error.
        - `zeros`: fraction of realizations where x is zero.
        - `quantile`, over (axes..., level, observable dims...): quantiles at the `level` in `quantiles`.

        `count`, over (axes...), is the number of realizations.

    Raises
    ------
    ReductionError
        If a level is not between 0 and 1, if `floor` is negative or not finite, or if the store has no such
        observable, axis or value of an axis.

    Notes
    -----
    With L the mean of ln |x| over the realizations that are not zero, and σ(L) its standard error, the typical value is
    exp(L) and its error is exp(L) σ(L).

    Quantiles are exact. Between two realizations they are interpolated linearly. A task holds 64 MB of one point's
    values at a time, so a point with k times as much data is read k times.
    """
    for level in quantiles:
        if not 0 <= level <= 1:
            raise ReductionError(f"quantiles must be between 0 and 1, got {level:g}")
    if floor is not None and not 0 <= floor < math.inf:
        raise ReductionError(f"floor must be a number that is not negative, got {floor:g}")
    source = StoreReader.of(store, select)
    kind = source.observable(observable)
    axes = tuple(source.layout.axes)
    dims = (*axes, *kind.dims)
    levels = np.asarray(quantiles, dtype=np.float64)
    result = source.frame(kind.dims).assign_coords(
        level=("level", levels, {"long_name": "level of a quantile", "units": "1"})
    )
    mean, error, typical, typical_error, zeros, found = zip(
        *_point_statistics(source, observable, levels, floor or 0.0, client), strict=True
    )
    label, units = kind.long_name, kind.units
    typical_label = f"typical {label}"
    put(result, "mean", dims, mean, f"mean {label}", units)
    put(result, "error", dims, error, f"standard error of the mean {label}", units)
    put(result, "typical", dims, typical, typical_label, units)
    put(result, "typical_error", dims, typical_error, f"standard error of the {typical_label}", units)
    put(result, "zeros", dims, zeros, f"fraction of zeros of {label}")
    put(result, "quantile", (*axes, "level", *kind.dims), found, f"quantile of {label}", units)
    zero_means = "exactly 0" if not floor else f"below {floor:g}"
    result["typical"].attrs["zeros"] = f"values {zero_means} are left out; their fraction is in the variable zeros"
    result["zeros"].attrs["zeros"] = f"values {zero_means}"
    return result.sortby(list(axes))


def _point_statistics(
    source: StoreReader, name: str, levels: NDArray[np.float64], floor: float, client: Client | None
) -> Iterator[list[NDArray[Any]]]:
    """The statistics of every point. Each task holds some elements of the observable, for all realizations."""
    shape = tuple(len(source.layout.coords[dim]) for dim in source.layout.observables[name].dims)
    elements = math.prod(shape)
    array = source.array(name)
    tasks = []
    for runs in source.runs(name):
        width = max(1, _HELD_RUNS * reading.RUN_BYTES // (8 * max(1, runs[0].total)))
        tasks.append([(array, runs, slice(at, at + width), levels, floor) for at in range(0, elements, width)])
    for parts in source.by_point(client, _element_statistics, tasks):
        joined = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
        yield [each.reshape((*each.shape[:-1], *shape)) for each in joined]


def _element_statistics(
    array: "zarr.Array[Any]", runs: Sequence[ChunkRun], part: slice, levels: NDArray[np.float64], floor: float
) -> tuple[NDArray[Any], ...]:
    """The task: mean and error, typical value and error, zeros and quantiles of some elements at one point."""
    elements = math.prod(array.shape[len(runs[0].cell) + 1 :])
    ordered = np.empty((len(range(elements)[part]), runs[0].total))
    values = logarithms = Moments.of(np.empty((0, len(ordered)), array.dtype))
    for run in runs:
        rows = run.read(array)
        rows = rows.reshape(len(rows), elements)[:, part]
        for slab in slabs(rows):  # intermediate results stay in the CPU cache
            real = np.abs(rows[slab]) if np.iscomplexobj(rows) else rows[slab]
            column = run.before + slab.start
            ordered[:, column : column + len(real)] = real.T
            values += Moments.of(rows[slab])
            logarithms += _log_moments(np.abs(real).astype(np.float64, copy=False), floor)
    mean, error = values.finalize()
    zeros = np.where(np.isnan(mean), np.nan, 1 - logarithms.count / max(1, int(values.count)))
    logarithm, logarithm_error = logarithms.finalize()
    typical = np.exp(logarithm)
    ordered.sort(axis=1)
    return mean, error, typical, typical * logarithm_error, zeros, _quantiles(ordered, levels)


def _log_moments(sizes: NDArray[np.float64], floor: float) -> Moments:
    """The moments of ln |x| over the values that are not zero."""
    kept = (sizes != 0) & ~(sizes < floor)
    return Moments.of(np.log(sizes * kept + ~kept), kept)  # no np.where: zeros are random, and branches are slow


def _quantiles(ordered: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles (level, element) of sorted rows, with linear interpolation as in NumPy.

    Sorting all values is several times faster than `numpy.quantile`, which partitions them.
    """
    count = ordered.shape[1]
    if not count:
        return np.full((len(levels), len(ordered)), np.nan)
    position = levels * (count - 1)
    below = np.floor(position).astype(np.int64)
    low, high = ordered[:, below], ordered[:, np.minimum(below + 1, count - 1)]
    found = low + (high - low) * (position - below)
    return np.where(np.isnan(ordered[:, -1]), np.nan, found.T)  # missing values are sorted to the end
