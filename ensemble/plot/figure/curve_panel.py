"""Draw curves with error bands, fitted laws on their windows, and guides to the eye."""

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ensemble.fit.curve_family import CurveFamily, PointCurve
from ensemble.plot.figure.parts import Guide, Panel
from ensemble.plot.figure.results import Result
from ensemble.plot.figure.series import STYLES, Key, labelled, legend, visible, written
from ensemble.sweep.zipped_axes import ZippedAxes, zipped_with

_LAW_COLOUR = "black"
_LABEL_WIDTH = 40
"""Maximum number of characters in a line of a vertical label."""
_DECADES = 5.0
"""Decades that a logarithmic axis shows below the highest value; lower values are mostly noise."""


def draw_curves(axes: Axes, panel: Panel, result: Result) -> None:
    """Draw all curves of a panel; a band is one standard error to each side.

    The default axes are logarithmic for functions of t, and linear for all others.
    """
    dim = result.families[panel.curves[0]].dim
    default_scale = "log" if dim == "t" else "linear"
    xscale, yscale = panel.xscale or default_scale, panel.yscale or default_scale
    shown = {name: list(_shown(result.families[name], panel)) for name in panel.curves}
    key = _key(shown.values(), panel, result.zipped_axes)
    top, lowest = 0.0, np.inf
    for index, (name, members) in enumerate(shown.items()):
        x = result.families[name].x
        kept = x > 0 if xscale == "log" else np.isfinite(x)
        for member in members:
            scaled, curve = (x * _speed(member.point, panel))[kept], member.curve[kept]
            y, error = curve.value, curve.error
            shade, style = key.shade(member.point), STYLES[(index + key.rank(member.point)) % len(STYLES)]
            axes.plot(scaled, y, color=shade, linestyle=style)
            axes.fill_between(scaled, y - error, y + error, color=shade, alpha=0.25, linewidth=0)
            top = max([top, *y[np.isfinite(y)].tolist()])
            lowest = min([lowest, *y[y > 0].tolist()])
    axes.set_xscale(xscale)
    axes.set_yscale(yscale, **({} if yscale == "linear" else {"nonpositive": "clip"}))
    if yscale == "log" and top > 0:
        axes.set_ylim(max(lowest, top * 10**-_DECADES) / 1.5, top * 2)
    entries = key.entries()
    entries += [
        Line2D([], [], color="0.25", linestyle=STYLES[i], label=_curve_name(name, result))
        for i, name in enumerate(panel.curves)
        if len(panel.curves) > 1
    ]
    entries += _draw_laws(axes, panel, result)
    entries += [_draw_guide(axes, guide, i) for i, guide in enumerate(panel.guides)]
    legend(axes, entries)
    axes.set_xlabel(_xlabel(dim, panel, result))
    first = panel.curves[0]
    label, per = result.labels[first], result.declaration.curves[first].per
    axes.set_ylabel(
        textwrap.fill(labelled(label["long_name"] + (f" / {per}" if per else ""), label["units"]), _LABEL_WIDTH)
    )


def _key(shown: Iterable[Sequence[PointCurve]], panel: Panel, zipped: ZippedAxes) -> Key:
    """Return colours and line styles for the axes in which curves differ; zipped axes count as one axis."""
    points = [member.point for member in itertools.chain.from_iterable(shown)]
    varying: dict[str, list[Any]] = {}
    for axis, value in itertools.chain.from_iterable(point.items() for point in points):
        if value not in varying.setdefault(axis, []):
            varying[axis].append(value)
    varying = {axis: sorted(values) for axis, values in varying.items() if len(values) > 1}
    beside: dict[tuple[str, Any], Mapping[str, Any]] = {}
    for names in zipped:
        lead = panel.colour if panel.colour in names else names[0]
        others = zipped_with(lead, [names], points)
        beside |= {(lead, point[lead]): {other: point[other] for other in others} for point in points if others}
        varying = {axis: values for axis, values in varying.items() if axis not in others}
    return Key.of(varying, panel.colour, beside)


def _xlabel(dim: str, panel: Panel, result: Result) -> str:
    """Return the label of the horizontal axis: t for the time, the long name for other coordinates."""
    attrs = result.coords[dim]
    clock = "".join(f" × {written(axis)} / {unit:g}" for axis, unit in panel.clock.items())
    name, units = dim if dim == "t" else attrs.get("long_name", dim), attrs.get("units", "1")
    return labelled(f"{name}{clock}", units)


def _curve_name(name: str, result: Result) -> str:
    """Return the name of a curve in the legend."""
    per = result.declaration.curves[name].per
    return f"{name} / {per}" if per else name


def _shown(family: CurveFamily, panel: Panel) -> Iterator[PointCurve]:
    """Yield the curves at points that the panel shows."""
    return (member for member in family if visible(member.point, panel.show))


def _speed(point: Mapping[str, Any], panel: Panel) -> float:
    """Return the factor that multiplies the times of a point."""
    speed = 1.0
    for axis, unit in panel.clock.items():
        speed *= float(point[axis]) / unit
    return speed


def _draw_laws(axes: Axes, panel: Panel, result: Result) -> list[Line2D]:
    """Draw fitted laws, thick on the window and thin for half a decade beyond it; return the entries of the legend."""
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
            axes.plot(wide * speed, each.fit.curve(wide), color=_LAW_COLOUR, linewidth=0.5, linestyle=":", zorder=3)
            axes.plot(
                inside * speed, each.fit.curve(inside), color=_LAW_COLOUR, linewidth=1.0, linestyle=style, zorder=4
            )
            drawn = True
        if drawn:
            law = next(each.fit.law for each in result.fitted[name])
            if (dim := result.families[result.declaration.fits[name].of].dim) != "t":
                law = re.sub(r"\bt\b", dim, law)
            entries.append(Line2D([], [], color=_LAW_COLOUR, linewidth=1.0, linestyle=style, label=written(law)))
    return entries


def _draw_guide(axes: Axes, guide: Guide, index: int) -> Line2D:
    """Draw a guide to the eye; return its entry of the legend."""
    x = np.geomspace(*guide.span, 50)
    x0, y0 = guide.through
    y = y0 * (x / x0) ** guide.power if guide.power is not None else y0 + (guide.slope or 0.0) * np.log(x / x0)
    style: Any = (0, (4, 1.5, 1, 1.5)) if index == 0 else ":"
    axes.plot(x, y, color="0.45", linewidth=1.2, linestyle=style)
    return Line2D([], [], color="0.45", linewidth=1.2, linestyle=style, label=guide.label)
