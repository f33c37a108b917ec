"""Colours, line styles, markers and legends: one axis selects the colour, the next one the line style.

The colour map viridis shows the order of values to every reader, also in grey. Line styles and markers distinguish
everything else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ensemble.sweep.sweep import format_point

STYLES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
"""Line styles."""
MARKERS = ("o", "s", "^", "D", "v")
INK = "0.25"
"""Colour of lines that do not depend on the axis of colours."""
_MAX_INSIDE = 3
"""Maximum number of entries of a legend inside a panel."""
_MAX_WIDTH = 28
"""Maximum number of characters in a line of a legend."""
_GREEK = {
    "delta_bar": "Δ̄",
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eta": "η",
    "tau": "τ",
    "hbar": "ħ",
}
"""Greek letters by name; only whole words are replaced, because eta is part of theta and metal."""


@final
@dataclass(frozen=True)
class Key:
    """Colours for the values of one axis, line styles for the values of another axis."""

    colour: str
    """Axis that selects the colour; empty if nothing varies."""
    colours: Mapping[Any, Any]
    """Colour of each value of this axis."""
    style: str
    """Axis that selects the line style; empty if only one axis varies."""
    styles: Mapping[Any, int]
    """Index of the line style of each value of this axis."""
    beside: Mapping[tuple[str, Any], Mapping[str, Any]]
    """For zipped axes: the values of the other axes, by axis and value of `colour` or `style`."""

    @classmethod
    def of(
        cls,
        varying: Mapping[str, Sequence[Any]],
        colour: str = "",
        beside: Mapping[tuple[str, Any], Mapping[str, Any]] | None = None,
    ) -> "Key":
        """Create the key for the axes that vary, with their values; `colour` selects the axis of colours."""
        axes = list(varying)
        first = colour if colour in axes else axes[0] if axes else ""
        second = next((axis for axis in axes if axis != first), "")
        values = list(varying.get(first, []))
        shades = {value: colormaps["viridis"](0.88 * i / max(1, len(values) - 1)) for i, value in enumerate(values)}
        styles = {value: i for i, value in enumerate(varying.get(second, []))}
        return cls(first, shades, second, styles, beside or {})

    def shade(self, point: Mapping[str, Any]) -> Any:
        """Return the colour of a point; dark grey if the point lacks the axis, as in a limit of infinite size."""
        if self.colour and self.colour not in point:
            return INK
        return self.colours.get(point.get(self.colour), colormaps["viridis"](0.3))

    def rank(self, point: Mapping[str, Any]) -> int:
        """Return the index of the line style of a point."""
        return self.styles.get(point.get(self.style), 0)

    def entries(self) -> list[Line2D]:
        """Return the entries of a legend."""
        lines = [
            Line2D([], [], color=shade, label=self._entry_label(self.colour, value))
            for value, shade in self.colours.items()
        ]
        return lines + [
            Line2D([], [], color=INK, linestyle=STYLES[i % len(STYLES)], label=self._entry_label(self.style, value))
            for value, i in self.styles.items()
        ]

    def _entry_label(self, axis: str, value: Any) -> str:
        return written(format_point({axis: value, **self.beside.get((axis, value), {})}))


def visible(point: Mapping[str, Any], show: Mapping[str, Any]) -> bool:
    """Return whether a panel shows a point."""
    return all(point[axis] in (values if isinstance(values, list) else [values]) for axis, values in show.items())


def legend(axes: Axes, entries: Sequence[Line2D], *, inside: bool = False) -> None:
    """Draw the legend beside the panel; with `inside=True`, a short legend of few entries is drawn in the panel."""
    short = max((len(str(entry.get_label())) for entry in entries), default=0) <= _MAX_WIDTH
    if entries and inside and len(entries) <= _MAX_INSIDE and short:
        axes.legend(handles=list(entries), loc="best", framealpha=0.85, handlelength=1.8)
    elif entries:
        labels = [_wrapped(str(entry.get_label())) for entry in entries]
        axes.legend(entries, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, handlelength=2.2)


def _wrapped(label: str) -> str:
    """Split a long label after commas, so that the panel beside it keeps its width."""
    return label.replace(", ", ",\n") if max(map(len, label.split("\n"))) > _MAX_WIDTH else label


def labelled(name: str, units: str) -> str:
    """Return an axis label: a name, with its unit unless it is dimensionless."""
    return written(name + (f" ({units})" if units != "1" else ""))


def written(text: str) -> str:
    """Replace the names of Greek letters in a text by the letters."""
    for name, letter in _GREEK.items():
        text = re.sub(f"(?<![A-Za-z]){name}(?![A-Za-z])", letter, text)
    return text
