"""What a store holds: lines about the whole store, and a table with a row per point."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from ensemble.cli.terminal.styles import tall_table
from ensemble.store import Ledger, Status
from ensemble.sweep.stop_rule import StopRule
from ensemble.sweep.sweep import format_value
from ensemble.sweep.units import format_duration, format_with_error


def status_rows(ledger: Ledger) -> list[dict[str, Any]]:
    """Counts of each point of a store: done, failed and wanted realizations, and their cost.

    With a stop rule, `wanted` is the number of realizations that is expected to meet it. Points without realizations,
    done or wanted, are left out: with zipped axes the grid has points that the sweep does not have.

    Parameters
    ----------
    ledger : Ledger
        The ledger of the store.

    Returns
    -------
    list of dict
        One row per point: `point`, `done`, `failed`, `wanted`, `core_seconds` (of one realization),
        `core_seconds_left`, and with a stop rule `target`.
    """
    layout, points = ledger.layout, ledger.points
    stop = StopRule.of(layout.asked["stop"]) if layout.asked.get("stop") else None
    counts = ((ledger.status == each).sum(axis=-1).ravel().tolist() for each in (Status.DONE, Status.FAILED))
    rows = []
    for cell, done, failed in zip(np.ndindex(layout.shape[:-1]), *counts, strict=True):
        point = {name: values[index] for (name, values), index in zip(layout.axes.items(), cell, strict=True)}
        wanted = layout.asked["realizations"] * layout.asks(point)
        row = {"point": point, "done": done, "failed": failed, "wanted": wanted}
        if stop and wanted:
            row["target"] = target = _target(stop, *points.target(cell))
            row["wanted"] = stop.enough(target["n"], target["excess"], wanted) if target["n"] else wanted
            row["wanted"] = target["n"] if target["met"] else row["wanted"]
        if done or failed or wanted:
            seconds = points.core_seconds(cell)
            row["core_seconds"] = seconds
            row["core_seconds_left"] = max(0, row["wanted"] - done - failed) * seconds
            rows.append(row)
    return rows


def _target(stop: StopRule, count: int, value: float, error: float) -> dict[str, Any]:
    """The last decision of the stop rule at a point."""
    met = count > 0 and stop.met(value, error)
    return {"n": count, "value": value, "error": error, "excess": stop.excess(value, error), "met": met}


def status_lines(
    ledger: Ledger, driver: str | None, news: Mapping[str, Any], rows: Sequence[dict[str, Any]]
) -> list[str]:
    """Lines about a store: model, driver and its pace, stop rule, and total counts.

    Parameters
    ----------
    ledger : Ledger
        The ledger of the store.
    driver : str or None
        Description of the driver that uses the store.
    news : mapping
        What the driver has reported: workers, rate, time left, deadline.
    rows : sequence of dict
        The rows of `status_rows`.

    Returns
    -------
    list of str
        The lines.
    """
    lines = [f"{ledger.layout.model}, seed {ledger.layout.seed}; {driver or 'nobody'} is at work on it{_pace(news)}"]
    if not rows:
        return [*lines, "no point has realizations, and none are wanted"]
    if ledger.layout.asked.get("stop"):
        met = sum(row["target"]["met"] for row in rows if "target" in row)
        asked = sum("target" in row for row in rows)
        lines.append(f"asked for {StopRule.of(ledger.layout.asked['stop'])}: {met} of {asked} points are as exact")
    done, failed, wanted = (sum(row[name] for row in rows) for name in ("done", "failed", "wanted"))
    left = sum(row["core_seconds_left"] for row in rows if row["core_seconds_left"] > 0)
    more = f", about {format_duration(left)} on one core left" if left else ""
    return [*lines, f"{done} realizations done, {failed} failed, {wanted} wanted, at {len(rows)} points{more}"]


def _pace(news: Mapping[str, Any]) -> str:
    """The report of a driver in words."""
    if "rate" not in news:
        return ""
    left = f", about {format_duration(news['left'])} left" if news["left"] is not None else ""
    end = f", to end before {news['deadline']}" if news.get("deadline") else ""
    since = format_duration(max(0.0, time.time() - news["since"]))
    return f" for {since}, with {news['workers']} workers, {news['rate']:.3g} realizations a second{left}{end}"


def status_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Table of a store: done, failed and wanted realizations, their cost, and with a stop rule value and error.

    Parameters
    ----------
    rows : sequence of dict
        The rows of `status_rows`, at least one.

    Returns
    -------
    rich.table.Table
        One row per point.
    """
    stop = any("target" in row for row in rows)
    headers = (*rows[0]["point"], "done", "failed", "wanted", "one takes", "core time left")
    return tall_table((*headers, "target", "error / asked") if stop else headers, (_cells(row, stop) for row in rows))


def _cells(row: dict[str, Any], stop: bool) -> list[str | Text]:
    failed = Text(str(row["failed"]), "red" if row["failed"] else "")
    left = row["core_seconds_left"]
    cells: list[str | Text] = [
        *map(format_value, row["point"].values()),
        str(row["done"]),
        failed,
        str(row["wanted"] or "-"),
    ]
    cells.append(_seconds(row["core_seconds"]))
    cells.append(_seconds(left) if left else "-")
    if stop:
        target = row.get("target", {"n": 0})
        cells.append(format_with_error(target["value"], target["error"]) if target["n"] else "-")
        cells.append(f"{target['excess']:.2f}" if target["n"] and math.isfinite(target["excess"]) else "-")
    return cells


def _seconds(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "-"
