"""Tables of sweeps and stores: what they take, what their averages are."""

import math
from typing import Any

import xarray as xr
from rich.table import Table

from ensemble import report
from ensemble.forecast import Plan
from ensemble.screen.terminal import empty_table
from ensemble.sweep import shown
from ensemble.wording import duration, size, with_error


def plan_table(plan: Plan, axes: list[str]) -> Table:
    """A row for every point: what is there, what is missing, what it takes."""
    table = empty_table(*axes, "done", "expected", "missing", "one takes", "tasks", "core time", "data")
    for each in plan.points:
        data = size(each.missing * plan.bytes_each)
        core = duration(each.missing * each.seconds)
        values = [shown(value) for _, value in each.point.values]
        expected = f"{'' if each.sure else '≤ '}{each.expected}"
        table.add_row(
            *values, str(each.done), expected, str(each.missing), duration(each.seconds), str(each.tasks), core, data
        )
    return table


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """The same for scripts."""
    names = ("done", "expected", "sure", "missing", "seconds", "tasks")
    return [{"point": dict(each.point.values), **{name: getattr(each, name) for name in names}} for each in plan.points]


def average_tables(averages: xr.Dataset) -> list[Table]:
    """A row for every point: peak and plateau of each observable over t alone, a table each; numbers in one table."""
    tables = [
        _point_table(averages, [f"peak of {name}", "at t", "plateau"], [name]) for name in report.functions(averages)
    ]
    names = report.numbers(averages)
    if names or not tables:
        tables.append(_point_table(averages, names, names))
    return tables


def _point_table(averages: xr.Dataset, headers: list[str], names: list[str]) -> Table:
    table = empty_table(*map(str, averages["count"].dims), "n", *headers)
    for parameters, point in report.points(averages):
        row = [*map(shown, parameters.values()), str(point["count"].item())]
        table.add_row(*row, *(each for name in names for each in _shown_average(report.told_numbers(point, name))))
    return table


def _shown_average(told: dict[str, float]) -> list[str]:
    """A number with its error; of a function of t its peak, when that is, and its plateau."""
    if "mean" in told:
        return [with_error(told["mean"], told["error"])]
    if math.isnan(told["peak"]):
        return ["-", "-", "-"]
    plateau = with_error(told["plateau"], told["plateau_error"])
    return [with_error(told["peak"], told["peak_error"]), f"{told['at']:.3g}", plateau]


def statistics_table(result: xr.Dataset) -> Table:
    """A row for every point: mean, typical value, zeros and quantiles; of functions of t at the last time."""
    axes = [str(dim) for dim in result["count"].dims]
    dims = [str(dim) for dim in result["mean"].dims[len(axes) :]]
    levels = [shown(level) for level in result["level"].to_numpy().tolist()]
    table = empty_table(*axes, "n", *dims, "mean", "typical", "zeros", *levels)
    for row in report.statistics_rows(result):
        place = [shown(value) for value in row["point"].values()]
        place += [str(row["count"]), *(shown(value) for value in row["place"].values())]
        typical = with_error(row["typical"], row["typical_error"])
        quantiles = [f"{value:.4g}" for value in row["quantiles"].values()]
        table.add_row(*place, _shown_mean(row["mean"], row["error"]), typical, f"{row['zeros']:.3g}", *quantiles)
    return table


def _shown_mean(mean: complex, error: float) -> str:
    """A mean with its error; of a complex one the error in the plane stands once."""
    return f"{mean:.4g} ± {error:.2g}" if isinstance(mean, complex) else with_error(mean, error)
