"""Tables of plans, averages and distributions."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import xarray as xr
from rich.table import Table

from ensemble.cli.terminal.styles import console, empty_table, tall_table
from ensemble.reduce import table_rows
from ensemble.run.plan import Plan, PointPlan
from ensemble.sweep.sweep import format_value
from ensemble.sweep.units import format_bytes, format_duration, format_with_error

_BETWEEN = 3
"""Characters between two columns."""


def plan_table(plan: Plan, axes: list[str]) -> Table:
    """Table of a plan: realizations done, expected and missing, tasks, time and bytes.

    Parameters
    ----------
    plan : Plan
        The plan of a sweep.
    axes : list of str
        Names of the axes.

    Returns
    -------
    rich.table.Table
        One row per point.
    """
    headers = (*axes, "done", "expected", "missing", "one takes", "tasks", "core time", "data")
    return tall_table(headers, (_plan_cells(plan, each) for each in plan.points))


def _plan_cells(plan: Plan, each: PointPlan) -> list[str]:
    values = [format_value(value) for _, value in each.point.values]
    expected = f"{'' if each.sure else '≤ '}{each.expected}"
    core, data = format_duration(each.missing * each.seconds), format_bytes(each.missing * plan.bytes_each)
    takes = format_duration(each.seconds)
    return [*values, str(each.done), expected, str(each.missing), takes, str(each.tasks), core, data]


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """The same content for JSON.

    Parameters
    ----------
    plan : Plan
        The plan of a sweep.

    Returns
    -------
    list of dict
        One row per point: `point`, `done`, `expected`, `sure`, `missing`, `seconds` (of one realization), `tasks`.
    """
    names = ("done", "expected", "sure", "missing", "seconds", "tasks")
    return [{"point": dict(each.point.values), **{name: getattr(each, name) for name in names}} for each in plan.points]


def average_tables(averages: xr.Dataset) -> list[Table]:
    """Tables of averages: peak and plateau of functions of one coordinate, one table each; numbers share tables.

    Parameters
    ----------
    averages : xarray.Dataset
        Averages as returned by `ensemble.average`.

    Returns
    -------
    list of rich.table.Table
        Tables with one row per point.
    """
    headers = [*map(str, averages["count"].dims), "n"]
    points = list(table_rows.points(averages))
    rows = [[*map(format_value, point.values()), str(one["count"].item())] for point, one in points]
    shown = {
        name: [_shown_average(table_rows.told_numbers(one, name)) for _, one in points]
        for name in (*table_rows.functions(averages), *table_rows.numbers(averages))
    }
    tables = [
        _filled([*headers, *_headers(averages, name)], rows, shown[name]) for name in table_rows.functions(averages)
    ]
    numbers = {name: [number for (number,) in shown[name]] for name in table_rows.numbers(averages)}
    tables += [
        _filled([*headers, *some], rows, zip(*(numbers[name] for name in some), strict=True))
        for some in _side_by_side(numbers, console().width - _width(headers, *rows))
    ]
    return tables or [_filled(headers, rows, ([] for _ in rows))]


def _filled(headers: list[str], rows: list[list[str]], columns: Iterable[Sequence[str]]) -> Table:
    table = empty_table(*headers)
    for row, more in zip(rows, columns, strict=True):
        table.add_row(*row, *more)
    return table


def _side_by_side(numbers: Mapping[str, list[str]], room: int) -> Iterator[list[str]]:
    """Split the names of numbers into groups that fit side by side into `room` characters."""
    names: list[str] = []
    used = 0
    for name, column in numbers.items():
        width = _width([name], *([each] for each in column))
        if names and used + width > room:
            yield names
            names, used = [], 0
        names.append(name)
        used += width
    if names:
        yield names


def _width(*rows: list[str]) -> int:
    """Width of some columns in characters, with the space between them."""
    return sum(max(map(len, column)) + _BETWEEN for column in zip(*rows, strict=True))


def _headers(averages: xr.Dataset, name: str) -> list[str]:
    """Column headers of a function; only functions of t have a plateau."""
    late = ["plateau"] if f"{name}_late" in averages else []
    return [f"peak of {name}", f"at {table_rows.coordinate(averages, name)}", *late]


def _shown_average(told: dict[str, float]) -> list[str]:
    """A number with its error; for a function: its peak, the position of the peak, and its plateau if it has one."""
    if "mean" in told:
        return [format_with_error(told["mean"], told["error"])]
    late = "plateau" in told
    if math.isnan(told["peak"]):
        return ["-", "-", *["-"] * late]
    plateau = [format_with_error(told["plateau"], told["plateau_error"])] if late else []
    return [format_with_error(told["peak"], told["peak_error"]), f"{told['at']:.3g}", *plateau]


def statistics_table(result: xr.Dataset) -> Table:
    """Table of distributions: mean, typical value, fraction of zeros and quantiles; functions of t at the last time.

    Parameters
    ----------
    result : xarray.Dataset
        Statistics as returned by `ensemble.reduce.statistics`.

    Returns
    -------
    rich.table.Table
        One row per point, and per value of further coordinates.
    """
    axes = [str(dim) for dim in result["count"].dims]
    dims = [str(dim) for dim in result["mean"].dims[len(axes) :]]
    levels = [format_value(level) for level in result["level"].to_numpy().tolist()]
    table = empty_table(*axes, "n", *dims, "mean", "typical", "zeros", *levels)
    for row in table_rows.statistics_rows(result):
        place = [format_value(value) for value in row["point"].values()]
        place += [str(row["count"]), *(format_value(value) for value in row["place"].values())]
        typical = format_with_error(row["typical"], row["typical_error"])
        quantiles = [f"{value:.4g}" for value in row["quantiles"].values()]
        table.add_row(*place, _shown_mean(row["mean"], row["error"]), typical, f"{row['zeros']:.3g}", *quantiles)
    return table


def _shown_mean(mean: complex, error: float) -> str:
    """A mean with its error; a complex mean has one error, that of the distance in the complex plane."""
    return f"{mean:.4g} ± {error:.2g}" if isinstance(mean, complex) else format_with_error(mean, error)
