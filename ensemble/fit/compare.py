"""Compare laws on one window: which law the data prefer, and by how much, if they prefer one.

Every law is fitted to the same points with the same weights. The difference of two AIC values is the difference of the
chi2 values, plus two for every extra parameter. The weights are diagonal and treat correlated points as independent. So
the differences are too large, and they must not be read as odds. But each difference has its own error, because the
comparison is repeated without each block of realizations. A law is excluded if

    - its parameters do not exist (for example, a stretched exponential needs δ > 0), or
    - its chi2 has a probability below 1 %, or
    - a law that the first two rules do not exclude has a smaller AIC: by at least 6 (odds of 20 if the points were
      independent) and by at least two errors of the difference. This error includes correlations.

The stretched exponential contains the power law (δ -> 0) and the exponential (δ = 1) as limits. Its AIC can exceed
theirs only by the penalty for its third parameter. So it is also excluded while one of them is not. If one law remains,
it is preferred. If several remain, the data cannot tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.laws import Exponential, Law, Logarithm, Power, Stretched
from ensemble.fit.least_squares import between, checked, fitted, parts, probability, solve, weights
from ensemble.fit.result import RARE, Fit, Window
from ensemble.reduce.jackknife import Array, Estimate

_LAWS: Mapping[str, Law] = {
    "power": Power(),
    "exponential": Exponential(),
    "stretched": Stretched(),
    "logarithm": Logarithm(),
}
_CONTAINS = {"stretched": ("power", "exponential")}
"""For a law, the laws that are its limits."""
_MOST = max(len(law.names) for law in _LAWS.values())
"""Largest number of parameters of a law; a window needs more points than this."""
_LEAD = 6.0
"""A law is excluded only if its AIC is larger than that of another law by at least this value."""
_SURE = 2.0
"""The difference must also be at least this many of its own errors."""


@final
@dataclass(frozen=True)
class Comparison:
    """The comparison of a power law, an exponential, a stretched exponential and a logarithm on one window."""

    fits: Mapping[str, Fit]
    """The fit of each law: "power", "exponential", "stretched" and "logarithm"."""
    lead: Mapping[str, float]
    """AIC of each law minus the AIC of the preferred law, or minus the smallest AIC if no law is preferred."""
    lead_errors: Mapping[str, float]
    """Standard error of each difference."""
    preferred: str | None
    """Name of the preferred law; None if no law or several laws remain."""
    verdict: str
    """The outcome in one sentence."""
    moved: tuple[tuple[Window, str | None], ...]
    """The preferred law on parts of the window."""


def compare(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Comparison:
    """Fit a power law, an exponential, a stretched exponential and a logarithm, and compare them.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    window
        First and last time of the fits, inclusive. Default: all times above zero.

    Returns
    -------
    Comparison
        All fits, the differences of their AIC, and the preferred law.

    Raises
    ------
    FitError
        If the times are not valid, or if the curve does not have one value for each time.

    Notes
    -----
    AIC = chi2 + 2 k for a law with k parameters. The rules that exclude a law are in `ensemble.fit.compare`.
    """
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    fits = {name: fitted(law, times, curve, chosen) for name, law in _LAWS.items()}
    if any(fit.degrees < 1 for fit in fits.values()):
        nothing = dict.fromkeys(fits, float("nan"))
        said = f"the data cannot tell: {np.count_nonzero(chosen)} points are too few to compare laws"
        return Comparison(fits, nothing, nothing, None, said, ())
    error, scatter, _ = weights(curve.error[chosen])
    times, curve, error = times[chosen][scatter], curve[chosen][scatter], error[scatter]
    aic, able, remaining = _remaining_laws(times, curve, error)
    base = list(_LAWS).index(remaining[0]) if len(remaining) == 1 else int(np.argmin(aic.value))
    above = Estimate(aic.value - aic.value[base], aic.without - aic.without[:, base, None], aic.sizes)
    lead = dict(zip(_LAWS, map(float, above.value), strict=True))
    errors = dict(zip(_LAWS, map(float, above.error), strict=True))
    moved = []
    for part in parts(len(times)):
        if part.stop - part.start > _MOST:
            part_window = Window(float(times[part][0]), float(times[part][-1]), part.stop - part.start)
            moved.append((part_window, _preferred(_remaining_laws(times[part], curve[part], error[part])[2])))
    return Comparison(fits, lead, errors, _preferred(remaining), _verdict(able, remaining, lead, errors), tuple(moved))


def _remaining_laws(t: Array, curve: Estimate, error: Array) -> tuple[Estimate, list[str], list[str]]:
    """AIC of every law, the laws that can describe the curve, and the laws that are not excluded."""
    solutions = {name: solve(law, t, curve, error) for name, law in _LAWS.items()}
    aic = Estimate(
        np.array([np.sum(each.residuals.value**2) + 2 * len(each.parameters.value) for each in solutions.values()]),
        np.stack([np.sum(each.residuals.without**2, axis=1) for each in solutions.values()], axis=1)
        + [2 * len(each.parameters.value) for each in solutions.values()],
        curve.sizes,
    )
    # If blocks do not differ, the probability is nan, and only the differences of AIC exclude a law.
    able = [
        bool(np.isfinite(each.parameters.value).all()) and not probability(each.residuals) < RARE
        for each in solutions.values()
    ]
    remaining = [
        name
        for i, name in enumerate(_LAWS)
        if able[i] and not any(able[j] and _is_excluded_by(aic[[i]], aic[[j]]) for j in range(len(_LAWS)))
    ]
    if any(simple in remaining for simple in _CONTAINS["stretched"]) and "stretched" in remaining:
        remaining.remove("stretched")
    return aic, [name for name, can in zip(_LAWS, able, strict=True) if can], remaining


def _is_excluded_by(one: Estimate, other: Estimate) -> bool:
    """Whether the AIC of `other` is significantly smaller."""
    gap = Estimate(one.value - other.value, one.without - other.without, one.sizes)
    return bool(gap.value[0] >= _LEAD and gap.value[0] >= _SURE * gap.error[0])


def _preferred(remaining: list[str]) -> str | None:
    return remaining[0] if len(remaining) == 1 else None


def _verdict(able: list[str], remaining: list[str], lead: Mapping[str, float], errors: Mapping[str, float]) -> str:
    if not remaining:
        return "none of the laws describes the curve on this window"
    if len(remaining) > 1:
        return f"the data cannot tell: {' and '.join(remaining)} describe the curve alike"
    others = [f"{name} by {lead[name]:.3g} +- {errors[name]:.2g}" for name in able if name not in remaining]
    out = [name for name in lead if name not in able]
    details = [f"AIC above it: {', '.join(others)}"] if others else []
    details += [f"{' and '.join(out)} cannot describe the curve"] if out else []
    return "; ".join([f"the data prefer {remaining[0]}", *details])
