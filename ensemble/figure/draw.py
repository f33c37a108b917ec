"""A figure on paper: its panels side by side, as PNG and PDF."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ensemble.figure.curve_panel import draw_curves
from ensemble.figure.map_panel import draw_map
from ensemble.figure.parts import Panel
from ensemble.figure.results import Result
from ensemble.figure.value_panel import draw_values
from ensemble.plot import save

_ACROSS = 2
"""Panels in a row."""
_TITLE = 60
"""Characters of a title above each panel of a row."""
_PRINT: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
}
"""Legible where a figure is printed two columns wide."""


def draw(result: Result, paths: Sequence[Path]) -> None:
    """Draw all panels of a figure into every one of the files; their suffixes tell the formats."""
    panels = result.declaration.panels
    rows, columns = -(-len(panels) // _ACROSS), min(len(panels), _ACROSS)
    with mpl.rc_context(_PRINT):
        figure = Figure(figsize=(4.6 * columns, 0.4 + 3.3 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _drawing(panel)(axes, panel, result)
            _dress(axes, panel)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        said = f"{result.declaration.title} ({result.scale})"
        figure.suptitle(textwrap.fill(said, _TITLE * columns), fontsize=10)
        for path in paths:
            save(figure, path, dpi=200)


def _drawing(panel: Panel) -> Callable[[Axes, Panel, Result], None]:
    return draw_map if panel.map else draw_values if panel.values else draw_curves


def _dress(axes: Axes, panel: Panel) -> None:
    """What a declaration says of axes has the last word."""
    if panel.xscale:
        axes.set_xscale(panel.xscale)
    if panel.yscale:
        axes.set_yscale(panel.yscale)
    if panel.xlabel:
        axes.set_xlabel(panel.xlabel)
    if panel.ylabel:
        axes.set_ylabel(panel.ylabel)
    for place in panel.marks:
        axes.axvline(place, color="0.6", linewidth=0.8, zorder=0.5)
    if panel.xlim:
        axes.set_xlim(*panel.xlim)
    if panel.ylim:
        axes.set_ylim(*panel.ylim)
    if panel.title:
        axes.set_title(panel.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
