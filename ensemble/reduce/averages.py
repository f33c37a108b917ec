"""Averages of observables over realizations, with their standard errors.

The points of one trajectory are correlated, different realizations are not. So for an average over time, such as the
late-time plateau, every trajectory is averaged over time first, and the error is computed from these averages.

The mean of a complex observable is complex. Its error is real: the standard error of the distance from the mean in the
complex plane. Where an observable is padded with NaN, its averages are NaN.
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
from ensemble.reduce.plateaus import plateau_mean
from ensemble.reduce.rare_events import put_weights, realization_weights
from ensemble.reduce.reading import ChunkRun, Select, StoreReader, put
from ensemble.store.location import Location

_WEIGHTS = ("half", "heaviest", "heaviest_index", "handful")
"""Results of `realization_weights` that audited averages contain."""


def average(
    store: str | Location,
    *,
    observables: Sequence[str] | None = None,
    audited: bool = False,
    select: Select | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Average observables over the realizations that are done.

    Parameters
    ----------
    store
        Path or URL of the store.
    observables
        Names of the observables. Default: all observables of the store.
    audited
        If true, also tell which realizations carry each mean, as `rare_realizations` does, from the same realizations
        and without a second reading. Only for observables that are a real number or a real function of t alone.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    client
        Dask client whose workers read the store. Default: this process reads it.

    Returns
    -------
    xarray.Dataset
        For an observable `C`, over (axes..., observable dims...):

        - `C`, the mean, and `C_error`, its standard error.
        - `C_late` and `C_late_error`, only if `C` is a function of t: the plateau and its standard error. The plateau
          is the mean over the last tenth of the points of the time grid. It has no dimension t.
        - `C_half`, `C_heaviest`, `C_heaviest_index` and `C_handful`, only if `audited`: see `rare_realizations`.

        `count`, over (axes...), is the number of realizations. Without realizations the mean is NaN; with fewer than
        two realizations the error is NaN.

    Raises
    ------
    ReductionError
        If the store has no such observable, axis or value of an axis.

    Notes
    -----
    With n realizations x_r, the mean is x̄ = (1/n) Σ_r x_r and its standard error is

        σ(x̄) = √( Σ_r |x_r - x̄|² / (n (n - 1)) ).
    """
    source = StoreReader.of(store, select)
    axes = tuple(source.layout.axes)
    chosen = {name: source.observable(name) for name in observables or source.layout.observables}
    used = {dim for observable in chosen.values() for dim in observable.dims}
    result = source.frame(dim for dim in source.layout.coords if observables is None or dim in used)
    for name, observable in chosen.items():
        late = observable.dims.index("t") if "t" in observable.dims else None
        weighing = audited and _has_weights(observable)
        full, tail, weights = [], [], []
        for parts in source.reduced(name, _run_moments, client, late, weighing):
            whole, plateau, kept = functools.reduce(_combine, parts)
            full.append(whole)
            tail.append(plateau)
            if weighing:  # at once, so that memory holds the plateaus of one point only
                weights.append(realization_weights(kept))
        label, units = observable.long_name, observable.units
        _put_moments(result, name, (*axes, *observable.dims), full, f"mean {label}", units)
        if late is not None:
            rest = tuple(dim for dim in observable.dims if dim != "t")
            _put_moments(result, f"{name}_late", (*axes, *rest), tail, f"late-time mean {label}", units)
        if weighing:
            put_weights(result, weights, {each: f"{name}_{each}" for each in _WEIGHTS}, observable)
    return result.sortby(list(axes))


def curves(averages: xr.Dataset) -> list[str]:
    """List the averages that can be drawn as lines: real functions of one numeric coordinate.

    Parameters
    ----------
    averages
        A result of `average`.

    Returns
    -------
    list of str
        Names of variables that have an error and exactly one dimension besides the axes, such as `C`.
    """
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
    """Whether realizations have weights: for a real number, or a real function of t alone through its plateau."""
    return set(observable.dims) <= {"t"} and np.dtype(observable.dtype).kind != "c"


def _run_moments(
    rows: NDArray[Any], run: ChunkRun, late: int | None, weighing: bool
) -> tuple[Moments, Moments, list[Any]]:
    """Chunk: the moments of the realizations and of their plateaus; the plateaus themselves if `weighing`."""
    plateaus = plateau_mean(rows, late)
    kept = [(run.indices, plateaus)] if weighing else []
    return Moments.of(rows), Moments.of(rows[:0] if late is None else plateaus), kept


def _combine(
    one: tuple[Moments, Moments, list[Any]], other: tuple[Moments, Moments, list[Any]]
) -> tuple[Moments, Moments, list[Any]]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _put_moments(
    result: xr.Dataset, name: str, dims: tuple[str, ...], moments: Iterable[Moments], label: str, units: str
) -> None:
    """Add the mean and the standard error of one variable to the result."""
    means, errors = zip(*(each.finalize() for each in moments), strict=True)
    put(result, name, dims, means, label, units)
    put(result, f"{name}_error", dims, errors, f"standard error of the {label}", units)
