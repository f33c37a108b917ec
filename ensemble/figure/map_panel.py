"""A map of a quantity that follows from a model's parameters, and where its presets lie on it."""

import itertools
from dataclasses import replace
from typing import get_type_hints

import numpy as np
from matplotlib.axes import Axes

from ensemble.errors import FigureError, cure
from ensemble.figure.parts import Panel
from ensemble.figure.results import Result, derive
from ensemble.figure.series import MARKERS
from ensemble.models import catalog
from ensemble.values import grid

_INK = "black"


def draw_map(axes: Axes, panel: Panel, result: Result) -> None:
    """Decades of the quantity in shades, its value 1 as a line, the presets as points."""
    derivation = result.declaration.derived[panel.map]
    model = catalog.find(derivation.model)
    where = f"a map of {result.declaration.name}"
    for quantity in (panel.quantity, panel.x, panel.y):
        if quantity not in model.derived:
            raise FigureError(
                f"{where} needs a derived quantity, got {quantity!r}: {cure(quantity, model.derived, 'it has')}"
            )
    if len(panel.along) != 2:
        raise FigureError(f"{where} must be along two parameters, got {list(panel.along)}")
    hints = get_type_hints(model)
    (one, firsts), (other, seconds) = ((name, grid(name, hints[name], given)) for name, given in panel.along.items())
    x, y, z = (
        np.array(
            [
                [model.derived[quantity].value(model(**{**derivation.fixed, one: u, other: v})) for u in firsts]
                for v in seconds
            ]
        )
        for quantity in (panel.x, panel.y, panel.quantity)
    )
    decades = np.log10(z)
    lowest, highest = np.floor(decades.min()), np.ceil(decades.max())
    step = max(1, int((highest - lowest) // 12))
    shades = axes.contourf(x, y, decades, levels=np.arange(lowest, highest + step, step), cmap="viridis", alpha=0.85)
    bar = axes.figure.colorbar(shades, ax=axes)
    bar.set_label(f"log10 of {panel.quantity}")
    if decades.min() < 0 < decades.max():
        axes.contour(x, y, decades, levels=[0.0], colors="white", linewidths=1.5)
        axes.plot([], [], color="white", linewidth=1.5, label=f"{panel.quantity} = 1")
    quantities = tuple(dict.fromkeys(filter(None, (panel.x, panel.y, panel.x_spread))))
    presets = derive(replace(derivation, quantities=quantities), where)
    for marker, each in zip(itertools.cycle(MARKERS), presets, strict=False):
        at = each.fit.values
        spread = 10 ** at[panel.x_spread] if panel.x_spread else 1.0
        bars = [[at[panel.x] * (1 - 1 / spread)], [at[panel.x] * (spread - 1)]]
        axes.errorbar(
            at[panel.x], at[panel.y], xerr=bars, color=_INK, mfc="white", marker=marker, markersize=6, capsize=3,
            linestyle="none", label=str(each.point["preset"]),
        )  # fmt: skip
    axes.legend(loc="lower right", facecolor="0.7", framealpha=0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for name, put in ((panel.x, axes.set_xlabel), (panel.y, axes.set_ylabel)):
        units = model.derived[name].units
        put(model.derived[name].long_name + (f" ({units})" if units != "1" else ""))
