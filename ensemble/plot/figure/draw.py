"""Draw the panels of a figure side by side on one page, as PNG and PDF."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ensemble.plot.figure.curve_panel import draw_curves
from ensemble.plot.figure.map_panel import draw_map
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.results import Result
from ensemble.plot.figure.value_panel import draw_values
from ensemble.plot.store_plot import save

_MAX_COLUMNS = 2
"""Maximum number of panels in a row."""
_TITLE_WIDTH = 60
"""Characters of the title for each panel in a row."""
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
}
"""Matplotlib settings that are legible if the figure is printed two columns wide."""


def draw(result: Result, paths: Sequence[Path]) -> None:
    """Draw all panels of a figure and write it to each of the files; the suffixes select the formats."""
    panels = result.declaration.panels
    rows, columns = -(-len(panels) // _MAX_COLUMNS), min(len(panels), _MAX_COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6 * columns, 0.4 + 3.3 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw_function(panel)(axes, panel, result)
            _apply_settings(axes, panel)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        title = f"{result.declaration.title} ({result.scale})"
        figure.suptitle(textwrap.fill(title, _TITLE_WIDTH * columns), fontsize=10)
        for path in paths:
            save(figure, path, dpi=200)


def _draw_function(panel: Panel) -> Callable[[Axes, Panel, Result], None]:
    return draw_map if panel.map else draw_values if panel.values else draw_curves


def _apply_settings(axes: Axes, panel: Panel) -> None:
    """Apply the settings of the declaration to the axes; they override the defaults of the panel."""
    if panel.xscale:
        axes.set_xscale(panel.xscale)
    if panel.yscale:
        axes.set_yscale(panel.yscale)
    if panel.xlabel:
        axes.set_xlabel(panel.xlabel)
    if panel.ylabel:
        axes.set_ylabel(panel.ylabel)
    for position in panel.marks:
        axes.axvline(position, color="0.6", linewidth=0.8, zorder=0.5)
    if panel.xlim:
        axes.set_xlim(*panel.xlim)
    if panel.ylim:
        axes.set_ylim(*panel.ylim)
    if panel.title:
        axes.set_title(panel.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
