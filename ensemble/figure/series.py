"""How members of a family are told apart: an ordered axis by colour, the next by the style of the line.

Viridis orders values for every reader, also in grey; styles and markers carry what colour does not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ensemble.sweep import told_point

STYLES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v")
INK = "0.25"
_FEW = 3
"""Entries of a legend that find a place among points."""
_WIDE = 28
"""Characters in a line of a legend beside a panel."""
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
"""As whole words: there is an eta in theta and in metal."""


@final
@dataclass(frozen=True)
class Key:
    """Colour of the values of one axis, style of those of another."""

    colour: str
    """The axis told by colour; empty if nothing varies."""
    colours: Mapping[Any, Any]
    style: str
    """The axis told by style; empty if only one varies."""
    styles: Mapping[Any, int]
    beside: Mapping[tuple[str, Any], Mapping[str, Any]]
    """What goes with a value of one of the two, where axes vary together."""

    @classmethod
    def of(
        cls,
        varying: Mapping[str, Sequence[Any]],
        colour: str = "",
        beside: Mapping[tuple[str, Any], Mapping[str, Any]] | None = None,
    ) -> "Key":
        """The key for a family that extends along these axes."""
        axes = list(varying)
        first = colour if colour in axes else axes[0] if axes else ""
        second = next((axis for axis in axes if axis != first), "")
        values = list(varying.get(first, []))
        shades = {value: colormaps["viridis"](0.88 * i / max(1, len(values) - 1)) for i, value in enumerate(values)}
        styles = {value: i for i, value in enumerate(varying.get(second, []))}
        return cls(first, shades, second, styles, beside or {})

    def shade(self, point: Mapping[str, Any]) -> Any:
        """The colour of a point; dark for one that does not have the axis, such as its limit."""
        if self.colour and self.colour not in point:
            return INK
        return self.colours.get(point.get(self.colour), colormaps["viridis"](0.3))

    def rank(self, point: Mapping[str, Any]) -> int:
        """Which of the styles a point has."""
        return self.styles.get(point.get(self.style), 0)

    def entries(self) -> list[Line2D]:
        """What a legend says of the key."""
        lines = [
            Line2D([], [], color=shade, label=self._said(self.colour, value)) for value, shade in self.colours.items()
        ]
        return lines + [
            Line2D([], [], color=INK, linestyle=STYLES[i % len(STYLES)], label=self._said(self.style, value))
            for value, i in self.styles.items()
        ]

    def _said(self, axis: str, value: Any) -> str:
        return written(told_point({axis: value, **self.beside.get((axis, value), {})}))


def visible(point: Mapping[str, Any], show: Mapping[str, Any]) -> bool:
    """Whether a panel shows a point."""
    return all(point[axis] in (values if isinstance(values, list) else [values]) for axis, values in show.items())


def legend(axes: Axes, entries: Sequence[Line2D], *, inside: bool = False) -> None:
    """A legend beside the panel, where it hides nothing; or inside it, if it is short and few points can be hidden."""
    short = max((len(str(entry.get_label())) for entry in entries), default=0) <= _WIDE
    if entries and inside and len(entries) <= _FEW and short:
        axes.legend(handles=list(entries), loc="best", framealpha=0.85, handlelength=1.8)
    elif entries:
        labels = [_folded(str(entry.get_label())) for entry in entries]
        axes.legend(entries, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, handlelength=2.2)


def _folded(label: str) -> str:
    """A label that leaves room for the panel beside it: if it is long, a line for each of its parts."""
    return label.replace(", ", ",\n") if max(map(len, label.split("\n"))) > _WIDE else label


def labelled(name: str, units: str) -> str:
    """What an axis says: a name, and the unit of what has one."""
    return written(name + (f" ({units})" if units != "1" else ""))


def written(text: str) -> str:
    """A name or a formula with the letters of the paper."""
    for name, letter in _GREEK.items():
        text = re.sub(f"(?<![A-Za-z]){name}(?![A-Za-z])", letter, text)
    return text
