"""Averages over realizations, with their standard errors.

Errors of anything averaged over time, such as the late-time plateau, come from averaging every trajectory first:
the points of one trajectory are correlated, different realizations are not.

The mean of complex numbers is complex, its error real: that of the distance in the plane. Where an observable is
padded with NaN, so are its averages.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.models.model import Observable
from ensemble.reduce.moments import Moments
from ensemble.reduce.plateaus import late_mean
from ensemble.reduce.rare import put_weights, weighed
from ensemble.reduce.reading import Run, Select, Source, put
from ensemble.store.place import Place

_WEIGHTS = ("half", "heaviest", "heaviest_index", "handful")
"""What averages have of an audit."""


def average(
    store: str | Place,
    *,
    observables: Sequence[str] | None = None,
    audited: bool = False,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Averages of all observables, or of some, over the realizations done so far, over (axes..., observable dims...).

    For an observable `C`: `C` (mean), `C_error` (standard error) and, if it is a function of t, `C_late` and
    `C_late_error`, the plateau: the mean over the last tenth of the time grid. `count` is the number of
    realizations. If `audited`, what is a real number or a real function of t alone has `C_half`, `C_heaviest`,
    `C_heaviest_index` and `C_handful` as well, as in `audit`, of the same realizations in the same reading.

    `select` are values of axes, such as {"N": [8, 10], "epsilon": 0}: only the points that have them are read. With
    a client the reading is done on its cluster.
    """
    source = Source.of(store, select)
    axes = tuple(source.layout.axes)
    chosen = {name: source.observable(name) for name in observables or source.layout.observables}
    used = {dim for observable in chosen.values() for dim in observable.dims}
    result = source.frame(dim for dim in source.layout.coords if observables is None or dim in used)
    for name, observable in chosen.items():
        late = observable.dims.index("t") if "t" in observable.dims else None
        weighing = audited and _has_weights(observable)
        full, tail, weights = [], [], []
        for parts in source.reduced(name, _of_run, client, late, weighing):
            whole, plateau, kept = functools.reduce(_together, parts)
            full.append(whole)
            tail.append(plateau)
            if weighing:  # at once, so that the numbers of one point are held and no more
                weights.append(weighed(kept))
        said, units = observable.long_name, observable.units
        _put_moments(result, name, (*axes, *observable.dims), full, f"mean {said}", units)
        if late is not None:
            rest = tuple(dim for dim in observable.dims if dim != "t")
            _put_moments(result, f"{name}_late", (*axes, *rest), tail, f"late-time mean {said}", units)
        if weighing:
            put_weights(result, weights, {each: f"{name}_{each}" for each in _WEIGHTS}, observable)
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


def _has_weights(observable: Observable) -> bool:
    """Whether one number of each realization tells its share: a real one, or the plateau of a real function of t."""
    return set(observable.dims) <= {"t"} and np.dtype(observable.dtype).kind != "c"


def _of_run(rows: NDArray[Any], run: Run, late: int | None, weighing: bool) -> tuple[Moments, Moments, list[Any]]:
    """Chunk: the moments of the realizations and of their plateaus, and the plateaus if they are to be weighed."""
    plateaus = late_mean(rows, late)
    kept = [(run.indices, plateaus)] if weighing else []
    return Moments.of(rows), Moments.of(rows[:0] if late is None else plateaus), kept


def _together(
    one: tuple[Moments, Moments, list[Any]], other: tuple[Moments, Moments, list[Any]]
) -> tuple[Moments, Moments, list[Any]]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _put_moments(
    result: xr.Dataset, name: str, dims: tuple[str, ...], moments: Iterable[Moments], said: str, units: str
) -> None:
    """Add mean and standard error of one quantity to the result."""
    means, errors = zip(*(each.finalize() for each in moments), strict=True)
    put(result, name, dims, means, said, units)
    put(result, f"{name}_error", dims, errors, f"standard error of the {said}", units)
