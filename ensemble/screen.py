"""What appears on the terminal: progress while a run goes on, tables before and after."""

import dataclasses
import math
import sys
import time
from typing import Any

import numpy as np
import xarray as xr
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ensemble import report
from ensemble.forecast import Plan
from ensemble.models.model import Model, fields
from ensemble.run import Summary, Watch
from ensemble.store import Ledger, Status
from ensemble.sweep import shown

_PLAIN_WIDTH = 120
_PLAIN_SECONDS = 10.0
"""Without a terminal, a line of progress this often."""


def console(*, stderr: bool = False) -> Console:
    """A console that fits its terminal, and is wide where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True)


class ProgressWatch(Watch):
    """A progress bar on a terminal, plain lines otherwise."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._wanted = self._done = self._failed = self._before = 0
        self._started = self._told = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self._console.print(text, style="dim", markup=False)

    def begin(self, wanted: int, done: int) -> None:
        """Show the bar."""
        self._wanted, self._done, self._before = wanted, done, done
        self._started = self._told = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console,
            )
            self._task = self._bar.add_task("realizations", total=wanted, completed=done)
            self._bar.start()
        else:
            self.say(f"{done} of {wanted} realizations are there")

    def landed(self, done: int, failed: int) -> None:
        """Advance the bar."""
        self._done += done + failed
        self._failed += failed
        if self._bar:
            said = f"realizations ([red]{self._failed} failed[/red])" if self._failed else "realizations"
            self._bar.update(self._task, completed=self._done, description=said)

    def tick(self) -> None:
        """Without a bar, print a line now and then."""
        if self._bar is None and time.monotonic() - self._told > _PLAIN_SECONDS:
            self._told = time.monotonic()
            rate = (self._done - self._before) / (self._told - self._started)
            left = duration((self._wanted - self._done) / rate) if rate else "unknown"
            failed = f", {self._failed} failed" if self._failed else ""
            self.say(f"{self._done} of {self._wanted} realizations{failed}, {rate:.3g} a second, {left} left")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right")
    return table


def plan_table(plan: Plan, axes: list[str]) -> Table:
    """A row for every point: what is there, what is missing, what it takes."""
    table = _table(*axes, "done", "missing", "one takes", "tasks", "core time", "data")
    for each in plan.points:
        data = size(each.missing * plan.bytes_each)
        core = duration(each.missing * each.seconds)
        values = [shown(value) for _, value in each.point.values]
        table.add_row(*values, str(each.done), str(each.missing), duration(each.seconds), str(each.tasks), core, data)
    return table


def status_table(ledger: Ledger) -> Table:
    """A row for every point of the store: done, failed, wanted."""
    table = _table(*ledger.layout.axes, "done", "failed", "wanted")
    for row in status_rows(ledger):
        failed = f"[red]{row['failed']}[/red]" if row["failed"] else "0"
        values = [shown(value) for value in row["point"].values()]
        table.add_row(*values, str(row["done"]), failed, str(row["wanted"] or "-"))
    return table


def status_rows(ledger: Ledger) -> list[dict[str, Any]]:
    """Done, failed and wanted of every point of a store; wanted is 0 where its last sweep asked nothing."""
    layout = ledger.layout
    rows = []
    for cell in np.ndindex(layout.shape[:-1]):
        point = {name: values[index] for (name, values), index in zip(layout.axes.items(), cell, strict=True)}
        status = ledger.status[cell]
        done, failed = (int(np.count_nonzero(status == each)) for each in (Status.DONE, Status.FAILED))
        asked = all(value in layout.asked["axes"].get(name, [value]) for name, value in point.items())
        rows.append({"point": point, "done": done, "failed": failed, "wanted": layout.asked["realizations"] * asked})
    return rows


def model_card(out: Console, name: str, model: type[Model]) -> None:
    """A model's name, what it is, its parameters and presets, and its observables."""
    first = (model.__doc__ or "").strip().partition("\n")[0]
    out.print(f"[bold]{name}[/bold]  {first}")
    table = _table("parameter", "default", "unit", "what it is")
    table.columns[0].justify = table.columns[3].justify = "left"
    for field in fields(model).values():
        if field.name == "t":
            continue
        default = "must be given" if field.default is dataclasses.MISSING else shown(field.default)
        note = f"{field.metadata.get('long_name', '')}{'' if field.name in model.draw_fields else ' *'}"
        table.add_row(field.name, default, field.metadata.get("units", "1"), note)
    out.print(table)
    out.print("* the disorder does not depend on it: realizations are the same for all its values")
    for key, values in model.presets.items():
        told = ", ".join(f"{parameter} = {shown(value)}" for parameter, value in values.items())
        out.print(f"preset {key}: {told}", markup=False)
    for key, observable in model.observables.items():
        request = ", on request" if observable.on_request else ""
        out.print(f"measures {key}({', '.join(observable.dims)}): {observable.long_name}{request}")
    out.print()


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
    table = _table(*map(str, averages["count"].dims), "n", *headers)
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
    table = _table(*axes, "n", *dims, "mean", "typical", "zeros", *levels)
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


def told(summary: Summary) -> str:
    """A run in one sentence."""
    parts = [f"{summary.computed} realizations computed in {duration(summary.seconds)}"]
    if summary.found:
        parts.append(f"{summary.found} were there")
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.left:
        parts.append(f"{summary.left} are left")
    return ", ".join(parts)


def with_error(value: float, error: float) -> str:
    """A number with its standard error in the last digits, as in 0.0321(12)."""
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{value:.4g}"
    if error == 0:
        return f"{value:.6g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    scaled = exponent < -3 or exponent > 5
    scale = 10.0**exponent if scaled else 1.0
    two_digits = float(f"{error / scale:.1e}")
    digits = max(0, 1 - math.floor(math.log10(two_digits)))
    bracket = round(two_digits * 10**digits)
    text = f"{value / scale:.{digits}f}({bracket})"
    return f"{text}e{exponent:+03d}" if scaled else text


def duration(seconds: float) -> str:
    """A time span in the unit that suits it."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 86400:.3g} days"


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
