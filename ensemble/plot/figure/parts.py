"""Data classes for the tables of a figure declaration; the fields are the keys in TOML."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union, final, get_args, get_origin, get_type_hints

from ensemble.errors import FigureError, remedy
from ensemble.fit.store_fits import MEAN
from ensemble.sweep.sweep import format_point

_TYPE_NAMES = {str: "a text", float: "a number", int: "an integer", bool: "true or false"}
"""Names of types in error messages."""

Part = TypeVar("Part")


@final
@dataclass(frozen=True)
class Curve:
    """An observable or a function of means, at all points of a sweep or at selected points."""

    sweep: str
    """Name of the sweep in the declaration."""
    observable: str
    """Name of an observable, or of a function of means that the model declares."""
    select: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes to keep; default: all values of the sweep."""
    per: str = ""
    """Axis whose value divides the observable; default: none."""
    relative_to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes that define the reference, on the same disorder; the curve is divided by its plateau."""
    minus: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes that define the reference, on the same disorder; it is subtracted and then omitted."""
    infinite: str = ""
    """Axis to extrapolate to infinity, by a polynomial in its inverse at each value of the coordinate."""
    order: int = 1
    """Order of this polynomial."""

    def __post_init__(self) -> None:
        if self.order < 1:
            raise FigureError(f"order of a curve of {self.observable} must be at least 1, got {self.order}")
        if self.minus and self.relative_to:
            raise FigureError(f"a curve of {self.observable} must have one of minus and relative_to, but it has both")


COLLAPSE = "collapse"
"""Law of a FitPart: whether curves collapse onto each other if the speed of time is proportional to an axis."""


@final
@dataclass(frozen=True)
class FitPart:
    """A law that is fitted to every curve of a family."""

    of: str
    """Name of the curve."""
    law: str
    """Name of the law."""
    reference: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes that define the reference curve of a ratio, for the law `stretched`."""
    clock: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """For the law `collapse`: the axis that sets the speed of time, and its value at which the speed is 1."""
    window: tuple[float, float] | None = None
    """First and last value of the coordinate that are fitted; None: chosen by the law."""
    start: float | None = None
    stop: float | None = None
    noise: float | None = None
    shifted: bool | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options that are set, as keyword arguments of the law; others keep the defaults of the law."""
        values = {name: getattr(self, name) for name in ("window", "start", "stop", "noise", "shifted")}
        return {name: value for name, value in values.items() if value is not None}


@final
@dataclass(frozen=True)
class SizeLaw:
    """A law of the system size, fitted to a parameter of other fits."""

    of: str
    """Name of the fit whose parameter is fitted."""
    parameter: str
    """Name of this parameter."""
    law: str
    """Name of the law."""
    over: str = "N"
    """Axis that is the size."""
    min: float = float("-inf")
    """Smallest size that is fitted."""
    max: float = float("inf")
    """Largest size that is fitted."""
    unweighted: bool | None = None
    power: str = ""
    """For `extrapolate`: name of the function of parameters that is the power of the correction."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that are set, as keyword arguments of the law; others keep the defaults of the law."""
        return {} if self.unweighted is None else {"unweighted": self.unweighted}


@final
@dataclass(frozen=True)
class DerivedValues:
    """Functions of parameters, evaluated for some presets of a model."""

    model: str
    """Name of the model."""
    presets: tuple[str, ...]
    """Names of presets of the model."""
    quantities: tuple[str, ...]
    """Names in `functions_of_parameters` of the model."""
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Parameters without a default, and parameters that override the presets."""


@final
@dataclass(frozen=True)
class Guide:
    """A guide to the eye: the line y0 (x / x0)^power, or y0 + slope ln(x / x0)."""

    label: str
    """Label in the legend."""
    through: tuple[float, float]
    """The point (x0, y0)."""
    span: tuple[float, float]
    """First and last x of the line."""
    power: float | None = None
    """Exponent of the power law."""
    slope: float | None = None
    """Slope against ln x; used if `power` is not given."""

    def __post_init__(self) -> None:
        if min(self.through[0], *self.span) <= 0:
            raise FigureError(f"the guide {self.label!r} must lie at times above zero, got {list(self.span)}")


@final
@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves with fits, or parameters of fits with laws, or a map of a function of parameters."""

    title: str = ""
    curves: tuple[str, ...] = ()
    """Names of the curves to draw."""
    fits: tuple[str, ...] = ()
    """Names of fits to draw over the curves, on their windows."""
    show: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes to draw; default: all."""
    colour: str = ""
    """Axis that selects the colour; default: the first axis with several values."""
    clock: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Axes that rescale time, with a value each: the coordinate is multiplied by the axis over this value."""
    marks: tuple[float, ...] = ()
    """Positions of vertical lines."""
    guides: tuple[Guide, ...] = ()
    values: tuple[str, ...] = ()
    """Fits, laws of the size, or curves that are numbers, whose `parameter` is drawn against `over`."""
    parameter: str = ""
    """Parameter of the fits to draw; not needed for curves that are numbers."""
    over: str = "N"
    """Axis to draw the values against."""
    inverse: bool = False
    """Whether the values are drawn against the inverse of the axis, such as 1 / N."""
    laws: tuple[str, ...] = ()
    """Names of laws of the size to draw through the values."""
    theory: tuple[str, ...] = ()
    """Functions of parameters of the model at the points of the values, drawn as lines."""
    map: str = ""
    """Name of the table of derived values whose model and presets are drawn as a map."""
    quantity: str = ""
    """Function of parameters that is drawn as the colour of the map."""
    along: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The two parameters that span the map, each with a grid of values."""
    x: str = ""
    """Function of parameters on the horizontal axis of the map."""
    y: str = ""
    """Function of parameters on the vertical axis of the map."""
    x_spread: str = ""
    """Function of parameters that is the standard deviation of log10 x."""
    xlabel: str = ""
    ylabel: str = ""
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    xscale: str = ""
    yscale: str = ""

    SCALES = ("", "linear", "log")
    """Scales of an axis; empty: the default of the panel."""

    def __post_init__(self) -> None:
        for name, scale in (("xscale", self.xscale), ("yscale", self.yscale)):
            if scale not in self.SCALES:
                raise FigureError(f"{name} of a panel must be linear or log, got {scale!r}")


@final
@dataclass(frozen=True)
class Position:
    """The published value at one point, with its error."""

    select: Mapping[str, Any]
    """Values of axes that define the point."""
    value: float
    error: float = 0.0


@final
@dataclass(frozen=True)
class PublishedValue:
    """A published value with its error, or a bound, of a parameter of a fit, law or table of derived values."""

    claim: str
    """The published statement, in words."""
    of: str
    """Name of a fit, a law, a table of derived values, or a curve that is a number."""
    parameter: str = MEAN
    """Parameter that the statement is about."""
    select: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes that define the point; default: every point."""
    statistic: str = "value"
    """What is compared at the selected points:

    - `value`: the value at each point.
    - `ratio`: the value at each point over the value at the point with the axes in `to`.
    - `spread`: the largest value over the smallest.
    - `trend`: the slope against ln `over`.
    """
    over: str = "N"
    """Axis of the statistic `trend`."""
    to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of axes that define the denominator of the statistic `ratio`."""
    value: float | None = None
    """The published value; None: a bound, or several `values`."""
    error: float = 0.0
    """Standard error of the published value; default: 0, none is given."""
    below: float | None = None
    """Upper bound of the value."""
    above: float | None = None
    """Lower bound of the value."""
    values: tuple[Position, ...] = ()
    """A row of a table: values at several points."""
    note: str = ""
    """Remark that is saved with the comparison."""

    STATISTICS = ("value", "ratio", "spread", "trend")
    """Allowed values of `statistic`."""

    def __post_init__(self) -> None:
        if self.statistic not in self.STATISTICS:
            hint = remedy(self.statistic, self.STATISTICS, "there are")
            raise FigureError(f"published {self.claim!r}: the statistic must be known, got {self.statistic!r}: {hint}")
        if (self.statistic == "ratio") != bool(self.to):
            raise FigureError(
                f"published {self.claim!r}: a ratio, and nothing else, must have `to`, the point below the line"
            )
        bounds = (self.value, self.below, self.above)
        if self.values and (bounds != (None, None, None) or self.statistic != "value"):
            raise FigureError(f"published {self.claim!r} must have values or a value, a bound or a statistic, not both")
        if not self.values and bounds == (None, None, None):
            raise FigureError(f"published {self.claim!r} must have a value, or be below or above one")

    def apart(self) -> tuple["PublishedValue", ...]:
        """Return one published value for each entry of `values`, or itself if there are none."""
        return tuple(
            dataclasses.replace(
                self,
                claim=f"{self.claim}, {format_point(each.select)}",
                select={**self.select, **each.select},
                value=each.value,
                error=each.error,
                values=(),
            )
            for each in self.values
        ) or (self,)


def from_table(kind: type[Part], table: Mapping[str, Any], where: str) -> Part:
    """Create a part from its table; an error names the key that is unknown, missing or of the wrong type."""
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for key in table:
        if key not in known:
            raise FigureError(f"{where} holds an unknown key {key!r}: {remedy(key, known, 'it may hold')}")
    for name, field in known.items():
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and name not in table:
            raise FigureError(f"{where} must have {name}, but it is missing")
    return kind(**{name: _checked(f"{where}: {name}", hints[name], value) for name, value in table.items()})


def _checked(name: str, kind: Any, value: Any) -> Any:
    """Convert a TOML value to the type of its key; raise a `FigureError` if it has another type."""
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
    if kind not in _TYPE_NAMES:  # a mapping
        if not isinstance(value, Mapping):
            raise FigureError(f"{name} must be a table, got {value!r}")
        inner = get_args(kind)[1]
        return {key: each if inner is Any else _checked(f"{name}.{key}", inner, each) for key, each in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FigureError(f"{name} must be {_TYPE_NAMES[kind]}, got {value!r}")
    return value
