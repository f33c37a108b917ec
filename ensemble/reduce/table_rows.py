"""Results of reductions as rows of tables and of JSON, and as lines of warnings."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from ensemble.errors import ReductionError
from ensemble.reduce import curves
from ensemble.store import Layout
from ensemble.store.location import Location
from ensemble.sweep.sweep import format_value

_WEIGHTS = ("half", "heaviest", "heaviest_index", "handful")
"""Weights of realizations that audited averages contain for every mean."""


def only_observable(store: Location, needed_by: str) -> str:
    """The observable of a store that has only one; an error asks for a choice if there are several."""
    names = list(Layout.read(store).observables)
    if len(names) > 1:
        raise ReductionError(f"--observable must be given with {needed_by}, one of {', '.join(names)}")
    return names[0]


def functions(averages: xr.Dataset) -> list[str]:
    """Names of the observables that are real functions of one coordinate.

    They have a peak; functions of t also have a plateau.
    """
    late = {f"{name}_late" for name in averages.data_vars}
    return [name for name in curves(averages) if name not in late]


def numbers(averages: xr.Dataset) -> list[str]:
    """Names of the observables that are one real number at every point."""
    return [
        name
        for name in map(str, averages.data_vars)
        if f"{name}_error" in averages
        and averages[name].dims == averages["count"].dims
        and averages[name].dtype.kind == "f"
        and not name.endswith("_late")
    ]


def coordinate(averages: xr.Dataset, name: str) -> str:
    """The coordinate that an observable is a function of."""
    return str(averages[name].dims[-1])


def told_numbers(point: xr.Dataset, name: str) -> dict[str, Any]:
    """The numbers that a table shows of one observable at one point, with their errors.

    For a function: its peak, the coordinate of the peak (`at`), and its plateau if it is a function of t. For a number:
    its mean. The peak is the value farthest from 0, so it may be negative.
    """
    mean, error = point[name].to_numpy(), point[f"{name}_error"].to_numpy()
    if mean.ndim == 0:
        return {"mean": mean.item(), "error": error.item()}
    if np.isnan(mean).all():  # padding: the observable does not exist at this point
        top = {"peak": np.nan, "peak_error": np.nan, "at": np.nan}
    else:
        position = int(np.nanargmax(np.abs(mean)))
        at = point[coordinate(point, name)].to_numpy()[position]
        top = {"peak": mean[position].item(), "peak_error": error[position].item(), "at": at.item()}
    if f"{name}_late" not in point:
        return top
    return {**top, "plateau": point[f"{name}_late"].item(), "plateau_error": point[f"{name}_late_error"].item()}


def points(result: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """The points that have realizations: the values of the axes, and the result at the point."""
    axes = [str(dim) for dim in result["count"].dims]
    for cell in np.ndindex(*result["count"].shape):
        point = result.isel(dict(zip(axes, cell, strict=True)))
        if point["count"].item():
            yield {axis: point[axis].item() for axis in axes}, point


def average_rows(averages: xr.Dataset) -> list[dict[str, Any]]:
    """A row of averages for every point, for JSON; with the weights of realizations if the averages are audited."""
    rows = []
    for parameters, point in points(averages):
        row: dict[str, Any] = {"point": parameters, "count": point["count"].item()}
        for name in (*functions(averages), *numbers(averages)):
            weights = {each: point[f"{name}_{each}"].item() for each in _WEIGHTS if f"{name}_{each}" in averages}
            row[name] = told_numbers(point, name) | weights
        rows.append(row)
    return rows


def statistics_rows(result: xr.Dataset) -> list[dict[str, Any]]:
    """A row of statistics for every point and every element of the dims of the observable; only at the last time."""
    rows = []
    for parameters, point in points(result):
        last = point.isel(t=slice(-1, None)) if "t" in point["mean"].dims else point
        dims = [str(dim) for dim in last["mean"].dims]
        for cell in np.ndindex(*last["mean"].shape):
            element = last.isel(dict(zip(dims, cell, strict=True)))
            row: dict[str, Any] = {"point": parameters, "count": element["count"].item()}
            row["place"] = {dim: element[dim].item() for dim in dims}
            row |= {each: element[each].item() for each in ("mean", "error", "typical", "typical_error", "zeros")}
            row["quantiles"] = {format_value(each["level"].item()): each.item() for each in element["quantile"]}
            rows.append(row)
    return rows


def handfuls(averages: xr.Dataset) -> list[str]:
    """A line of warning for every audited mean that only a few realizations carry."""
    function_names = functions(averages)
    names = [name for name in (*function_names, *numbers(averages)) if f"{name}_handful" in averages]
    lines = []
    for parameters, point in points(averages):
        varying = {axis: value for axis, value in parameters.items() if averages.sizes[axis] > 1} or parameters
        where = ", ".join(f"{axis} = {format_value(value)}" for axis, value in varying.items())
        for name in names:
            if point[f"{name}_handful"].item():
                what = "plateau" if name in function_names else "mean"
                of = f" of {name}" if len(names) > 1 else ""
                half, count = point[f"{name}_half"].item(), point["count"].item()
                lines.append(f"{where}: half of the {what}{of} comes from {half:.0f} of {count} realizations")
    return lines
