"""Parameters of fits against an axis, with the laws of the size that go through them."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ensemble.errors import FigureError
from ensemble.figure.parts import Panel
from ensemble.figure.results import Result, derived_at
from ensemble.figure.series import INK, MARKERS, STYLES, Key, labelled, legend, visible, written
from ensemble.fit.families import MEAN, Fitted
from ensemble.sweep import shown, told_point
from ensemble.together import partners
from ensemble.wording import with_error

_LABEL = 40
"""Characters of a vertical label in a line."""
_INSIDE = 3
"""Entries of a legend that leave room for what is drawn."""
_IN_INVERSE_SIZE = ("extrapolate", "volume_law")
"""Laws whose variable is 1 / N."""


def draw_values(axes: Axes, panel: Panel, result: Result) -> None:
    """Every value with its error bar; one series for each point of the other axes."""
    entries: list[Line2D] = []
    groups: dict[tuple[str, tuple[tuple[str, Any], ...]], list[Fitted]] = {}
    for name in panel.values:
        points = [each.point for each in result.fitted[name]]
        along = (panel.over, *partners(panel.over, result.together, points))
        for each in result.fitted[name]:
            if visible(each.point, panel.show) and panel.parameter in each.fit.values:
                rest = tuple((axis, value) for axis, value in each.point.items() if axis not in along)
                groups.setdefault((name, rest), []).append(each)
    names = _names(groups.values(), panel.over)
    key = Key.of({"series": list(range(len(groups)))})
    for place, ((name, rest), group) in enumerate(groups.items()):
        shade, marker = key.shade({"series": place}), MARKERS[place % len(MARKERS)]
        x = np.array([_at(each.point[panel.over], panel, names) for each in group])
        y = np.array([each.fit.values[panel.parameter] for each in group])
        error = np.array([each.fit.errors[panel.parameter] for each in group])
        axes.errorbar(x, y, error, color=shade, marker=marker, markersize=4, linestyle="none", capsize=2)
        others = [dict(point) for other, point in groups if other == name]
        telling = {axis: value for axis, value in rest if len({point[axis] for point in others}) > 1}
        said = written(", ".join(filter(None, (name if len(panel.values) > 1 else "", told_point(telling)))))
        if said:
            entries.append(Line2D([], [], color=shade, marker=marker, markersize=4, linestyle="none", label=said))
        laws = [law for law in panel.laws if result.declaration.laws[law].of == name]
        for i, law in enumerate(laws):
            found = (each for each in result.fitted[law] if each.point == dict(rest))
            called = law if len(laws) > 1 else ""
            entries += [_law(axes, panel, each, shade, STYLES[i % len(STYLES)], called) for each in found]
    entries += _theory(axes, panel, result)
    axes.margins(y=0.3)
    legend(axes, entries, inside=len(entries) <= _INSIDE)
    axes.set_xlabel(f"1 / {panel.over}" if panel.inverse else written(panel.over))
    if names:
        axes.set_xticks(range(len(names)), [shown(name) for name in names])
        axes.margins(x=0.2)
    if panel.over == "N" and not panel.inverse:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(textwrap.fill(_said(panel, result), _LABEL))
    if panel.inverse:
        axes.set_xlim(left=0)


def _theory(axes: Axes, panel: Panel, result: Result) -> Iterator[Line2D]:
    """What follows from the parameters alone, through the points that are shown."""
    sweep = result.declaration.sweep_of(panel.values[0]).at(result.scale)
    for i, name in enumerate(panel.theory):
        shown_at = [where for where in derived_at(name, sweep) if visible(where[0], panel.show)]
        there = {point[panel.over]: value for point, value in shown_at}
        if any(there[point[panel.over]] != value for point, value in shown_at):
            raise FigureError(f"{name} depends on more than {panel.over}: let the panel show one value of the others")
        x = sorted(there)
        style = {"color": INK, "linewidth": 0.9, "linestyle": STYLES[(i + 2) % len(STYLES)]}
        axes.plot([_at(each, panel, []) for each in x], [there[each] for each in x], **style)
        yield Line2D([], [], label=written(name), **style)


def _said(panel: Panel, result: Result) -> str:
    """What is drawn: the parameter of a law, or what the number is."""
    if panel.parameter != MEAN:
        return written(panel.parameter)
    said = result.labels[result.declaration.fits[panel.values[0]].of]
    return labelled(said["long_name"], said["units"])


def _names(groups: Iterable[Sequence[Fitted]], over: str) -> list[Any]:
    """The values of an axis that has no numbers, in the order in which they are drawn; none of one that has."""
    values = {each.point[over] for group in groups for each in group}
    return sorted(values) if any(isinstance(value, bool | str) for value in values) else []


def _at(value: Any, panel: Panel, names: Sequence[Any]) -> float:
    """Where a value of the axis is drawn: a name at its number."""
    place = float(names.index(value) if names else value)
    return 1 / place if panel.inverse else place


def _law(axes: Axes, panel: Panel, fitted: Fitted, shade: Any, style: Any, called: str) -> Line2D:
    """A law of the size through its points: on the sizes it was fitted to, dotted on to infinite size."""
    fit = fitted.fit
    inverse = fitted.name in _IN_INVERSE_SIZE
    x = np.linspace(fit.window.first, fit.window.last, 100)
    axes.plot(_turned(x, inverse, panel), fit.curve(x), color=shade, linewidth=1.1, linestyle=style)
    if inverse and panel.inverse:
        x = np.linspace(0, fit.window.first, 20)
        axes.plot(x, fit.curve(x), color=shade, linewidth=1.1, linestyle=":")
    if inverse:
        limit = f"{panel.over} → ∞: {with_error(fit.values['limit'], fit.errors['limit'])}"
        said = written(f"{called}, {limit}" if called else limit)
    else:
        told = ", ".join(f"{name} = {with_error(value, fit.errors[name])}" for name, value in fit.values.items())
        said = written(f"{called or fit.law}\n{told}")
    return Line2D([], [], color=shade, linewidth=1.1, linestyle=style, label=said)


def _turned(x: Any, inverse: bool, panel: Panel) -> Any:
    """The variable of a law as the panel has it."""
    return x if inverse == panel.inverse else 1 / x
