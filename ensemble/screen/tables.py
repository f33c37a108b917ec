"""Tables of sweeps and stores: what they take, what their averages are."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import xarray as xr
from rich.table import Table

from ensemble import report
from ensemble.forecast import Plan, PointPlan
from ensemble.screen.terminal import console, empty_table, tall_table
from ensemble.sweep import shown
from ensemble.wording import duration, size, with_error

_BETWEEN = 3
"""Characters between two columns."""


def plan_table(plan: Plan, axes: list[str]) -> Table:
    """A row for every point: what is there, what is missing, what it takes."""
    headers = (*axes, "done", "expected", "missing", "one takes", "tasks", "core time", "data")
    return tall_table(headers, (_plan_cells(plan, each) for each in plan.points))


def _plan_cells(plan: Plan, each: PointPlan) -> list[str]:
    values = [shown(value) for _, value in each.point.values]
    expected = f"{'' if each.sure else '≤ '}{each.expected}"
    core, data = duration(each.missing * each.seconds), size(each.missing * plan.bytes_each)
    takes = duration(each.seconds)
    return [*values, str(each.done), expected, str(each.missing), takes, str(each.tasks), core, data]


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """The same for scripts."""
    names = ("done", "expected", "sure", "missing", "seconds", "tasks")
    return [{"point": dict(each.point.values), **{name: getattr(each, name) for name in names}} for each in plan.points]


def average_tables(averages: xr.Dataset) -> list[Table]:
    """A row for every point: the peak of each function of one coordinate, and its plateau; numbers side by side."""
    places = [*map(str, averages["count"].dims), "n"]
    points = list(report.points(averages))
    rows = [[*map(shown, point.values()), str(one["count"].item())] for point, one in points]
    told = {
        name: [_shown_average(report.told_numbers(one, name)) for _, one in points]
        for name in (*report.functions(averages), *report.numbers(averages))
    }
    tables = [_filled([*places, *_heads(averages, name)], rows, told[name]) for name in report.functions(averages)]
    numbers = {name: [number for (number,) in told[name]] for name in report.numbers(averages)}
    tables += [
        _filled([*places, *some], rows, zip(*(numbers[name] for name in some), strict=True))
        for some in _abreast(numbers, console().width - _width(places, *rows))
    ]
    return tables or [_filled(places, rows, ([] for _ in rows))]


def _filled(headers: list[str], rows: list[list[str]], told: Iterable[Sequence[str]]) -> Table:
    table = empty_table(*headers)
    for row, more in zip(rows, told, strict=True):
        table.add_row(*row, *more)
    return table


def _abreast(numbers: Mapping[str, list[str]], room: int) -> Iterator[list[str]]:
    """The names of what stands in one table: as many as there is room for, in their order."""
    some: list[str] = []
    taken = 0
    for name, column in numbers.items():
        width = _width([name], *([each] for each in column))
        if some and taken + width > room:
            yield some
            some, taken = [], 0
        some.append(name)
        taken += width
    if some:
        yield some


def _width(*rows: list[str]) -> int:
    """Characters that columns take, with what is between them."""
    return sum(max(map(len, column)) + _BETWEEN for column in zip(*rows, strict=True))


def _heads(averages: xr.Dataset, name: str) -> list[str]:
    """What is told of a function: only those of t have a plateau."""
    late = ["plateau"] if f"{name}_late" in averages else []
    return [f"peak of {name}", f"at {report.coordinate(averages, name)}", *late]


def _shown_average(told: dict[str, float]) -> list[str]:
    """A number with its error; of a function its peak, where that is, and its plateau if it has one."""
    if "mean" in told:
        return [with_error(told["mean"], told["error"])]
    late = "plateau" in told
    if math.isnan(told["peak"]):
        return ["-", "-", *["-"] * late]
    plateau = [with_error(told["plateau"], told["plateau_error"])] if late else []
    return [with_error(told["peak"], told["peak_error"]), f"{told['at']:.3g}", *plateau]


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
