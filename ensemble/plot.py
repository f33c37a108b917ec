"""Figures from averages: every observable over its own axis, a line and an error band for each point."""

import io
import itertools
import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from ensemble import export
from ensemble.errors import StoreError
from ensemble.reduce import curves
from ensemble.sweep import shown
from ensemble.together import partners

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LABEL_WIDTH = 32
"""Characters of a vertical label that fit beside a panel."""
_Step = dict[str, Any]
"""The value of an axis, or those of axes that vary together."""
_DECADES = 5
"""A logarithmic vertical axis reaches this far below the highest value: below it there is mostly noise."""


def plot(averages: xr.Dataset, path: str | Path) -> Path:
    """Write one figure of everything in `averages` that is a function of one coordinate; the suffix tells the format.

    The first parameter axis is told by colour, the second by column; every value of the others and every
    observable has a row. Axes that vary together are one. Bands are one standard error to each side.
    """
    names = curves(averages)
    if not names:
        raise StoreError("a figure needs an observable over one coordinate, such as t, but the store has none")
    colours, *others = _steps(averages)
    rows = list(itertools.product(names, _combined(others[1:])))
    panels = list(_combined(others[:1]))
    figure = Figure(figsize=(0.8 + 3.6 * len(panels), 0.6 + 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(panels), squeeze=False, sharex="row", sharey="row")
    for (name, fixed), line in zip(rows, grid, strict=True):
        for chosen, panel in zip(panels, line, strict=True):
            _curves(panel, averages.sel({**fixed, **chosen}), name, colours)
            telling = {**chosen, **{key: value for key, value in fixed.items() if averages.sizes[key] > 1}}
            panel.set_title(", ".join(f"{key} = {shown(value)}" for key, value in telling.items()), fontsize=10)
        _scale(line[0], averages, name)
        line[0].set_ylabel(textwrap.fill(_labelled(averages[name].attrs), _LABEL_WIDTH))
    _legend(figure, grid[0][-1], ", ".join(colours[0]))
    save(figure, Path(path), dpi=160)
    return Path(path)


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure in the format that the suffix tells; a file that is there is replaced whole.

    Labels come from stores: control characters in them are escaped.
    """
    for text in figure.findobj(Text):
        text.set_text(_CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.get_text()))
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix.removeprefix(".") or None, dpi=dpi)
    with export.whole(path) as aside:
        aside.write_bytes(drawn.getbuffer())


def _steps(averages: xr.Dataset) -> list[list[_Step]]:
    """The values of each axis; of those that the store was asked for together, the combinations that are there."""
    count = averages["count"]
    axes = {str(dim): count[dim].values.tolist() for dim in count.dims}
    cells = zip(itertools.product(*axes.values()), count.values.ravel().tolist(), strict=True)
    points = [dict(zip(axes, values, strict=True)) for values, realizations in cells if realizations]
    together = json.loads(averages.attrs.get("asked", "{}")).get("together", ())
    steps: list[list[_Step]] = []
    left = list(axes)
    while left:
        names = (left[0], *partners(left[0], together, points))
        left = [name for name in left if name not in names]
        alone = zip(axes[names[0]], strict=True)
        there = dict.fromkeys(tuple(point[name] for name in names) for point in points) if names[1:] else alone
        steps.append([dict(zip(names, values, strict=True)) for values in there])
    return steps


def _combined(steps: Sequence[Sequence[_Step]]) -> Iterator[_Step]:
    for some in itertools.product(*steps):
        yield {name: value for step in some for name, value in step.items()}


def _curves(panel: Axes, data: xr.Dataset, name: str, colours: Sequence[_Step]) -> None:
    """One line with its band for each value of the first axis."""
    (dim,) = (str(dim) for dim in data[name].dims if dim not in colours[0])
    x = data[dim].to_numpy()
    for position, step in enumerate(colours):
        one = data.sel(step)
        mean, error = one[name].to_numpy(), one[f"{name}_error"].to_numpy()
        if not np.isfinite(mean).any():
            continue
        shade = colormaps["viridis"](0.9 * position / max(1, len(colours) - 1))
        panel.plot(x, mean, color=shade, linewidth=1.4, label=", ".join(map(shown, step.values())))
        panel.fill_between(x, mean - error, mean + error, color=shade, alpha=0.25, linewidth=0)
    if _is_logarithmic(dim, x):
        panel.set_xscale("log")
    panel.set_xlabel(_labelled({"long_name": dim, **data[dim].attrs}))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25, linewidth=0.5)


def _scale(panel: Axes, averages: xr.Dataset, name: str) -> None:
    """A logarithmic vertical axis for what is positive and spans decades; panels of a row share it."""
    values = averages[name].to_numpy()
    values = values[np.isfinite(values)]
    if not values.size or values.min() < 0 or not _spans_decades(np.sort(values[values > 0])):
        return
    top = values.max()
    bottom = max(values[values > 0].min(), top * 10.0**-_DECADES)
    panel.set_yscale("log", nonpositive="clip")
    panel.set_ylim(bottom / 1.5, top * 1.8)


def _is_logarithmic(dim: str, x: NDArray[Any]) -> bool:
    """Whether a coordinate is drawn so: nothing negative, and decades, of t on any grid, of others on an uneven one."""
    return bool(x.min() >= 0) and _spans_decades(x) and (dim == "t" or not np.allclose(np.diff(x), x[1] - x[0]))


def _spans_decades(values: NDArray[Any]) -> bool:
    positive = values[values > 0]
    return bool(len(positive) > 2 and math.log10(positive[-1]) - math.log10(positive[0]) >= 2)


def _labelled(attributes: Mapping[str, Any]) -> str:
    units = attributes.get("units", "1")
    return f"{attributes['long_name']} ({units})" if units != "1" else str(attributes["long_name"])


def _legend(figure: Figure, panel: Axes, title: str) -> None:
    handles, labels = panel.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, title=title, loc="outside right center", frameon=False, fontsize=9)
