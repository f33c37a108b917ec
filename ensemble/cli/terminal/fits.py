"""Tables of fits, of claims, and of what figures still need."""

import math
from collections.abc import Sequence

from rich.table import Table

from ensemble.cli.terminal.styles import empty_table
from ensemble.fit.fit_tables import varying_axes
from ensemble.fit.store_fits import TELLING, PointFit
from ensemble.plot.figure import ClaimCheck, Work
from ensemble.sweep.sweep import format_point, format_value
from ensemble.sweep.units import format_bytes, format_duration, format_with_error


def fit_table(fitted: Sequence[PointFit], title: str = "") -> Table:
    """Table of fits: point, parameters with errors, window, and goodness of fit.

    If several laws are compared, the parameters stand in one column, beside the AIC above that of the preferred law.

    Parameters
    ----------
    fitted : sequence of PointFit
        The fits.
    title : str, default ""
        Title of the table.

    Returns
    -------
    rich.table.Table
        One row per fit.
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
        column.overflow = "fold"  # never truncate a number
        if column.header in ("law", "parameters"):
            column.justify = "left"
    if title:
        table.title, table.title_justify, table.title_style = title, "left", "bold"
    for each in fitted:
        fit = each.fit
        row = [format_value(each.point[axis]) if axis in each.point else "-" for axis in axes]
        shown = {name: format_with_error(value, fit.errors[name]) for name, value in fit.values.items()}
        row += [str(each.count)] * counted
        row += [each.name, ", ".join(f"{name} = {value}" for name, value in shown.items())] * several
        row += [shown.get(name, "-") for name in names] + [_or_dash(fit.sensitivity(telling)) for _ in moves]
        if windows:
            row += [f"{fit.window.first:.3g} to {fit.window.last:.3g}" if fit.window.points else "-"]
            row += [str(fit.window.points), _or_dash(fit.probability)]
        table.add_row(*row, *[_or_dash(each.above)] * compared)
    return table


def _or_dash(number: float) -> str:
    """A number with two digits, or a dash if it is nan."""
    return "-" if math.isnan(number) else f"{number:.2g}"


def comparison_lines(fitted: Sequence[PointFit]) -> list[str]:
    """The results of comparisons of laws.

    Parameters
    ----------
    fitted : sequence of PointFit
        The fits.

    Returns
    -------
    list of str
        One line per point.
    """
    lines = (f"{format_point(varying_axes(each, fitted))}: {each.verdict}" for each in fitted if each.verdict)
    return list(dict.fromkeys(line.removeprefix(": ") for line in lines))


def claim_table(compared: Sequence[ClaimCheck]) -> Table:
    """Table of published values beside the computed ones.

    Parameters
    ----------
    compared : sequence of ClaimCheck
        The comparisons.

    Returns
    -------
    rich.table.Table
        One row per claim.
    """
    table = empty_table("published", "at", "says", "here", "n", "")
    for column in (0, 1, 2, 5):
        table.columns[column].justify = "left"
    for each in compared:
        count = str(each.count) if each.count else "-"
        ours = format_with_error(each.value, each.error)
        table.add_row(each.claim, each.where, each.published, ours, count, each.verdict)
    return table


def work_table(works: Sequence[Work], cores: int) -> Table:
    """Table of what figures still need, in the order in which they are made.

    Parameters
    ----------
    works : sequence of Work
        Missing realizations, core seconds and bytes of each figure.
    cores : int
        Number of cores for the estimated time.

    Returns
    -------
    rich.table.Table
        One row per figure.
    """
    table = empty_table("figure", "missing", "core time", f"on {cores} cores", "data")
    table.columns[0].justify = "left"
    for each in works:
        clock = format_duration(each.seconds / cores)
        table.add_row(
            each.declaration.name, str(each.missing), format_duration(each.seconds), clock, format_bytes(each.bytes)
        )
    return table
