"""Fits, claims and the work of figures as tables."""

import math
from collections.abc import Sequence

from rich.table import Table

from ensemble.figure import Compared, Work
from ensemble.fit.families import TELLING, Fitted
from ensemble.fit.told import varying
from ensemble.screen.terminal import empty_table
from ensemble.sweep import shown, told_point
from ensemble.wording import duration, size, with_error


def fit_table(fitted: Sequence[Fitted], title: str = "") -> Table:
    """A row for every fit: the point, the parameters with their errors, the window, how well it fits.

    Where several laws are side by side, each has its parameters in words, and its AIC above the preferred one's.
    """
    several = len({each.name for each in fitted}) > 1
    axes = list(dict.fromkeys(axis for each in fitted for axis in each.point))
    names = [] if several else list(dict.fromkeys(name for each in fitted for name in each.fit.values))
    counted = any(each.count for each in fitted)
    windows = any(each.fit.window.points > 1 for each in fitted)
    compared = any(each.verdict for each in fitted)
    telling = TELLING.get(fitted[0].name, "") if fitted and any(each.fit.moved for each in fitted) else ""
    moves = [f"{telling} moves"] if telling in names else []
    heads = [*axes, *["n"] * counted, *["law", "parameters"] * several, *names, *moves]
    heads += ["window", "points", "chance"] * windows + ["AIC above"] * compared
    table = empty_table(*heads)
    for column in table.columns:
        column.overflow = "fold"  # a number that is cut short would be another number
        if column.header in ("law", "parameters"):
            column.justify = "left"
    if title:
        table.title, table.title_justify, table.title_style = title, "left", "bold"
    for each in fitted:
        fit = each.fit
        row = [shown(each.point[axis]) if axis in each.point else "-" for axis in axes]
        told = {name: with_error(value, fit.errors[name]) for name, value in fit.values.items()}
        row += [str(each.count)] * counted
        row += [each.name, ", ".join(f"{name} = {value}" for name, value in told.items())] * several
        row += [told.get(name, "-") for name in names] + [_or_dash(fit.sensitivity(telling)) for _ in moves]
        if windows:
            row += [f"{fit.window.first:.3g} to {fit.window.last:.3g}" if fit.window.points else "-"]
            row += [str(fit.window.points), _or_dash(fit.probability)]
        table.add_row(*row, *[_or_dash(each.above)] * compared)
    return table


def _or_dash(number: float) -> str:
    """A number where there is one."""
    return "-" if math.isnan(number) else f"{number:.2g}"


def verdicts(fitted: Sequence[Fitted]) -> list[str]:
    """What comparisons of laws say, a line for each point."""
    told = (f"{told_point(varying(each, fitted))}: {each.verdict}" for each in fitted if each.verdict)
    return list(dict.fromkeys(line.removeprefix(": ") for line in told))


def claim_table(compared: Sequence[Compared]) -> Table:
    """What was published beside what came out."""
    table = empty_table("published", "at", "says", "here", "n", "")
    for column in (0, 1, 2, 5):
        table.columns[column].justify = "left"
    for each in compared:
        count = str(each.count) if each.count else "-"
        ours = with_error(each.value, each.error)
        table.add_row(each.claim, each.where, each.published, ours, count, each.verdict)
    return table


def work_table(works: Sequence[Work], cores: int) -> Table:
    """What figures still need, in the order in which they are made."""
    table = empty_table("figure", "missing", "core time", f"on {cores} cores", "data")
    table.columns[0].justify = "left"
    for each in works:
        clock = duration(each.seconds / cores)
        table.add_row(each.declaration.name, str(each.missing), duration(each.seconds), clock, size(each.bytes))
    return table
