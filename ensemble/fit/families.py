"""One law fitted to all curves of a family, and a law of the size to what comes out.

    family = Family.of(block_means(store, "concurrence"), "concurrence")
    fitted = fit_each(family, "power")
    across(fitted, "N", "extrapolate", "beta")

Laws are functions of t; a number at every point has its mean.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import DTypeLike

from ensemble.errors import FitError, cure
from ensemble.fit.compare import compare
from ensemble.fit.double_exponential import double_exponential
from ensemble.fit.exponential_in_size import exponential_in_size
from ensemble.fit.extrapolate import extrapolate, volume_law
from ensemble.fit.family import Family
from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.peak import peak
from ensemble.fit.plateau import plateau
from ensemble.fit.power_in_size import power_in_size
from ensemble.fit.power_law import growth, power_law
from ensemble.fit.result import RARE, Fit, Window
from ensemble.fit.stretched import stretched
from ensemble.sweep import shown, told_point
from ensemble.together import Together, partners
from ensemble.values import Value

LAWS: Mapping[str, Callable[..., Fit]] = {
    "plateau": plateau,
    "power": power_law,
    "growth": growth,
    "peak": peak,
    "stretched": stretched,
}
"""Laws of one curve."""
SHAPES = ("power", "growth", "peak")
"""Those that a function of any positive number may follow; the others are laws of time."""
COMPARE = "compare"
"""All laws of decay side by side."""
MEAN = "mean"
"""Of an observable that is a number at every point, and that number is all there is to fit."""
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    COMPARE: ("a", "beta", "gamma", "tau", "delta", "b"),
    "plateau": ("c",),
    "power": ("a", "beta"),
    "growth": ("a", "alpha"),
    "peak": ("height", "t"),
    "stretched": ("a", "tau", "delta", "t0"),
    MEAN: (MEAN,),
}
"""What each of them gives."""
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
"""What each law is asked for most."""
SIZE_LAWS: Mapping[str, Callable[..., Fit]] = {
    "exponential_in_size": exponential_in_size,
    "extrapolate": extrapolate,
    "volume_law": volume_law,
    "power_in_size": power_in_size,
    "double_exponential": double_exponential,
}
"""Laws of a number against the system size."""
SIZE_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "exponential_in_size": ("A", "alpha"),
    "extrapolate": ("limit", "slope"),
    "volume_law": ("limit", "slope"),
    "power_in_size": ("A", "beta"),
    "double_exponential": ("a", "b"),
}
"""What each of them gives."""


@final
@dataclass(frozen=True)
class Fitted:
    """A law at one point."""

    point: Mapping[str, Value]
    count: int
    name: str
    """Which law; that of the competitor where several are compared."""
    fit: Fit
    verdict: str = ""
    """What a comparison says."""
    founded: bool = True
    """Whether the fits that it rests on describe their data."""
    above: float = float("nan")
    """Where laws are compared: AIC above that of the preferred one, or above the smallest."""

    @property
    def sound(self) -> bool:
        """Whether the law describes the data, as far as that can be told."""
        return self.founded and not self.fit.probability < RARE


def is_curve(observable: str, dims: Sequence[str], dtype: DTypeLike, law: str = "") -> bool:
    """Whether an observable is a function that a law may be fitted to, or else a number; what is neither is refused.

    It is one of t, or of any coordinate where the law is one of shapes.
    """
    complex_ = np.dtype(dtype).kind == "c"
    if complex_ or (list(dims) not in ([], ["t"]) and not (law in SHAPES and len(dims) == 1)):
        told = "complex" if complex_ else f"a function of {', '.join(dims)}"
        raise FitError(
            f"a fit needs an observable that is real and a function of t or a number: {observable} is {told}"
        )
    return bool(dims)


def check(law: str, curve: bool, *, reference: bool = False, window: bool = False) -> None:
    """Refuse a law that does not suit what is to be fitted, a `curve` or a number, or what is given with it."""
    laws = (*LAWS, COMPARE, MEAN)
    if law not in laws:
        raise FitError(f"the law must be one that curves are fitted with, got {law!r}: {cure(law, laws, 'they are')}")
    if (law == MEAN) == curve:
        told = "a function of t" if curve else "a number at every point: its law is mean"
        raise FitError(f"the law must suit the observable, got {law} for {told}")
    if (law == "stretched") != reference:
        raise FitError("a reference such as epsilon=0 must be given with the law stretched, and with no other")
    if window and not curve:
        raise FitError("a window must be given for a function of t only: a number has no times")


def check_across(law: str, parameter: str, axis: str, axes: Mapping[str, Iterable[Value]], along: str) -> None:
    """Refuse a law along an axis that no fit of a law could have numbers for."""
    if along not in SIZE_LAWS:
        raise FitError(f"a law over {axis} must be one of sizes, got {along!r}: {cure(along, SIZE_LAWS, 'they are')}")
    if law == COMPARE:
        raise FitError(f"a law over {axis} must rest on one law, but {COMPARE} fits several: choose one of them")
    if parameter not in PARAMETERS[law]:
        raise FitError(f"{parameter!r} must be a parameter of the law: {cure(parameter, PARAMETERS[law], 'it has')}")
    if axis not in axes:
        raise FitError(f"a law over {axis} needs that axis, but there are {', '.join(axes)}")
    for value in axes[axis]:
        _size(axis, value)


def fit_each(
    family: Family, law: str, *, reference: Mapping[str, Value] | None = None, **options: Any
) -> tuple[Fitted, ...]:
    """Fit a law, by its name, to every member; `stretched` takes the ratio to the members at `reference`.

    `options` are those of the law's function, such as a window. Laws are compared on the window that is given, or
    on the one that a decay or else a growth would choose.
    """
    if family.dim not in ("", "t"):
        if law not in SHAPES:
            raise FitError(f"a fit needs a function of t or a number, but this is a function of {family.dim}")
        if not (family.x > 0).all():
            raise FitError(f"the law {law} needs a coordinate above zero, but {family.dim} begins at {family.x[0]:g}")
    check(law, bool(family.dim), reference=reference is not None, window="window" in options)
    if law == MEAN:
        return tuple(Fitted(each.point, each.count, MEAN, _mean(each.curve)) for each in family)
    fitted: list[Fitted] = []
    for member in family:
        if law == COMPARE:
            comparison = compare(family.x, member.curve, **_compared(family.x, member.curve, options))
            fitted += [
                Fitted(member.point, member.count, name, f, comparison.verdict, above=comparison.lead[name])
                for name, f in comparison.fits.items()
            ]
            continue
        more: tuple[Estimate, ...] = ()
        if reference is not None:
            if reference.items() <= member.point.items():
                continue
            other = family.at({**member.point, **reference})
            if other is None:
                raise FitError(f"{told_point(member.point)} needs the point with {told_point(reference)}: compute it")
            more = (other.curve,)
        fitted.append(Fitted(member.point, member.count, law, LAWS[law](family.x, member.curve, *more, **options)))
    return tuple(fitted)


def across(
    fitted: Sequence[Fitted],
    axis: str,
    law: str,
    parameter: str,
    *,
    least: float = -np.inf,
    most: float = np.inf,
    together: Together = (),
    given: Callable[[Mapping[str, Value]], Mapping[str, Any]] = lambda _: {},
    **options: Any,
) -> tuple[Fitted, ...]:
    """Fit a law of the size to a parameter along an axis, once for each point of the other axes.

    Axes that vary `together` with it go along. `options` are those of the law's function; those that depend on the
    point of the other axes are `given` by it.
    """
    if law not in SIZE_LAWS:
        raise FitError(f"a law over {axis} must be one of sizes, got {law!r}: {cure(law, SIZE_LAWS, 'they are')}")
    if len(names := dict.fromkeys(each.name for each in fitted)) > 1:
        raise FitError(f"a law over {axis} must rest on one law, but there are {', '.join(names)}: choose one of them")
    along = (axis, *partners(axis, together, [each.point for each in fitted]))
    groups: dict[tuple[tuple[str, Value], ...], list[Fitted]] = {}
    for each in fitted:
        if axis not in each.point:
            raise FitError(f"a law over {axis} needs that axis, but there are {', '.join(each.point)}")
        if parameter not in each.fit.values:
            raise FitError(
                f"{parameter!r} must be a parameter of the law: {cure(parameter, each.fit.values, 'it has')}"
            )
        value = each.point[axis]
        if isinstance(value, str) or least <= value <= most:
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
        if out := ", ".join(shown(each.point[axis]) for each in group if not each.sound):
            fit = replace(
                fit, warnings=(f"it rests on fits that do not describe their data: {axis} = {out}", *fit.warnings)
            )
        found.append(Fitted(dict(rest), min(each.count for each in group), law, fit, founded=not out))
    return tuple(found)


def _size(axis: str, value: Value) -> float:
    """A value of an axis along which a law of sizes can be fitted."""
    if isinstance(value, bool | str) or not value > 0:
        raise FitError(f"a law over {axis} needs an axis of positive numbers, got {value!r}: leave that value out")
    return float(value)


def _mean(curve: Estimate) -> Fit:
    """A number at a point, in the shape of a fit."""
    nan = float("nan")
    value, error = float(curve.value), float(curve.error)
    said = () if abs(value) > error else (f"the error of the mean exceeds its value: {value:.3g} +- {error:.3g}",)
    return Fit(MEAN, {MEAN: value}, {MEAN: error}, Window(nan, nan, 1), nan, 0, nan, np.empty(0), (), said)


def _compared(t: Array, curve: Estimate, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where laws are compared: on the window that is given, that of the decay, or that of the growth if none decays."""
    if "window" in options:
        return options
    windows = (law(t, curve, **options).window for law in (power_law, growth))
    return next(({"window": (w.first, w.last)} for w in windows if w.points), {})
