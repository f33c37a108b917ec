"""The parts of a figure's declaration, each a table in TOML with these keys."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union, final, get_args, get_origin, get_type_hints

from ensemble.errors import FigureError, cure
from ensemble.fit.families import MEAN
from ensemble.sweep import told_point

_SAID = {str: "a text", float: "a number", int: "an integer", bool: "true or false"}

Part = TypeVar("Part")


@final
@dataclass(frozen=True)
class Curve:
    """An observable or a quantity of means, at all points of a sweep or at some."""

    sweep: str
    observable: str
    select: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes; all that the sweep asks for where an axis is not named."""
    per: str = ""
    """An axis whose value the observable is divided by."""
    relative_to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Divided by the plateau of the same point but for these values, on common disorder."""
    minus: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Less the same point but for these values, on common disorder; the points that have them drop out."""
    infinite: str = ""
    """An axis whose infinity is sought, by a polynomial of this order in its inverse at each place of the curve."""
    order: int = 1

    def __post_init__(self) -> None:
        if self.order < 1:
            raise FigureError(f"order of a curve of {self.observable} must be at least 1, got {self.order}")
        if self.minus and self.relative_to:
            raise FigureError(f"a curve of {self.observable} must have one of minus and relative_to, but it has both")


COLLAPSE = "collapse"
"""Of a FitPart: whether curves fall onto each other when time runs with an axis."""


@final
@dataclass(frozen=True)
class FitPart:
    """A law fitted to every member of a family of curves."""

    of: str
    law: str
    reference: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """For a ratio: the same points but for these values."""
    clock: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """For the law `collapse`: the axis that sets the speed, and the value at which it is one."""
    window: tuple[float, float] | None = None
    start: float | None = None
    stop: float | None = None
    noise: float | None = None
    shifted: bool | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What the law is told; the rest are its defaults."""
        told = {name: getattr(self, name) for name in ("window", "start", "stop", "noise", "shifted")}
        return {name: value for name, value in told.items() if value is not None}


@final
@dataclass(frozen=True)
class SizeLaw:
    """A law of the size, fitted to a parameter that other fits have found."""

    of: str
    parameter: str
    law: str
    over: str = "N"
    least: float = float("-inf")
    most: float = float("inf")
    even: bool | None = None
    power: str = ""
    """For `extrapolate`: the derived quantity of the model that is the power of the correction."""

    @property
    def options(self) -> dict[str, Any]:
        """What the law is told; the rest are its defaults."""
        return {} if self.even is None else {"even": self.even}


@final
@dataclass(frozen=True)
class Derivation:
    """Numbers that follow from the parameters of a model, for each of its presets."""

    model: str
    presets: tuple[str, ...]
    quantities: tuple[str, ...]
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Parameters that have no default, and those that differ from the presets."""


@final
@dataclass(frozen=True)
class Guide:
    """A line for the eye: y0 (x / x0)^power, or y0 + slope ln(x / x0)."""

    label: str
    through: tuple[float, float]
    span: tuple[float, float]
    power: float | None = None
    slope: float | None = None

    def __post_init__(self) -> None:
        if min(self.through[0], *self.span) <= 0:
            raise FigureError(f"the guide {self.label!r} must lie at times above zero, got {list(self.span)}")


@final
@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves with fits, or parameters of fits with laws, or a map of a derived quantity."""

    title: str = ""
    curves: tuple[str, ...] = ()
    fits: tuple[str, ...] = ()
    """Laws to draw over the curves, dashed, on their windows."""
    show: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The values of axes that are drawn where all would be too many."""
    colour: str = ""
    """The axis that is told by colour; by default the first that has several values."""
    clock: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Times are multiplied by the axis over this value."""
    marks: tuple[float, ...] = ()
    """Vertical lines for the eye, at these places."""
    guides: tuple[Guide, ...] = ()
    values: tuple[str, ...] = ()
    """Fits, laws of the size, or curves that are numbers."""
    parameter: str = ""
    """What is drawn of the fits; curves that are numbers need none."""
    over: str = "N"
    inverse: bool = False
    """Against 1 / N."""
    laws: tuple[str, ...] = ()
    theory: tuple[str, ...] = ()
    """Derived quantities of the model at the points of the values, drawn as lines through them."""
    map: str = ""
    quantity: str = ""
    along: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The two parameters that span a map, each with a grid of values."""
    x: str = ""
    y: str = ""
    """Derived quantities that are the axes of a map."""
    x_spread: str = ""
    """A derived quantity that is the standard deviation of log10 x."""
    xlabel: str = ""
    ylabel: str = ""
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    xscale: str = ""
    yscale: str = ""

    SCALES = ("", "linear", "log")

    def __post_init__(self) -> None:
        for name, scale in (("xscale", self.xscale), ("yscale", self.yscale)):
            if scale not in self.SCALES:
                raise FigureError(f"{name} of a panel must be linear or log, got {scale!r}")


@final
@dataclass(frozen=True)
class Place:
    """What a claim says of one point."""

    at: Mapping[str, Any]
    value: float
    error: float = 0.0


@final
@dataclass(frozen=True)
class Published:
    """A claim: a value with its error, or a bound, for a parameter of a fit, a law or a derived quantity."""

    claim: str
    of: str
    """A fit, a law, a derived quantity, or a curve that is a number."""
    parameter: str = MEAN
    at: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The point it is about; without it, every point."""
    statistic: str = "value"
    """`value` of each point, or its `ratio` to the point with the values in `to`; over all points `spread`, the
    largest over the smallest, or `trend`, the slope against ln `over`."""
    over: str = "N"
    to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    value: float | None = None
    error: float = 0.0
    below: float | None = None
    above: float | None = None
    values: tuple[Place, ...] = ()
    """A row of a table: a value for each of some points."""
    note: str = ""

    STATISTICS = ("value", "ratio", "spread", "trend")

    def __post_init__(self) -> None:
        if self.statistic not in self.STATISTICS:
            told = cure(self.statistic, self.STATISTICS, "there are")
            raise FigureError(f"published {self.claim!r}: the statistic must be known, got {self.statistic!r}: {told}")
        if (self.statistic == "ratio") != bool(self.to):
            raise FigureError(
                f"published {self.claim!r}: a ratio, and nothing else, must have `to`, the point below the line"
            )
        bounds = (self.value, self.below, self.above)
        if self.values and (bounds != (None, None, None) or self.statistic != "value"):
            raise FigureError(f"published {self.claim!r} must have values or a value, a bound or a statistic, not both")
        if not self.values and bounds == (None, None, None):
            raise FigureError(f"published {self.claim!r} must have a value, or be below or above one")

    def apart(self) -> tuple["Published", ...]:
        """A claim for each of its points, or itself."""
        return tuple(
            dataclasses.replace(
                self,
                claim=f"{self.claim}, {told_point(each.at)}",
                at={**self.at, **each.at},
                value=each.value,
                error=each.error,
                values=(),
            )
            for each in self.values
        ) or (self,)


def from_table(kind: type[Part], table: Mapping[str, Any], where: str) -> Part:
    """A part from its table; an error names the key that is unknown, missing or of the wrong type."""
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for key in table:
        if key not in known:
            raise FigureError(f"{where} holds an unknown key {key!r}: {cure(key, known, 'it may hold')}")
    for name, field in known.items():
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and name not in table:
            raise FigureError(f"{where} must have {name}, but it is missing")
    return kind(**{name: _checked(f"{where}: {name}", hints[name], value) for name, value in table.items()})


def _checked(name: str, kind: Any, value: Any) -> Any:
    """A value of the type that a key has."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        inner, *rest = get_args(kind)
        fixed = None if rest == [...] else 1 + len(rest)
        if not isinstance(value, list) or (fixed and len(value) != fixed):
            many = f"{fixed} values" if fixed else "values"
            raise FigureError(f"{name} must be a list of {many}, got {value!r}")
        return tuple(_checked(name, inner, each) for each in value)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise FigureError(f"{name} must be a table, got {value!r}")
        return from_table(kind, value, name)  # type: ignore[arg-type]
    if kind not in _SAID:  # a mapping
        if not isinstance(value, Mapping):
            raise FigureError(f"{name} must be a table, got {value!r}")
        inner = get_args(kind)[1]
        return {key: each if inner is Any else _checked(f"{name}.{key}", inner, each) for key, each in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FigureError(f"{name} must be {_SAID[kind]}, got {value!r}")
    return value
