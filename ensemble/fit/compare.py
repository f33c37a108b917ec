"""Competing laws side by side on one window: which one the data prefer, by how much, or that they do not tell.

Every law is fitted to the same points with the same weights; the difference of two AIC is that of their chi2, with two
added for every parameter more. Diagonal weights count correlated points as if each brought news, so the differences
are too large and not to be read as odds. But the difference has an error of its own: the comparison is repeated
without each block of realizations. A law is out if

    its parameters do not exist (a stretched exponential with δ <= 0 is none), or the chance of its chi2 is below 1 %,
    or another law that is not has an AIC smaller by at least 6 (odds of 20, were the points independent) and by at
    least two errors of that difference, correlations included.

A stretched exponential holds the power law (δ -> 0) and the exponential (δ = 1), and cannot lose to them by more than
its third parameter: it is also out while one of them is not. The law that is left is preferred; if several are left,
the data do not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.laws import Exponential, Law, Logarithm, Power, Stretched
from ensemble.fit.least_squares import between, checked, fitted, parts, probability, solve, weights
from ensemble.fit.result import RARE, Fit, Window

_LAWS: Mapping[str, Law] = {
    "power": Power(),
    "exponential": Exponential(),
    "stretched": Stretched(),
    "logarithm": Logarithm(),
}
_CONTAINS = {"stretched": ("power", "exponential")}
"""Laws that are limits of another one."""
_MOST = max(len(law.names) for law in _LAWS.values())
"""Parameters of the richest law: a window needs more points."""
_LEAD = 6.0
"""A smaller difference of AIC says nothing."""
_SURE = 2.0
"""Neither does one that is less than this many of its own errors."""


@final
@dataclass(frozen=True)
class Comparison:
    """Power law, exponential, stretched exponential and logarithm on one window."""

    fits: Mapping[str, Fit]
    lead: Mapping[str, float]
    """AIC of each law above that of the preferred one, or the smallest if none is."""
    lead_errors: Mapping[str, float]
    """The error of each difference."""
    preferred: str | None
    """The law that the data prefer; none if they do not tell."""
    verdict: str
    """The same in a sentence."""
    moved: tuple[tuple[Window, str | None], ...]
    """What is preferred on parts of the window."""


def compare(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Comparison:
    """Fit all laws to the curve on a window, by default on all positive times, and weigh them."""
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    fits = {name: fitted(law, times, curve, chosen) for name, law in _LAWS.items()}
    if any(fit.degrees < 1 for fit in fits.values()):
        nothing = dict.fromkeys(fits, float("nan"))
        said = f"the data cannot tell: {np.count_nonzero(chosen)} points are too few to compare laws"
        return Comparison(fits, nothing, nothing, None, said, ())
    error, scatter, _ = weights(curve.error[chosen])
    times, curve, error = times[chosen][scatter], curve[chosen][scatter], error[scatter]
    aic, able, left = _left(times, curve, error)
    base = list(_LAWS).index(left[0]) if len(left) == 1 else int(np.argmin(aic.value))
    above = Estimate(aic.value - aic.value[base], aic.without - aic.without[:, base, None], aic.sizes)
    lead = dict(zip(_LAWS, map(float, above.value), strict=True))
    errors = dict(zip(_LAWS, map(float, above.error), strict=True))
    moved = []
    for part in parts(len(times)):
        if part.stop - part.start > _MOST:
            window_ = Window(float(times[part][0]), float(times[part][-1]), part.stop - part.start)
            moved.append((window_, _only(_left(times[part], curve[part], error[part])[2])))
    return Comparison(fits, lead, errors, _only(left), _verdict(able, left, lead, errors), tuple(moved))


def _left(t: Array, curve: Estimate, error: Array) -> tuple[Estimate, list[str], list[str]]:
    """AIC of every law, the laws that can describe the curve at all, and those that are not out."""
    solutions = {name: solve(law, t, curve, error) for name, law in _LAWS.items()}
    aic = Estimate(
        np.array([np.sum(each.residuals.value**2) + 2 * len(each.parameters.value) for each in solutions.values()]),
        np.stack([np.sum(each.residuals.without**2, axis=1) for each in solutions.values()], axis=1)
        + [2 * len(each.parameters.value) for each in solutions.values()],
        curve.sizes,
    )
    # Without scatter between blocks there is no chance to reckon with, and only the differences count.
    able = [
        bool(np.isfinite(each.parameters.value).all()) and not probability(each.residuals) < RARE
        for each in solutions.values()
    ]
    left = [
        name
        for i, name in enumerate(_LAWS)
        if able[i] and not any(able[j] and _beaten(aic[[i]], aic[[j]]) for j in range(len(_LAWS)))
    ]
    if any(simple in left for simple in _CONTAINS["stretched"]) and "stretched" in left:
        left.remove("stretched")
    return aic, [name for name, can in zip(_LAWS, able, strict=True) if can], left


def _beaten(one: Estimate, other: Estimate) -> bool:
    """Whether the other's AIC is smaller by enough."""
    gap = Estimate(one.value - other.value, one.without - other.without, one.sizes)
    return bool(gap.value[0] >= _LEAD and gap.value[0] >= _SURE * gap.error[0])


def _only(left: list[str]) -> str | None:
    return left[0] if len(left) == 1 else None


def _verdict(able: list[str], left: list[str], lead: Mapping[str, float], errors: Mapping[str, float]) -> str:
    if not left:
        return "none of the laws describes the curve on this window"
    if len(left) > 1:
        return f"the data cannot tell: {' and '.join(left)} describe the curve alike"
    others = [f"{name} by {lead[name]:.3g} +- {errors[name]:.2g}" for name in able if name not in left]
    out = [name for name in lead if name not in able]
    told = [f"AIC above it: {', '.join(others)}"] if others else []
    told += [f"{' and '.join(out)} cannot describe the curve"] if out else []
    return "; ".join([f"the data prefer {left[0]}", *told])
