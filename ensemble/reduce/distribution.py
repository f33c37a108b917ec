"""How an observable is distributed over realizations: mean, typical value, share of zeros, quantiles.

What is said about the size of values, that is typical values and zeros, holds for |x|; so do the quantiles of
complex numbers.
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
from ensemble.reduce.reading import Run, Select, Source, put
from ensemble.store.place import Place

_HELD_RUNS = 4
"""A task holds the values of so many runs of chunks, to put them in order."""


def statistics(
    store: str | Place,
    observable: str,
    *,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
    floor: float | None = None,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """The distribution of an observable over the realizations done so far, over (axes..., observable dims...).

    `mean` and `error`; `typical` and `typical_error`, the geometric mean of |x| over the realizations where it is
    not zero, its error from that of the mean logarithm; `zeros`, the fraction where it is: exactly 0, or below
    `floor` if one is given; `quantile` over the dimension `level`; `count`.

    Quantiles are exact. A task holds 64 MB of one point's values at a time, so a point with k times as much is read
    k times. `select` takes some of the points, as in `average`.
    """
    for level in quantiles:
        if not 0 <= level <= 1:
            raise ReductionError(f"quantiles must be between 0 and 1, got {level:g}")
    if floor is not None and not 0 <= floor < math.inf:
        raise ReductionError(f"floor must be a number that is not negative, got {floor:g}")
    source = Source.of(store, select)
    kind = source.observable(observable)
    axes = tuple(source.layout.axes)
    dims = (*axes, *kind.dims)
    levels = np.asarray(quantiles, dtype=np.float64)
    result = source.frame(kind.dims).assign_coords(
        level=("level", levels, {"long_name": "level of a quantile", "units": "1"})
    )
    mean, error, typical, typical_error, zeros, found = zip(
        *_points(source, observable, levels, floor or 0.0, client), strict=True
    )
    said, units = kind.long_name, kind.units
    typically = f"typical {said}"
    put(result, "mean", dims, mean, f"mean {said}", units)
    put(result, "error", dims, error, f"standard error of the mean {said}", units)
    put(result, "typical", dims, typical, typically, units)
    put(result, "typical_error", dims, typical_error, f"standard error of the {typically}", units)
    put(result, "zeros", dims, zeros, f"fraction of zeros of {said}")
    put(result, "quantile", (*axes, "level", *kind.dims), found, f"quantile of {said}", units)
    left_out = "exactly 0" if not floor else f"below {floor:g}"
    result["typical"].attrs["zeros"] = f"values {left_out} are left out; their fraction is in the variable zeros"
    result["zeros"].attrs["zeros"] = f"values {left_out}"
    return result.sortby(list(axes))


def _points(
    source: Source, name: str, levels: NDArray[np.float64], floor: float, client: Client | None
) -> Iterator[list[NDArray[Any]]]:
    """All about every point, in tasks that each hold some of the elements of all its realizations."""
    shape = tuple(len(source.layout.coords[dim]) for dim in source.layout.observables[name].dims)
    elements = math.prod(shape)
    array = source.array(name)
    tasks = []
    for runs in source.runs(name):
        width = max(1, _HELD_RUNS * reading.RUN_BYTES // (8 * max(1, runs[0].total)))
        tasks.append([(array, runs, slice(at, at + width), levels, floor) for at in range(0, elements, width)])
    for parts in source.by_point(client, _of_elements, tasks):
        joined = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
        yield [each.reshape((*each.shape[:-1], *shape)) for each in joined]


def _of_elements(
    array: "zarr.Array[Any]", runs: Sequence[Run], part: slice, levels: NDArray[np.float64], floor: float
) -> tuple[NDArray[Any], ...]:
    """The task: mean and error, typical value and error, zeros and quantiles of some elements of a point."""
    elements = math.prod(array.shape[len(runs[0].cell) + 1 :])
    ordered = np.empty((len(range(elements)[part]), runs[0].total))
    values = logarithms = Moments.of(np.empty((0, len(ordered)), array.dtype))
    for run in runs:
        rows = run.read(array)
        rows = rows.reshape(len(rows), elements)[:, part]
        for slab in slabs(rows):  # what is made of them on the way stays in the cache
            real = np.abs(rows[slab]) if np.iscomplexobj(rows) else rows[slab]
            here = run.before + slab.start
            ordered[:, here : here + len(real)] = real.T
            values += Moments.of(rows[slab])
            logarithms += _of_logarithms(np.abs(real).astype(np.float64, copy=False), floor)
    mean, error = values.finalize()
    zeros = np.where(np.isnan(mean), np.nan, 1 - logarithms.count / max(1, int(values.count)))
    logarithm, its_error = logarithms.finalize()
    typical = np.exp(logarithm)
    ordered.sort(axis=1)
    return mean, error, typical, typical * its_error, zeros, _quantiles(ordered, levels)


def _of_logarithms(sizes: NDArray[np.float64], floor: float) -> Moments:
    """The moments of the logarithms of those that are not zero."""
    kept = (sizes != 0) & ~(sizes < floor)
    return Moments.of(np.log(sizes * kept + ~kept), kept)  # no np.where: zeros fall at random, and branches are slow


def _quantiles(ordered: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles over (level, element) of sorted rows, between two of them on the straight line as NumPy has it.

    Sorting everything is several times faster than NumPy's quantiles, which select what they need.
    """
    count = ordered.shape[1]
    if not count:
        return np.full((len(levels), len(ordered)), np.nan)
    place = levels * (count - 1)
    below = np.floor(place).astype(np.int64)
    low, high = ordered[:, below], ordered[:, np.minimum(below + 1, count - 1)]
    found = low + (high - low) * (place - below)
    return np.where(np.isnan(ordered[:, -1]), np.nan, found.T)  # missing values are sorted to the end
