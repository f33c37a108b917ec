"""How an observable is distributed over realizations: mean, typical value, share of zeros, quantiles.

What is said about the size of values, that is typical values and zeros, holds for |x|; so do the quantiles of
complex numbers.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import ReductionError
from ensemble.reduce import reading
from ensemble.reduce.moments import Moments
from ensemble.reduce.reading import Run, Source, mapped, put


def statistics(
    store: str | Path,
    observable: str,
    *,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
    floor: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """The distribution of an observable over the realizations done so far, over (axes..., observable dims...).

    `mean` and `error`; `typical` and `typical_error`, the geometric mean of |x| over the realizations where it is
    not zero, its error from that of the mean logarithm; `zeros`, the fraction where it is: exactly 0, or below
    `floor` if one is given; `quantile` over the dimension `level`; `count`.

    Quantiles are exact. A task holds 64 MB of one point's values at a time, so a point with k times as much is read
    k times for them, besides the once for all the rest.
    """
    for level in quantiles:
        if not 0 <= level <= 1:
            raise ReductionError(f"quantiles must be between 0 and 1, got {level:g}")
    if floor is not None and not 0 <= floor < math.inf:
        raise ReductionError(f"floor must be a number that is not negative, got {floor:g}")
    source = Source.of(store)
    kind = source.observable(observable)
    axes = tuple(source.layout.axes)
    dims = (*axes, *kind.dims)
    result = source.frame(kind.dims).assign_coords(
        level=("level", np.asarray(quantiles, dtype=np.float64), {"long_name": "level of a quantile", "units": "1"})
    )
    plain, logs, empty = [], [], []
    for _, parts in source.reduced(observable, _both_moments, client, floor or 0.0):
        values, logarithms = next(parts)
        for more_values, more_logarithms in parts:
            values, logarithms = values + more_values, logarithms + more_logarithms
        mean, error = values.finalize()
        plain.append((mean, error))
        empty.append(np.where(np.isnan(mean), np.nan, 1 - logarithms.count / max(1, int(values.count))))
        mean, error = logarithms.finalize()
        logs.append((np.exp(mean), np.exp(mean) * error))
    said, units = kind.long_name, kind.units
    typical = f"typical {said}"
    put(result, "mean", dims, (mean for mean, _ in plain), f"mean {said}", units)
    put(result, "error", dims, (error for _, error in plain), f"standard error of the mean {said}", units)
    put(result, "typical", dims, (mean for mean, _ in logs), typical, units)
    put(result, "typical_error", dims, (error for _, error in logs), f"standard error of the {typical}", units)
    put(result, "zeros", dims, empty, f"fraction of zeros of {said}")
    left_out = "exactly 0" if not floor else f"below {floor:g}"
    result["typical"].attrs["zeros"] = f"values {left_out} are left out; their fraction is in the variable zeros"
    result["zeros"].attrs["zeros"] = f"values {left_out}"
    found = _quantiles(source, observable, result["level"].to_numpy(), client)
    put(result, "quantile", (*axes, "level", *kind.dims), found, f"quantile of {said}", units)
    return result.sortby(list(axes))


def _both_moments(rows: NDArray[Any], _run: Run, floor: float) -> tuple[Moments, Moments]:
    """Chunk: the moments of the values, and of the logarithms of those that are not zero."""
    sizes = np.abs(rows)
    kept = ~((sizes == 0) | (sizes < floor))
    return Moments.of(rows), Moments.of(np.log(np.where(kept, sizes, 1.0)), kept)


def _quantiles(
    source: Source, name: str, levels: NDArray[np.float64], client: Client | None
) -> Iterator[NDArray[np.float64]]:
    """The quantiles of every point, in tasks that each hold some of the elements of all its realizations."""
    shape = tuple(len(source.layout.coords[dim]) for dim in source.layout.observables[name].dims)
    elements = math.prod(shape)
    tasks = []
    for _, runs in source.runs(name):
        width = max(1, reading.RUN_BYTES // (8 * max(1, runs[0].total)))
        tasks.append([(source.path, name, runs, slice(at, at + width), levels) for at in range(0, elements, width)])
    found = mapped(client, _some_quantiles, (task for point in tasks for task in point))
    for point in tasks:
        parts = [next(found) for _ in point]
        yield np.concatenate(parts, axis=1).reshape(len(levels), *shape)


def _some_quantiles(
    store: Path, name: str, runs: Sequence[Run], part: slice, levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The task: all realizations of some elements, and their quantiles over (level, element)."""
    values = np.empty((0, 0))
    for run in runs:
        rows = run.read(store, name)
        rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))[:, part]
        if not values.size:
            values = np.empty((rows.shape[1], run.total))
        values[:, run.before : run.before + len(rows)] = (np.abs(rows) if np.iscomplexobj(rows) else rows).T
    if not values.shape[1]:
        return np.full((len(levels), values.shape[0]), np.nan)
    quantiles: NDArray[np.float64] = np.quantile(values, levels, axis=1, overwrite_input=True)
    return quantiles
