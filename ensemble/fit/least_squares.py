"""Weighted least squares: one law, one window, its parameters with errors that know of the correlations in t.

The weights are diagonal, 1/σ(t)², with σ the error of the mean: a covariance matrix of hundreds of times from fifty
blocks has no inverse. Least squares with such weights is unbiased if not optimal, and its errors are right because the
whole fit is repeated without each block, with the weights held. Without a block the optimum of the mean curve has
moved by a small fraction of an error: the search for it begins there, for all blocks at once.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ensemble.errors import FitError
from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.laws import Law
from ensemble.fit.result import RARE, Fit, Moved, Window
from ensemble.fit.search import followed, optimum

Mask = NDArray[np.bool_]

_SHORT = 3.0
"""A window whose last time is less than this many times its first cannot tell one law from another."""
_FAR = 3.0
"""A value that moves by more errors of the difference than this depends on the window."""
_PARTS = ((0, 1 / 2), (0, 3 / 4), (1 / 4, 1), (1 / 2, 1))
"""The parts of its window on which every fit is repeated."""


@final
@dataclass(frozen=True)
class Solution:
    """A law on a window, for all realizations and without each block."""

    parameters: Estimate
    residuals: Estimate
    """(data - law) / error of the data."""
    converged: bool
    settled: bool
    """All searches without a block have ended."""


def checked(t: Array, curve: Estimate) -> Array:
    """The times, if the curve is a function of them."""
    t = np.asarray(t, dtype=np.float64)
    if curve.value.ndim != 1 or t.shape != curve.value.shape:
        raise FitError(f"a curve must have one value for each time, got {curve.value.shape} for {t.shape} times")
    if not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
        raise FitError("times must be finite and increase from each point to the next")
    return t


def between(t: Array, curve: Estimate, window: tuple[float, float] | None) -> Mask:
    """The points of a window that have a logarithm of time, a value, and one without every block."""
    first, last = window or (0.0, np.inf)
    there = np.isfinite(curve.value) & np.isfinite(curve.without).all(axis=0)
    return np.asarray(there & (t > 0) & (t >= first) & (t <= last))


def weights(error: Array) -> tuple[Array, Mask, tuple[str, ...]]:
    """The errors to weight with, the points that have one, and what to say about the others."""
    scatter = error > 0
    if scatter.all():
        return error, scatter, ()
    if not scatter.any():
        return np.ones_like(error), ~scatter, ("blocks do not differ: all points weigh the same and errors are zero",)
    said = f"{np.count_nonzero(~scatter)} points at which blocks do not differ are left out"
    return error, np.asarray(scatter), (said,)


def solve(law: Law, t: Array, curve: Estimate, error: Array) -> Solution:
    """Fit the law to all points of a curve."""
    pivot = float(np.sqrt(t[0] * t[-1]))
    s = t / pivot
    best, converged = optimum(law, s, curve.value, error)
    without, settled = followed(law, s, curve.without, error, best)
    parameters = Estimate(law.reported(best, pivot), law.reported(without, pivot), curve.sizes)
    value = (curve.value - law.curve(s, best)) / error
    residuals = Estimate(value, (curve.without - law.curve(s, without)) / error, curve.sizes)
    return Solution(parameters, residuals, converged, settled)


def probability(residuals: Estimate) -> float:
    """The chance of a larger chi2 if the law were true, by Satterthwaite.

    If Γ is the covariance of the residuals, chi2 has mean tr Γ and variance 2 tr Γ²: that of a chi-square variable of
    (tr Γ)² / tr Γ² degrees of freedom, scaled. The blocks give Γ with noise, of which tr Γ² is freed.
    """
    covariance, blocks = residuals.covariance, len(residuals.sizes) - 1
    trace = float(np.trace(covariance))
    if not np.isfinite(trace) or trace <= 0:
        return float("nan")
    square = (float(np.sum(covariance**2)) - trace**2 / blocks) / (1 + 1 / blocks)
    freedom = trace**2 / max(square, trace**2 / len(residuals.value))
    return float(special.chdtrc(freedom, float(np.sum(residuals.value**2)) * freedom / trace))


def fitted(law: Law, t: Array, curve: Estimate, chosen: Mask, said: tuple[str, ...] = (), *, flat: bool = False) -> Fit:
    """The law on the chosen points, and on parts of them; `flat` gives all points the weight of their average."""
    error, scatter, more = weights(curve.error[chosen])
    t, curve, error, said = t[chosen][scatter], curve[chosen][scatter], error[scatter], said + more
    count, k = len(t), len(law.names)
    window = Window(float(t[0]), float(t[-1]), count) if count else Window(float("nan"), float("nan"), 0)
    if count <= k:
        nothing = dict.fromkeys(law.names, float("nan"))
        said += (f"the window is too short: {count} points cannot tell {k} parameters",)
        nan = float("nan")
        return Fit(law.formula, nothing, nothing, window, nan, count - k, nan, np.empty(0), (), said)
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
    return replace(fit, warnings=said + tuple(_doubts(law, fit, curve, solution)))


def _named(law: Law, numbers: Array) -> dict[str, float]:
    return dict(zip(law.names, map(float, numbers), strict=True))


def parts(count: int) -> list[slice]:
    """The parts of a window on which a fit is repeated."""
    return [slice(round(start * count), round(stop * count)) for start, stop in _PARTS]


def _moved(law: Law, t: Array, curve: Estimate, error: Array, whole: Solution) -> list[Moved]:
    """The fit on parts of the window; how far it has moved is counted in the jackknife error of the difference."""
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


def _doubts(law: Law, fit: Fit, curve: Estimate, solution: Solution) -> list[str]:
    """What to be wary of, a sentence each."""
    said = []
    if not solution.converged:
        said.append("the search for the best parameters did not converge")
    if not solution.settled:
        said.append("the fit did not settle without one of the blocks: its errors are not known")
    if len(curve.sizes) < 10:
        said.append(f"{len(curve.sizes)} blocks are few: the errors themselves are uncertain")
    if law.names != ("c",) and fit.window.last < _SHORT * fit.window.first:
        said.append(f"the window is short: from {fit.window.first:.3g} to {fit.window.last:.3g} laws look alike")
    if (nonpositive := np.count_nonzero(curve.value <= 0)) and law.telling not in ("b", "c"):
        said.append(f"{nonpositive} points of the window are zero or negative, where the law has no logarithm")
    said += [f"{name} cannot be told: the data leave no such law" for name, v in fit.values.items() if np.isnan(v)]
    value, error = fit.values[law.telling], fit.errors[law.telling]
    if error >= abs(value) > 0:
        said.append(f"the error of {law.telling} exceeds its value: {value:.3g} with an error of {error:.3g}")
    if fit.probability < RARE:
        said.append(f"the law does not describe the curve: the chance of so large a chi2 is {fit.probability:.1g}")
    moved = [each for each in fit.moved if abs(each.shifts[law.telling]) > _FAR]
    values = [each.values[law.telling] for each in moved]
    if any(abs(there - value) > error for there in values):
        farthest = max(abs(each.shifts[law.telling]) for each in moved)
        said.append(
            f"{law.telling} depends on the window: from {min(*values, value):.3g} to {max(*values, value):.3g} "
            f"on parts of it, up to {farthest:.1f} errors of the difference away"
        )
    return said
