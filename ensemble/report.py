"""What reductions tell in numbers: the rows of tables and of JSON, and the words of a warning."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from ensemble.errors import ReductionError
from ensemble.reduce import curves
from ensemble.store import Layout
from ensemble.store.place import Place
from ensemble.sweep import shown

_WEIGHTS = ("half", "heaviest", "heaviest_index", "handful")
"""What audited averages tell of every mean besides."""


def only_observable(store: Place, needed_by: str) -> str:
    """The observable of a store that has one; an error asks for a choice where there are more."""
    names = list(Layout.read(store).observables)
    if len(names) > 1:
        raise ReductionError(f"--observable must be given with {needed_by}, one of {', '.join(names)}")
    return names[0]


def functions(averages: xr.Dataset) -> list[str]:
    """The observables that are real functions of one coordinate: they have a peak, and those of t a plateau."""
    late = {f"{name}_late" for name in averages.data_vars}
    return [name for name in curves(averages) if name not in late]


def numbers(averages: xr.Dataset) -> list[str]:
    """The observables that are one real number."""
    return [
        name
        for name in map(str, averages.data_vars)
        if f"{name}_error" in averages
        and averages[name].dims == averages["count"].dims
        and averages[name].dtype.kind == "f"
        and not name.endswith("_late")
    ]


def coordinate(averages: xr.Dataset, name: str) -> str:
    """What a function is a function of."""
    return str(averages[name].dims[-1])


def told_numbers(point: xr.Dataset, name: str) -> dict[str, Any]:
    """Of a function its peak, where that is, and over t its plateau; of a number its mean; each with its error.

    The peak is what is farthest from 0: a line may point down.
    """
    mean, error = point[name].to_numpy(), point[f"{name}_error"].to_numpy()
    if mean.ndim == 0:
        return {"mean": mean.item(), "error": error.item()}
    if np.isnan(mean).all():  # padding: the observable does not exist at this point
        top = {"peak": np.nan, "peak_error": np.nan, "at": np.nan}
    else:
        place = int(np.nanargmax(np.abs(mean)))
        at = point[coordinate(point, name)].to_numpy()[place]
        top = {"peak": mean[place].item(), "peak_error": error[place].item(), "at": at.item()}
    if f"{name}_late" not in point:
        return top
    return {**top, "plateau": point[f"{name}_late"].item(), "plateau_error": point[f"{name}_late_error"].item()}


def points(result: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """The points that have realizations: the values of the parameters, and what the result says there."""
    axes = [str(dim) for dim in result["count"].dims]
    for cell in np.ndindex(*result["count"].shape):
        point = result.isel(dict(zip(axes, cell, strict=True)))
        if point["count"].item():
            yield {axis: point[axis].item() for axis in axes}, point


def average_rows(averages: xr.Dataset) -> list[dict[str, Any]]:
    """What the tables of averages tell, and the weights of realizations if they were audited; for JSON."""
    rows = []
    for parameters, point in points(averages):
        row: dict[str, Any] = {"point": parameters, "count": point["count"].item()}
        for name in (*functions(averages), *numbers(averages)):
            weights = {each: point[f"{name}_{each}"].item() for each in _WEIGHTS if f"{name}_{each}" in averages}
            row[name] = told_numbers(point, name) | weights
        rows.append(row)
    return rows


def statistics_rows(result: xr.Dataset) -> list[dict[str, Any]]:
    """A row for every point, and every place in the other dimensions but t, of which the last is told."""
    rows = []
    for parameters, point in points(result):
        last = point.isel(t=slice(-1, None)) if "t" in point["mean"].dims else point
        dims = [str(dim) for dim in last["mean"].dims]
        for cell in np.ndindex(*last["mean"].shape):
            place = last.isel(dict(zip(dims, cell, strict=True)))
            row: dict[str, Any] = {"point": parameters, "count": place["count"].item()}
            row["place"] = {dim: place[dim].item() for dim in dims}
            row |= {each: place[each].item() for each in ("mean", "error", "typical", "typical_error", "zeros")}
            row["quantiles"] = {shown(each["level"].item()): each.item() for each in place["quantile"]}
            rows.append(row)
    return rows


def handfuls(averages: xr.Dataset) -> list[str]:
    """A line for every audited mean that rests on a handful of realizations."""
    curved = functions(averages)
    names = [name for name in (*curved, *numbers(averages)) if f"{name}_handful" in averages]
    lines = []
    for parameters, point in points(averages):
        telling = {axis: value for axis, value in parameters.items() if averages.sizes[axis] > 1} or parameters
        where = ", ".join(f"{axis} = {shown(value)}" for axis, value in telling.items())
        for name in names:
            if point[f"{name}_handful"].item():
                what = "plateau" if name in curved else "mean"
                of = f" of {name}" if len(names) > 1 else ""
                half, count = point[f"{name}_half"].item(), point["count"].item()
                lines.append(f"{where}: half of the {what}{of} comes from {half:.0f} of {count} realizations")
    return lines
