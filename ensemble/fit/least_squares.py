"""Weighted least squares of one law on one window; the errors of the parameters include correlations in t.

The weights are diagonal, 1/σ(t)², where σ(t) is the standard error of the mean. A full covariance matrix cannot be
used: for hundreds of times, its estimate from fifty blocks has no inverse. Least squares with diagonal weights is
unbiased but not optimal. Its errors are correct because the whole fit is repeated without each block, with fixed
weights. Leaving out a block moves the optimum only by a small fraction of an error. So these searches start at the
optimum of the mean curve, and run for all blocks at once.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ensemble.errors import FitError
from ensemble.fit.laws import Law
from ensemble.fit.minimize import followed, minimize
from ensemble.fit.result import RARE, Fit, Moved, Window
from ensemble.reduce.jackknife import Array, Estimate

Mask = NDArray[np.bool_]

_SHORT = 3.0
"""A window is short if its last time is less than this many times its first; then laws look alike."""
_FAR = 3.0
"""A parameter depends on the window if it changes by more than this many errors of the difference."""
_PARTS = ((0, 1 / 2), (0, 3 / 4), (1 / 4, 1), (1 / 2, 1))
"""Parts of the window on which every fit is repeated, as fractions of its points."""


@final
@dataclass(frozen=True)
class Solution:
    """The fit of a law on a window, for all realizations and without each block."""

    parameters: Estimate
    """The parameters of the formula: (k,)."""
    residuals: Estimate
    """(data - law) / error of the data: (n,)."""
    converged: bool
    """Whether the search for all realizations converged."""
    settled: bool
    """Whether all searches without a block converged."""


def checked(t: Array, curve: Estimate) -> Array:
    """The times as floats; an error if they do not increase, or do not fit to the curve."""
    t = np.asarray(t, dtype=np.float64)
    if curve.value.ndim != 1 or t.shape != curve.value.shape:
        raise FitError(f"a curve must have one value for each time, got {curve.value.shape} for {t.shape} times")
    if not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
        raise FitError("times must be finite and increase from each point to the next")
    return t


def between(t: Array, curve: Estimate, window: tuple[float, float] | None) -> Mask:
    """Mask of the points of a window with t > 0 and finite values, also without each block."""
    first, last = window or (0.0, np.inf)
    finite = np.isfinite(curve.value) & np.isfinite(curve.without).all(axis=0)
    return np.asarray(finite & (t > 0) & (t >= first) & (t <= last))


def weights(error: Array) -> tuple[Array, Mask, tuple[str, ...]]:
    """The errors for the weights, a mask of the points that have one, and warnings about the others.

    If no point has an error, all points have weight 1.
    """
    scatter = error > 0
    if scatter.all():
        return error, scatter, ()
    if not scatter.any():
        return np.ones_like(error), ~scatter, ("blocks do not differ: all points weigh the same and errors are zero",)
    warning = f"{np.count_nonzero(~scatter)} points at which blocks do not differ are left out"
    return error, np.asarray(scatter), (warning,)


def solve(law: Law, t: Array, curve: Estimate, error: Array) -> Solution:
    """Fit the law to all points of a curve."""
    pivot = float(np.sqrt(t[0] * t[-1]))
    s = t / pivot
    best, converged = minimize(law, s, curve.value, error)
    without, settled = followed(law, s, curve.without, error, best)
    parameters = Estimate(law.reported(best, pivot), law.reported(without, pivot), curve.sizes)
    value = (curve.value - law.curve(s, best)) / error
    residuals = Estimate(value, (curve.without - law.curve(s, without)) / error, curve.sizes)
    return Solution(parameters, residuals, converged, settled)


def probability(residuals: Estimate) -> float:
    """The probability of a larger chi2 if the law were true, with the Satterthwaite approximation.

    If Γ is the covariance of the residuals, chi2 has mean tr Γ and variance 2 tr Γ². A scaled chi-square variable with
    (tr Γ)² / tr Γ² degrees of freedom has the same mean and variance. The blocks give a noisy estimate of Γ, and tr Γ²
    is corrected for the bias that this noise causes. The result is nan if the blocks do not differ.
    """
    covariance, blocks = residuals.covariance, len(residuals.sizes) - 1
    trace = float(np.trace(covariance))
    if not np.isfinite(trace) or trace <= 0:
        return float("nan")
    square = (float(np.sum(covariance**2)) - trace**2 / blocks) / (1 + 1 / blocks)
    freedom = trace**2 / max(square, trace**2 / len(residuals.value))
    return float(special.chdtrc(freedom, float(np.sum(residuals.value**2)) * freedom / trace))


def fitted(
    law: Law, t: Array, curve: Estimate, chosen: Mask, warnings: tuple[str, ...] = (), *, flat: bool = False
) -> Fit:
    """Fit a law to the chosen points, and again to parts of them.

    `flat` gives all points the same weight, 1 / (mean of σ(t)²).
    """
    error, scatter, more = weights(curve.error[chosen])
    t, curve, error, warnings = t[chosen][scatter], curve[chosen][scatter], error[scatter], warnings + more
    count, k = len(t), len(law.names)
    window = Window(float(t[0]), float(t[-1]), count) if count else Window(float("nan"), float("nan"), 0)
    if count <= k:
        undefined = dict.fromkeys(law.names, float("nan"))
        warnings += (f"the window is too short: {count} points cannot tell {k} parameters",)
        nan = float("nan")
        return Fit(law.formula, undefined, undefined, window, nan, count - k, nan, np.empty(0), (), warnings)
    if flat:
        error = np.full_like(error, np.sqrt(np.mean(error**2)))
    solution = solve(law, t, curve, error)
    values, errors = (_named(law, part) for part in (solution.parameters.value, solution.parameters.error))
    fit = Fit(
        law.formula,
        values,
        errors,
        window,
        float(np.sum(solution.residuals.value**2)),
        count - k,
        probability(solution.residuals),
        solution.residuals.value,
        tuple(_moved(law, t, curve, error, solution)),
    )
    return replace(fit, warnings=warnings + tuple(_warnings(law, fit, curve, solution)))


def _named(law: Law, numbers: Array) -> dict[str, float]:
    return dict(zip(law.names, map(float, numbers), strict=True))


def parts(count: int) -> list[slice]:
    """The parts of a window of `count` points on which a fit is repeated."""
    return [slice(round(start * count), round(stop * count)) for start, stop in _PARTS]


def _moved(law: Law, t: Array, curve: Estimate, error: Array, whole: Solution) -> list[Moved]:
    """The fit on parts of the window; shifts are in units of the jackknife error of the difference."""
    found = []
    for part in parts(len(t)):
        if part.stop - part.start <= len(law.names):
            continue
        values = solve(law, t[part], curve[part], error[part]).parameters
        with np.errstate(all="ignore"):
            difference = Estimate(
                values.value - whole.parameters.value, values.without - whole.parameters.without, curve.sizes
            )
            shifts = _named(law, difference.value / difference.error)
        window = Window(float(t[part][0]), float(t[part][-1]), part.stop - part.start)
        found.append(Moved(window, _named(law, values.value), shifts))
    return found


def _warnings(law: Law, fit: Fit, curve: Estimate, solution: Solution) -> list[str]:
    """Warnings about a fit, one sentence each."""
    warnings = []
    if not solution.converged:
        warnings.append("the search for the best parameters did not converge")
    if not solution.settled:
        warnings.append("the fit did not settle without one of the blocks: its errors are not known")
    if len(curve.sizes) < 10:
        warnings.append(f"{len(curve.sizes)} blocks are few: the errors themselves are uncertain")
    if law.names != ("c",) and fit.window.last < _SHORT * fit.window.first:
        warnings.append(f"the window is short: from {fit.window.first:.3g} to {fit.window.last:.3g} laws look alike")
    if (nonpositive := np.count_nonzero(curve.value <= 0)) and law.telling not in ("b", "c"):
        warnings.append(f"{nonpositive} points of the window are zero or negative, where the law has no logarithm")
    warnings += [f"{name} cannot be told: the data leave no such law" for name, v in fit.values.items() if np.isnan(v)]
    value, error = fit.values[law.telling], fit.errors[law.telling]
    if error >= abs(value) > 0:
        warnings.append(f"the error of {law.telling} exceeds its value: {value:.3g} with an error of {error:.3g}")
    if fit.probability < RARE:
        warnings.append(f"the law does not describe the curve: the chance of so large a chi2 is {fit.probability:.1g}")
    moved = [each for each in fit.moved if abs(each.shifts[law.telling]) > _FAR]
    values = [each.values[law.telling] for each in moved]
    if any(abs(part_value - value) > error for part_value in values):
        farthest = max(abs(each.shifts[law.telling]) for each in moved)
        warnings.append(
            f"{law.telling} depends on the window: from {min(*values, value):.3g} to {max(*values, value):.3g} "
            f"on parts of it, up to {farthest:.1f} errors of the difference away"
        )
    return warnings
