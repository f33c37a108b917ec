"""Plot every observable of a store against its coordinate, one line with an error band for each point."""

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

from ensemble.errors import StoreError
from ensemble.reduce import curves, export
from ensemble.sweep.sweep import format_value
from ensemble.sweep.zipped_axes import zipped_with

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LABEL_WIDTH = 32
"""Maximum number of characters in a line of a vertical label."""
_Step = dict[str, Any]
"""The value of an axis, or the values of zipped axes, by the name of the axis."""
_DECADES = 5
"""Decades that a logarithmic vertical axis shows below the highest value; lower values are mostly noise."""


def plot(averages: xr.Dataset, path: str | Path) -> Path:
    """Plot all observables that are functions of one coordinate into one file.

    Lines have one colour for each value of the first parameter axis. Columns show the values of the second axis. Rows
    show the observables and the values of all other axes. Zipped axes count as one axis. A band is one standard error
    to each side.

    Parameters
    ----------
    averages
        Averages with errors, from `ensemble.average`.
    path
        File to write; the suffix selects the format. An existing file is overwritten.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If no observable is a function of one coordinate, or if the file cannot be written.
    """
    names = curves(averages)
    if not names:
        raise StoreError("a figure needs an observable over one coordinate, such as t, but the store has none")
    colours, *others = _axis_steps(averages)
    rows = list(itertools.product(names, _combinations(others[1:])))
    columns = list(_combinations(others[:1]))
    figure = Figure(figsize=(0.8 + 3.6 * len(columns), 0.6 + 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharex="row", sharey="row")
    for (name, fixed), row_panels in zip(rows, grid, strict=True):
        for chosen, panel in zip(columns, row_panels, strict=True):
            _draw_curves(panel, averages.sel({**fixed, **chosen}), name, colours)
            varying = {**chosen, **{key: value for key, value in fixed.items() if averages.sizes[key] > 1}}
            panel.set_title(", ".join(f"{key} = {format_value(value)}" for key, value in varying.items()), fontsize=10)
        _set_vertical_scale(row_panels[0], averages, name)
        row_panels[0].set_ylabel(textwrap.fill(_axis_label(averages[name].attrs), _LABEL_WIDTH))
    _draw_legend(figure, grid[0][-1], ", ".join(colours[0]))
    save(figure, Path(path), dpi=160)
    return Path(path)


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure in the format of the suffix; an existing file is replaced atomically.

    Control characters in labels are escaped, because labels come from stores.
    """
    for text in figure.findobj(Text):
        text.set_text(_CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.get_text()))
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.removeprefix(".") or None, dpi=dpi)
    with export.whole(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _axis_steps(averages: xr.Dataset) -> list[list[_Step]]:
    """Return the values of each axis; for zipped axes, the combinations that have realizations."""
    count = averages["count"]
    axes = {str(dim): count[dim].values.tolist() for dim in count.dims}
    cells = zip(itertools.product(*axes.values()), count.values.ravel().tolist(), strict=True)
    points = [dict(zip(axes, values, strict=True)) for values, realizations in cells if realizations]
    asked = json.loads(averages.attrs.get("asked", "{}"))
    zipped = asked.get("zipped_axes", asked.get("together", ()))  # its name in older stores
    steps: list[list[_Step]] = []
    remaining = list(axes)
    while remaining:
        names = (remaining[0], *zipped_with(remaining[0], zipped, points))
        remaining = [name for name in remaining if name not in names]
        single = zip(axes[names[0]], strict=True)
        combinations = dict.fromkeys(tuple(point[name] for name in names) for point in points) if names[1:] else single
        steps.append([dict(zip(names, values, strict=True)) for values in combinations])
    return steps


def _combinations(steps: Sequence[Sequence[_Step]]) -> Iterator[_Step]:
    """Yield all combinations of the values of several axes."""
    for chosen in itertools.product(*steps):
        yield {name: value for step in chosen for name, value in step.items()}


def _draw_curves(panel: Axes, data: xr.Dataset, name: str, colours: Sequence[_Step]) -> None:
    """Draw one line with its error band for each value of the first axis."""
    (dim,) = (str(dim) for dim in data[name].dims if dim not in colours[0])
    x = data[dim].to_numpy()
    for position, step in enumerate(colours):
        selected = data.sel(step)
        mean, error = selected[name].to_numpy(), selected[f"{name}_error"].to_numpy()
        if not np.isfinite(mean).any():
            continue
        shade = colormaps["viridis"](0.9 * position / max(1, len(colours) - 1))
        panel.plot(x, mean, color=shade, linewidth=1.4, label=", ".join(map(format_value, step.values())))
        panel.fill_between(x, mean - error, mean + error, color=shade, alpha=0.25, linewidth=0)
    if _is_logarithmic(dim, x):
        panel.set_xscale("log")
    panel.set_xlabel(_axis_label({"long_name": dim, **data[dim].attrs}))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25, linewidth=0.5)


def _set_vertical_scale(panel: Axes, averages: xr.Dataset, name: str) -> None:
    """Make the vertical axis logarithmic if all values are non-negative and span decades; panels of a row share it."""
    values = averages[name].to_numpy()
    values = values[np.isfinite(values)]
    if not values.size or values.min() < 0 or not _spans_decades(np.sort(values[values > 0])):
        return
    top = values.max()
    bottom = max(values[values > 0].min(), top * 10.0**-_DECADES)
    panel.set_yscale("log", nonpositive="clip")
    panel.set_ylim(bottom / 1.5, top * 1.8)


def _is_logarithmic(dim: str, x: NDArray[Any]) -> bool:
    """Return whether a coordinate is not negative, spans two decades, and is t or has an uneven grid."""
    return bool(x.min() >= 0) and _spans_decades(x) and (dim == "t" or not np.allclose(np.diff(x), x[1] - x[0]))


def _spans_decades(values: NDArray[Any]) -> bool:
    """Return whether the positive values, in ascending order, span two decades or more."""
    positive = values[values > 0]
    return bool(len(positive) > 2 and math.log10(positive[-1]) - math.log10(positive[0]) >= 2)


def _axis_label(attributes: Mapping[str, Any]) -> str:
    """Return a label from `long_name` and `units`."""
    units = attributes.get("units", "1")
    return f"{attributes['long_name']} ({units})" if units != "1" else str(attributes["long_name"])


def _draw_legend(figure: Figure, panel: Axes, title: str) -> None:
    handles, labels = panel.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, title=title, loc="outside right center", frameon=False, fontsize=9)
