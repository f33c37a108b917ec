"""Curves with their error bands, fitted laws on their windows, and lines for the eye."""

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ensemble.figure.parts import Guide, Panel
from ensemble.figure.results import Result
from ensemble.figure.series import STYLES, Key, labelled, legend, visible, written
from ensemble.fit.family import Family, Member
from ensemble.together import Together, partners

_LAW = "black"
_LABEL = 40
"""Characters of a vertical label in a line."""
_DECADES = 5.0
"""A logarithmic axis reaches this far below the highest value: what lies deeper is mostly noise."""


def draw_curves(axes: Axes, panel: Panel, result: Result) -> None:
    """Every curve of the panel; the band is one standard error to each side.

    Functions of t are drawn on logarithmic axes, all others on linear ones, unless the panel says so.
    """
    dim = result.families[panel.curves[0]].dim
    usual = "log" if dim == "t" else "linear"
    xscale, yscale = panel.xscale or usual, panel.yscale or usual
    shown = {name: list(_shown(result.families[name], panel)) for name in panel.curves}
    key = _key(shown.values(), panel, result.together)
    top, low = 0.0, np.inf
    for place, (name, members) in enumerate(shown.items()):
        x = result.families[name].x
        kept = x > 0 if xscale == "log" else np.isfinite(x)
        for member in members:
            places, curve = (x * _speed(member.point, panel))[kept], member.curve[kept]
            y, error = curve.value, curve.error
            shade, style = key.shade(member.point), STYLES[(place + key.rank(member.point)) % len(STYLES)]
            axes.plot(places, y, color=shade, linestyle=style)
            axes.fill_between(places, y - error, y + error, color=shade, alpha=0.25, linewidth=0)
            top = max([top, *y[np.isfinite(y)].tolist()])
            low = min([low, *y[y > 0].tolist()])
    axes.set_xscale(xscale)
    axes.set_yscale(yscale, **({} if yscale == "linear" else {"nonpositive": "clip"}))
    if yscale == "log" and top > 0:
        axes.set_ylim(max(low, top * 10**-_DECADES) / 1.5, top * 2)
    entries = key.entries()
    entries += [
        Line2D([], [], color="0.25", linestyle=STYLES[i], label=_named(name, result))
        for i, name in enumerate(panel.curves)
        if len(panel.curves) > 1
    ]
    entries += _laws(axes, panel, result)
    entries += [_guide(axes, guide, i) for i, guide in enumerate(panel.guides)]
    legend(axes, entries)
    axes.set_xlabel(_along(dim, panel, result))
    first = panel.curves[0]
    said, per = result.labels[first], result.declaration.curves[first].per
    axes.set_ylabel(textwrap.fill(labelled(said["long_name"] + (f" / {per}" if per else ""), said["units"]), _LABEL))


def _key(shown: Iterable[Sequence[Member]], panel: Panel, together: Together) -> Key:
    """How the curves are told apart: by the axes in which they differ, those that vary together by one of them."""
    points = [member.point for member in itertools.chain.from_iterable(shown)]
    varying: dict[str, list[Any]] = {}
    for axis, value in itertools.chain.from_iterable(point.items() for point in points):
        if value not in varying.setdefault(axis, []):
            varying[axis].append(value)
    varying = {axis: sorted(values) for axis, values in varying.items() if len(values) > 1}
    beside: dict[tuple[str, Any], Mapping[str, Any]] = {}
    for names in together:
        lead = panel.colour if panel.colour in names else names[0]
        others = partners(lead, [names], points)
        beside |= {(lead, point[lead]): {other: point[other] for other in others} for point in points if others}
        varying = {axis: values for axis, values in varying.items() if axis not in others}
    return Key.of(varying, panel.colour, beside)


def _along(dim: str, panel: Panel, result: Result) -> str:
    """The label of the horizontal axis: the letter of the time, the name of all else."""
    told = result.coords[dim]
    clock = "".join(f" × {written(axis)} / {unit:g}" for axis, unit in panel.clock.items())
    name, units = dim if dim == "t" else told.get("long_name", dim), told.get("units", "1")
    return labelled(f"{name}{clock}", units)


def _named(name: str, result: Result) -> str:
    per = result.declaration.curves[name].per
    return f"{name} / {per}" if per else name


def _shown(family: Family, panel: Panel) -> Iterator[Member]:
    return (member for member in family if visible(member.point, panel.show))


def _speed(point: Mapping[str, Any], panel: Panel) -> float:
    speed = 1.0
    for axis, unit in panel.clock.items():
        speed *= float(point[axis]) / unit
    return speed


def _laws(axes: Axes, panel: Panel, result: Result) -> list[Line2D]:
    """Fitted laws: firm on the window, faint for half a decade beyond it."""
    entries = []
    for i, name in enumerate(panel.fits):
        style = STYLES[1 + i % (len(STYLES) - 1)]
        drawn = False
        for each in result.fitted[name]:
            if not visible(each.point, panel.show) or not np.isfinite(list(each.fit.values.values())).all():
                continue
            first, last = each.fit.window.first, each.fit.window.last
            inside, wide = np.geomspace(first, last, 60), np.geomspace(first / 3, last * 3, 60)
            speed = _speed(each.point, panel)
            axes.plot(wide * speed, each.fit.curve(wide), color=_LAW, linewidth=0.5, linestyle=":", zorder=3)
            axes.plot(inside * speed, each.fit.curve(inside), color=_LAW, linewidth=1.0, linestyle=style, zorder=4)
            drawn = True
        if drawn:
            law = next(each.fit.law for each in result.fitted[name])
            if (dim := result.families[result.declaration.fits[name].of].dim) != "t":
                law = re.sub(r"\bt\b", dim, law)
            entries.append(Line2D([], [], color=_LAW, linewidth=1.0, linestyle=style, label=written(law)))
    return entries


def _guide(axes: Axes, guide: Guide, place: int) -> Line2D:
    x = np.geomspace(*guide.span, 50)
    x0, y0 = guide.through
    y = y0 * (x / x0) ** guide.power if guide.power is not None else y0 + (guide.slope or 0.0) * np.log(x / x0)
    style: Any = (0, (4, 1.5, 1, 1.5)) if place == 0 else ":"
    axes.plot(x, y, color="0.45", linewidth=1.2, linestyle=style)
    return Line2D([], [], color="0.45", linewidth=1.2, linestyle=style, label=guide.label)
