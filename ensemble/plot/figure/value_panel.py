"""Draw parameters of fits against an axis, with the laws of the system size that are fitted to them."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ensemble.errors import FigureError
from ensemble.fit.store_fits import MEAN, PointFit
from ensemble.plot.figure.parts import Panel
from ensemble.plot.figure.results import Result, derived_at
from ensemble.plot.figure.series import INK, MARKERS, STYLES, Key, labelled, legend, visible, written
from ensemble.sweep.sweep import format_point, format_value
from ensemble.sweep.units import format_with_error
from ensemble.sweep.zipped_axes import zipped_with

_LABEL_WIDTH = 40
"""Maximum number of characters in a line of a vertical label."""
_MAX_INSIDE = 3
"""Maximum number of entries of a legend inside the panel."""
_IN_INVERSE_SIZE = ("extrapolate", "volume_law")
"""Laws whose variable is 1 / N."""


def draw_values(axes: Axes, panel: Panel, result: Result) -> None:
    """Draw every value with its error bar; there is one series for each point of the other axes."""
    entries: list[Line2D] = []
    groups: dict[tuple[str, tuple[tuple[str, Any], ...]], list[PointFit]] = {}
    for name in panel.values:
        points = [each.point for each in result.fitted[name]]
        along = (panel.over, *zipped_with(panel.over, result.zipped_axes, points))
        for each in result.fitted[name]:
            if visible(each.point, panel.show) and panel.parameter in each.fit.values:
                rest = tuple((axis, value) for axis, value in each.point.items() if axis not in along)
                groups.setdefault((name, rest), []).append(each)
    names = _names(groups.values(), panel.over)
    key = Key.of({"series": list(range(len(groups)))})
    for index, ((name, rest), group) in enumerate(groups.items()):
        shade, marker = key.shade({"series": index}), MARKERS[index % len(MARKERS)]
        x = np.array([_position(each.point[panel.over], panel, names) for each in group])
        y = np.array([each.fit.values[panel.parameter] for each in group])
        error = np.array([each.fit.errors[panel.parameter] for each in group])
        axes.errorbar(x, y, error, color=shade, marker=marker, markersize=4, linestyle="none", capsize=2)
        others = [dict(point) for other, point in groups if other == name]
        varying = {axis: value for axis, value in rest if len({point[axis] for point in others}) > 1}
        label = written(", ".join(filter(None, (name if len(panel.values) > 1 else "", format_point(varying)))))
        if label:
            entries.append(Line2D([], [], color=shade, marker=marker, markersize=4, linestyle="none", label=label))
        laws = [law for law in panel.laws if result.declaration.laws[law].of == name]
        for i, law in enumerate(laws):
            found = (each for each in result.fitted[law] if each.point == dict(rest))
            title = law if len(laws) > 1 else ""
            entries += [_draw_law(axes, panel, each, shade, STYLES[i % len(STYLES)], title) for each in found]
    entries += _draw_theory(axes, panel, result)
    axes.margins(y=0.3)
    legend(axes, entries, inside=len(entries) <= _MAX_INSIDE)
    axes.set_xlabel(f"1 / {panel.over}" if panel.inverse else written(panel.over))
    if names:
        axes.set_xticks(range(len(names)), [format_value(name) for name in names])
        axes.margins(x=0.2)
    if panel.over == "N" and not panel.inverse:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(textwrap.fill(_ylabel(panel, result), _LABEL_WIDTH))
    if panel.inverse:
        axes.set_xlim(left=0)


def _draw_theory(axes: Axes, panel: Panel, result: Result) -> Iterator[Line2D]:
    """Draw functions of parameters at the points that are shown; yield the entries of the legend."""
    sweep = result.declaration.sweep_of(panel.values[0]).at(result.scale)
    for i, name in enumerate(panel.theory):
        shown_at = [where for where in derived_at(name, sweep) if visible(where[0], panel.show)]
        theory = {point[panel.over]: value for point, value in shown_at}
        if any(theory[point[panel.over]] != value for point, value in shown_at):
            raise FigureError(f"{name} depends on more than {panel.over}: let the panel show one value of the others")
        x = sorted(theory)
        style = {"color": INK, "linewidth": 0.9, "linestyle": STYLES[(i + 2) % len(STYLES)]}
        axes.plot([_position(each, panel, []) for each in x], [theory[each] for each in x], **style)
        yield Line2D([], [], label=written(name), **style)


def _ylabel(panel: Panel, result: Result) -> str:
    """Return the label of the vertical axis: the parameter of a law, or the long name of a number."""
    if panel.parameter != MEAN:
        return written(panel.parameter)
    attrs = result.labels[result.declaration.fits[panel.values[0]].of]
    return labelled(attrs["long_name"], attrs["units"])


def _names(groups: Iterable[Sequence[PointFit]], over: str) -> list[Any]:
    """Return the sorted values of an axis that is not numeric; empty for a numeric axis."""
    values = {each.point[over] for group in groups for each in group}
    return sorted(values) if any(isinstance(value, bool | str) for value in values) else []


def _position(value: Any, panel: Panel, names: Sequence[Any]) -> float:
    """Return the horizontal position of a value; for an axis that is not numeric, the index of the value."""
    position = float(names.index(value) if names else value)
    return 1 / position if panel.inverse else position


def _draw_law(axes: Axes, panel: Panel, fitted: PointFit, shade: Any, style: Any, title: str) -> Line2D:
    """Draw a law of the size on the fitted sizes, and dotted to 1 / N = 0; return its entry of the legend."""
    fit = fitted.fit
    inverse = fitted.name in _IN_INVERSE_SIZE
    x = np.linspace(fit.window.first, fit.window.last, 100)
    axes.plot(_to_panel_variable(x, inverse, panel), fit.curve(x), color=shade, linewidth=1.1, linestyle=style)
    if inverse and panel.inverse:
        x = np.linspace(0, fit.window.first, 20)
        axes.plot(x, fit.curve(x), color=shade, linewidth=1.1, linestyle=":")
    if inverse:
        limit = f"{panel.over} → ∞: {format_with_error(fit.values['limit'], fit.errors['limit'])}"
        label = written(f"{title}, {limit}" if title else limit)
    else:
        parameters = ", ".join(
            f"{name} = {format_with_error(value, fit.errors[name])}" for name, value in fit.values.items()
        )
        label = written(f"{title or fit.law}\n{parameters}")
    return Line2D([], [], color=shade, linewidth=1.1, linestyle=style, label=label)


def _to_panel_variable(x: Any, inverse: bool, panel: Panel) -> Any:
    """Convert the variable of a law to that of the panel: N or 1 / N."""
    return x if inverse == panel.inverse else 1 / x
