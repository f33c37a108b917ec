"""Draw a map of a function of parameters over two parameters of a model, with its presets as points."""

import itertools
from dataclasses import replace
from typing import get_type_hints

import numpy as np
from matplotlib.axes import Axes

from ensemble.errors import FigureError, remedy
from ensemble.models import catalog
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.results import Result, derive
from ensemble.plot.figure.series import MARKERS
from ensemble.sweep.toml_values import grid

_PRESET_COLOUR = "black"


def draw_map(axes: Axes, panel: Panel, result: Result) -> None:
    """Draw the decades of the function as filled contours, its value 1 as a line and the presets as points."""
    derivation = result.declaration.derived[panel.map]
    model = catalog.find(derivation.model)
    where = f"a map of {result.declaration.name}"
    for quantity in (panel.quantity, panel.x, panel.y):
        if quantity not in model.functions_of_parameters:
            raise FigureError(
                f"{where} needs a derived quantity, got {quantity!r}: "
                f"{remedy(quantity, model.functions_of_parameters, 'it has')}"
            )
    if len(panel.along) != 2:
        raise FigureError(f"{where} must be along two parameters, got {list(panel.along)}")
    hints = get_type_hints(model)
    (first, first_values), (second, second_values) = (
        (name, grid(name, hints[name], given)) for name, given in panel.along.items()
    )
    x, y, z = (
        np.array(
            [
                [
                    model.functions_of_parameters[quantity].value(model(**{**derivation.fixed, first: u, second: v}))
                    for u in first_values
                ]
                for v in second_values
            ]
        )
        for quantity in (panel.x, panel.y, panel.quantity)
    )
    decades = np.log10(z)
    lowest, highest = np.floor(decades.min()), np.ceil(decades.max())
    step = max(1, int((highest - lowest) // 12))
    shades = axes.contourf(x, y, decades, levels=np.arange(lowest, highest + step, step), cmap="viridis", alpha=0.85)
    colour_bar = axes.figure.colorbar(shades, ax=axes)
    colour_bar.set_label(f"log10 of {panel.quantity}")
    if decades.min() < 0 < decades.max():
        axes.contour(x, y, decades, levels=[0.0], colors="white", linewidths=1.5)
        axes.plot([], [], color="white", linewidth=1.5, label=f"{panel.quantity} = 1")
    quantities = tuple(dict.fromkeys(filter(None, (panel.x, panel.y, panel.x_spread))))
    presets = derive(replace(derivation, quantities=quantities), where)
    for marker, each in zip(itertools.cycle(MARKERS), presets, strict=False):
        preset = each.fit.values
        spread = 10 ** preset[panel.x_spread] if panel.x_spread else 1.0
        bars = [[preset[panel.x] * (1 - 1 / spread)], [preset[panel.x] * (spread - 1)]]
        axes.errorbar(
            preset[panel.x], preset[panel.y], xerr=bars, color=_PRESET_COLOUR, mfc="white", marker=marker,
            markersize=6, capsize=3, linestyle="none", label=str(each.point["preset"]),
        )  # fmt: skip
    axes.legend(loc="lower right", facecolor="0.7", framealpha=0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for name, set_label in ((panel.x, axes.set_xlabel), (panel.y, axes.set_ylabel)):
        units = model.functions_of_parameters[name].units
        set_label(model.functions_of_parameters[name].long_name + (f" ({units})" if units != "1" else ""))
