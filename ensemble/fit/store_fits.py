"""Fit one law to all curves of a family, and a law of the system size to the fitted parameters.

    family = CurveFamily.of(block_means(store, "concurrence"), "concurrence")
    fitted = fit_each(family, "power")
    fit_across(fitted, "N", "extrapolate", "beta")

Most laws are functions of t. For an observable that is a number at every point, the "law" is its mean.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import DTypeLike

from ensemble.errors import FitError, remedy
from ensemble.fit.compare import compare
from ensemble.fit.curve_family import CurveFamily
from ensemble.fit.double_exponential import double_exponential
from ensemble.fit.exponential_in_size import exponential_in_size
from ensemble.fit.extrapolate import extrapolate, volume_law
from ensemble.fit.peak import peak
from ensemble.fit.plateau import plateau
from ensemble.fit.power_in_size import power_in_size
from ensemble.fit.power_law import growth, power_law
from ensemble.fit.result import RARE, Fit, Window
from ensemble.fit.stretched import stretched
from ensemble.reduce.jackknife import Array, Estimate
from ensemble.sweep.sweep import format_point, format_value
from ensemble.sweep.toml_values import Value
from ensemble.sweep.zipped_axes import ZippedAxes, zipped_with

LAWS: Mapping[str, Callable[..., Fit]] = {
    "plateau": plateau,
    "power": power_law,
    "growth": growth,
    "peak": peak,
    "stretched": stretched,
}
"""Laws of one curve, by name."""
SHAPES = ("power", "growth", "peak")
"""Laws for functions of any positive coordinate; the other laws are only for functions of t."""
COMPARE = "compare"
"""Comparison of several laws on one window, see `ensemble.fit.compare`."""
MEAN = "mean"
"""The law of an observable that is a number at every point: its mean."""
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    COMPARE: ("a", "beta", "gamma", "tau", "delta", "b"),
    "plateau": ("c",),
    "power": ("a", "beta"),
    "growth": ("a", "alpha"),
    "peak": ("height", "t"),
    "stretched": ("a", "tau", "delta", "t0"),
    MEAN: (MEAN,),
}
"""Names of the parameters of each law."""
TELLING: Mapping[str, str] = {
    "plateau": "c",
    "power": "beta",
    "growth": "alpha",
    "peak": "height",
    "stretched": "delta",
    MEAN: MEAN,
    "exponential_in_size": "alpha",
    "extrapolate": "limit",
    "volume_law": "limit",
    "power_in_size": "beta",
    "double_exponential": "b",
}
"""Main parameter of each law."""
SIZE_LAWS: Mapping[str, Callable[..., Fit]] = {
    "exponential_in_size": exponential_in_size,
    "extrapolate": extrapolate,
    "volume_law": volume_law,
    "power_in_size": power_in_size,
    "double_exponential": double_exponential,
}
"""Laws of a number as a function of the system size, by name."""
SIZE_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "exponential_in_size": ("A", "alpha"),
    "extrapolate": ("limit", "slope"),
    "volume_law": ("limit", "slope"),
    "power_in_size": ("A", "beta"),
    "double_exponential": ("a", "b"),
}
"""Names of the parameters of each law of the size."""


@final
@dataclass(frozen=True)
class PointFit:
    """The fit of a law at one point."""

    point: Mapping[str, Value]
    """Values of the axes at the point."""
    count: int
    """Number of realizations; for a fit along an axis, the smallest number on this axis."""
    name: str
    """Name of the law; in a comparison, of one of the compared laws."""
    fit: Fit
    """The result."""
    verdict: str = ""
    """Outcome of a comparison in one sentence; empty if laws are not compared."""
    founded: bool = True
    """For a fit along an axis: whether all fits that it uses describe their data."""
    above: float = float("nan")
    """In a comparison: AIC minus the AIC of the preferred law, or minus the smallest AIC if none is preferred."""

    @property
    def sound(self) -> bool:
        """Whether the law describes the data; true if the probability of chi2 is undefined."""
        return self.founded and not self.fit.probability < RARE


def is_curve(observable: str, dims: Sequence[str], dtype: DTypeLike, law: str = "") -> bool:
    """Whether an observable is a function that can be fitted (true) or a number (false); an error if it is neither.

    A function must be a function of t, or of any one coordinate if the law is one of `SHAPES`.
    """
    complex_ = np.dtype(dtype).kind == "c"
    if complex_ or (list(dims) not in ([], ["t"]) and not (law in SHAPES and len(dims) == 1)):
        kind = "complex" if complex_ else f"a function of {', '.join(dims)}"
        raise FitError(
            f"a fit needs an observable that is real and a function of t or a number: {observable} is {kind}"
        )
    return bool(dims)


def check(law: str, curve: bool, *, reference: bool = False, window: bool = False) -> None:
    """Raise an error if a law does not suit the observable, a `curve` or a number, or the options given with it."""
    laws = (*LAWS, COMPARE, MEAN)
    if law not in laws:
        raise FitError(f"the law must be one that curves are fitted with, got {law!r}: {remedy(law, laws, 'they are')}")
    if (law == MEAN) == curve:
        kind = "a function of t" if curve else "a number at every point: its law is mean"
        raise FitError(f"the law must suit the observable, got {law} for {kind}")
    if (law == "stretched") != reference:
        raise FitError("a reference such as epsilon=0 must be given with the law stretched, and with no other")
    if window and not curve:
        raise FitError("a window must be given for a function of t only: a number has no times")


def check_across(law: str, parameter: str, axis: str, axes: Mapping[str, Iterable[Value]], along: str) -> None:
    """Raise an error if the law `along` an axis cannot be fitted to a parameter of `law`."""
    if along not in SIZE_LAWS:
        raise FitError(f"a law over {axis} must be one of sizes, got {along!r}: {remedy(along, SIZE_LAWS, 'they are')}")
    if law == COMPARE:
        raise FitError(f"a law over {axis} must rest on one law, but {COMPARE} fits several: choose one of them")
    if parameter not in PARAMETERS[law]:
        raise FitError(f"{parameter!r} must be a parameter of the law: {remedy(parameter, PARAMETERS[law], 'it has')}")
    if axis not in axes:
        raise FitError(f"a law over {axis} needs that axis, but there are {', '.join(axes)}")
    for value in axes[axis]:
        _size(axis, value)


def fit_each(
    family: CurveFamily, law: str, *, reference: Mapping[str, Value] | None = None, **options: Any
) -> tuple[PointFit, ...]:
    """Fit a law, given by its name, to every member of a family.

    `reference` are values of axes, for the law `stretched` only: each curve is divided by the plateau of the member
    with these values, and these members are not fitted. `options` are the options of the function of the law, such as
    `window`. A comparison uses the given window, or the default window of `power_law`, or that of `growth` if the first
    has no points.
    """
    if family.dim not in ("", "t"):
        if law not in SHAPES:
            raise FitError(f"a fit needs a function of t or a number, but this is a function of {family.dim}")
        if not (family.x > 0).all():
            raise FitError(f"the law {law} needs a coordinate above zero, but {family.dim} begins at {family.x[0]:g}")
    check(law, bool(family.dim), reference=reference is not None, window="window" in options)
    if law == MEAN:
        return tuple(PointFit(each.point, each.count, MEAN, _mean(each.curve)) for each in family)
    fitted: list[PointFit] = []
    for member in family:
        if law == COMPARE:
            comparison = compare(family.x, member.curve, **_comparison_options(family.x, member.curve, options))
            fitted += [
                PointFit(member.point, member.count, name, f, comparison.verdict, above=comparison.lead[name])
                for name, f in comparison.fits.items()
            ]
            continue
        more: tuple[Estimate, ...] = ()
        if reference is not None:
            if reference.items() <= member.point.items():
                continue
            other = family.at({**member.point, **reference})
            if other is None:
                raise FitError(
                    f"{format_point(member.point)} needs the point with {format_point(reference)}: compute it"
                )
            more = (other.curve,)
        fitted.append(PointFit(member.point, member.count, law, LAWS[law](family.x, member.curve, *more, **options)))
    return tuple(fitted)


def fit_across(
    fitted: Sequence[PointFit],
    axis: str,
    law: str,
    parameter: str,
    *,
    smallest: float = -np.inf,
    largest: float = np.inf,
    zipped_axes: ZippedAxes = (),
    given: Callable[[Mapping[str, Value]], Mapping[str, Any]] = lambda _: {},
    **options: Any,
) -> tuple[PointFit, ...]:
    """Fit a law of the size to a fitted parameter along an axis, once for each point of the other axes.

    Only values of the axis from `smallest` to `largest` are used. Axes that are zipped with it (`zipped_axes`) are not
    among the other axes. `options` are the options of the function of the law. `given` returns options that depend
    on the point of the other axes.
    """
    if law not in SIZE_LAWS:
        raise FitError(f"a law over {axis} must be one of sizes, got {law!r}: {remedy(law, SIZE_LAWS, 'they are')}")
    if len(names := dict.fromkeys(each.name for each in fitted)) > 1:
        raise FitError(f"a law over {axis} must rest on one law, but there are {', '.join(names)}: choose one of them")
    along = (axis, *zipped_with(axis, zipped_axes, [each.point for each in fitted]))
    groups: dict[tuple[tuple[str, Value], ...], list[PointFit]] = {}
    for each in fitted:
        if axis not in each.point:
            raise FitError(f"a law over {axis} needs that axis, but there are {', '.join(each.point)}")
        if parameter not in each.fit.values:
            raise FitError(
                f"{parameter!r} must be a parameter of the law: {remedy(parameter, each.fit.values, 'it has')}"
            )
        value = each.point[axis]
        if isinstance(value, str) or smallest <= value <= largest:
            rest = tuple((name, value) for name, value in each.point.items() if name not in along)
            groups.setdefault(rest, []).append(each)
    found = []
    for rest, group in groups.items():
        fit = SIZE_LAWS[law](
            [_size(axis, each.point[axis]) for each in group],
            [each.fit.values[parameter] for each in group],
            [each.fit.errors[parameter] for each in group],
            **options,
            **given(dict(rest)),
        )
        if out := ", ".join(format_value(each.point[axis]) for each in group if not each.sound):
            fit = replace(
                fit, warnings=(f"it rests on fits that do not describe their data: {axis} = {out}", *fit.warnings)
            )
        found.append(PointFit(dict(rest), min(each.count for each in group), law, fit, founded=not out))
    return tuple(found)


def _size(axis: str, value: Value) -> float:
    """A value of an axis as a size; an error if it is not a positive number."""
    if isinstance(value, bool | str) or not value > 0:
        raise FitError(f"a law over {axis} needs an axis of positive numbers, got {value!r}: leave that value out")
    return float(value)


def _mean(curve: Estimate) -> Fit:
    """The mean of a number at one point, as a Fit."""
    nan = float("nan")
    value, error = float(curve.value), float(curve.error)
    warnings = () if abs(value) > error else (f"the error of the mean exceeds its value: {value:.3g} +- {error:.3g}",)
    return Fit(MEAN, {MEAN: value}, {MEAN: error}, Window(nan, nan, 1), nan, 0, nan, np.empty(0), (), warnings)


def _comparison_options(t: Array, curve: Estimate, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options of a comparison: the given window, that of the decay, or that of the growth if no point decays."""
    if "window" in options:
        return options
    windows = (law(t, curve, **options).window for law in (power_law, growth))
    return next(({"window": (w.first, w.last)} for w in windows if w.points), {})
