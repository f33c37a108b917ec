"""Averages over realizations, with their standard errors.

Errors of anything averaged over time, such as the late-time plateau, come from averaging every trajectory first:
the points of one trajectory are correlated, different realizations are not.

The mean of complex numbers is complex, its error real: that of the distance in the plane. Where an observable is
padded with NaN, so are its averages.
"""

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.reduce.moments import Moments
from ensemble.reduce.reading import Run, Source, put

_LATE = 0.1
"""The plateau is the mean over this last part of the time grid."""


def average(store: str | Path, *, observables: Sequence[str] | None = None, client: Client | None = None) -> xr.Dataset:
    """Averages of all observables, or of some, over the realizations done so far, over (axes..., observable dims...).

    For an observable `C`: `C` (mean), `C_error` (standard error) and, if it is a function of t, `C_late` and
    `C_late_error`, the plateau: the mean over the last tenth of the time grid. `count` is the number of
    realizations. With a client the reading is done on its cluster.
    """
    source = Source.of(store)
    axes = tuple(source.layout.axes)
    chosen = {name: source.observable(name) for name in observables or source.layout.observables}
    used = {dim for observable in chosen.values() for dim in observable.dims}
    result = source.frame(dim for dim in source.layout.coords if observables is None or dim in used)
    for name, observable in chosen.items():
        late = observable.dims.index("t") if "t" in observable.dims else None
        full, tail = zip(
            *(
                functools.reduce(_both_together, parts)
                for _, parts in source.reduced(name, _both_moments, client, late)
            ),
            strict=True,
        )
        said, units = observable.long_name, observable.units
        _put_moments(result, name, (*axes, *observable.dims), full, f"mean {said}", units)
        if late is not None:
            rest = tuple(dim for dim in observable.dims if dim != "t")
            _put_moments(result, f"{name}_late", (*axes, *rest), tail, f"late-time mean {said}", units)
    return result.sortby(list(axes))


def curves(averages: xr.Dataset) -> list[str]:
    """The averages that are real functions of a single coordinate, a number, and so can be drawn as lines."""
    points = averages["count"].ndim
    return [
        name
        for name in map(str, averages.data_vars)
        if f"{name}_error" in averages
        and averages[name].ndim == points + 1
        and averages[name].dtype.kind == "f"
        and averages[averages[name].dims[-1]].dtype.kind in "iuf"
    ]


def late_mean(rows: NDArray[Any], time: int) -> NDArray[Any]:
    """The plateau of every realization; `time` is the place of t among the observable's dimensions."""
    length = rows.shape[time + 1]
    late = (slice(None),) * (time + 1) + (slice(length - math.ceil(length * _LATE), None),)
    mean: NDArray[Any] = rows[late].mean(axis=time + 1)
    return mean


def _both_moments(rows: NDArray[Any], _run: Run, late: int | None) -> tuple[Moments, Moments]:
    """Chunk: the moments of the realizations, and of their plateaus."""
    return Moments.of(rows), Moments.of(rows[:0] if late is None else late_mean(rows, late))


def _both_together(one: tuple[Moments, Moments], other: tuple[Moments, Moments]) -> tuple[Moments, Moments]:
    full, tail = map(operator.add, one, other)
    return full, tail


def _put_moments(
    result: xr.Dataset, name: str, dims: tuple[str, ...], moments: Iterable[Moments], said: str, units: str
) -> None:
    """Add mean and standard error of one quantity to the result."""
    means, errors = zip(*(each.finalize() for each in moments), strict=True)
    put(result, name, dims, means, said, units)
    put(result, f"{name}_error", dims, errors, f"standard error of the {said}", units)
