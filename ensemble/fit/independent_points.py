"""Fit a law to points that share no disorder, such as plateaus of different sizes, with error propagation.

The points are independent, so chi2 has the chi-square distribution. The squared error of a parameter p is

    σ² = Σ_i (p(y + σ_i e_i) - p(y))².

One point y_i at a time is moved by its error σ_i, and the fit is repeated. The difference is linear in σ_i: it is
computed from fits with a tenth of the error to both sides.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ensemble.errors import FitError
from ensemble.fit.laws import Law
from ensemble.fit.least_squares import weights
from ensemble.fit.minimize import followed, minimize
from ensemble.fit.result import RARE, Fit, Moved, Window
from ensemble.reduce.jackknife import Array

_FAR = 3.0
"""A parameter depends on the range if it changes by more than this many errors of the difference."""


def fit_independent(law: Law, x: ArrayLike, values: ArrayLike, errors: ArrayLike) -> Fit:
    """Fit the law to independent points, and again on narrower ranges: without the first or without the last points."""
    x, y, sigma = (np.asarray(each, dtype=np.float64) for each in (x, values, errors))
    if x.ndim != 1 or not x.shape == y.shape == sigma.shape:
        raise FitError(f"every point needs a value and an error, got {x.shape}, {y.shape} and {sigma.shape} of them")
    if not (np.isfinite(x).all() and (x > 0).all() and len(set(x.tolist())) == len(x)):
        raise FitError(f"points must be positive and differ from each other, got {x.tolist()}")
    order = np.argsort(x)
    order = order[np.isfinite(y[order]) & np.isfinite(sigma[order])]
    lost = len(x) - len(order)
    x, y, sigma = x[order], y[order], sigma[order]
    warnings: tuple[str, ...] = (f"{lost} points without a value or an error are left out",) if lost else ()
    known = bool((sigma > 0).any())
    sigma, weighted, more = weights(sigma)
    x, y, sigma, warnings = x[weighted], y[weighted], sigma[weighted], warnings + more
    nan, k = float("nan"), len(law.names)
    window = Window(float(x[0]), float(x[-1]), len(x)) if len(x) else Window(nan, nan, 0)
    if len(x) <= k:
        undefined = dict.fromkeys(law.names, nan)
        warnings += (f"the range is too short: {len(x)} points cannot tell {k} parameters",)
        return Fit(law.formula, undefined, undefined, window, nan, len(x) - k, nan, np.empty(0), (), warnings)
    best, influence, residuals, found = _solve(law, x, y, sigma)
    chi2 = float(np.sum(residuals**2))
    error = np.sqrt(np.sum(influence**2, axis=0)) * known
    chance = float(special.chdtrc(len(x) - k, chi2)) if known else nan
    moved = tuple(_moved(law, x, y, sigma, best, influence))
    if not found:
        warnings += ("the search for the best parameters did not converge",)
    if nonpositive := np.count_nonzero(y <= 0):
        warnings += (f"{nonpositive} values are zero or negative",)
    telling = law.names.index(law.telling)
    if error[telling] >= abs(best[telling]) > 0:
        warnings += (f"the error of {law.telling} exceeds its value: {best[telling]:.3g} +- {error[telling]:.3g}",)
    if chance < RARE:
        warnings += (f"the law does not describe the points: the chance of so large a chi2 is {chance:.1g}",)
    values = [each.values[law.telling] for each in moved if abs(each.shifts[law.telling]) > _FAR]
    if values:
        value = best[telling]
        low, high = min(*values, value), max(*values, value)
        warnings += (f"{law.telling} depends on the range: from {low:.3g} to {high:.3g} on parts of it",)
    named = [dict(zip(law.names, map(float, each), strict=True)) for each in (best, error)]
    return Fit(law.formula, named[0], named[1], window, chi2, len(x) - k, chance, residuals, moved, warnings)


def _solve(law: Law, x: Array, y: Array, sigma: Array) -> tuple[Array, Array, Array, bool]:
    """Parameters (k,), their changes by the error of each point (n, k), residuals (n,), and whether all converged."""
    pivot = float(np.sqrt(x[0] * x[-1]))
    s = x / pivot
    best, converged = minimize(law, s, y, sigma)
    # A tenth of an error to each side gives the derivative, also where the law is not linear within an error.
    pushed = [followed(law, s, y + side * np.diag(sigma), sigma, best) for side in (-0.1, 0.1)]
    low, high = (law.reported(p, pivot) for p, _ in pushed)
    found = converged and all(ended for _, ended in pushed)
    return law.reported(best, pivot), (high - low) / 0.2, (y - law.curve(s, best)) / sigma, found


def _moved(law: Law, x: Array, y: Array, sigma: Array, best: Array, influence: Array) -> Iterator[Moved]:
    """The fit without the first one, two, ... points, and without the last one, two, ... points."""
    spare = len(x) - len(law.names) - 1
    for part in [slice(cut, None) for cut in range(1, spare + 1)] + [slice(0, -cut) for cut in range(1, spare + 1)]:
        values, moves, _, _ = _solve(law, x[part], y[part], sigma[part])
        difference = -influence
        difference[part] += moves
        with np.errstate(divide="ignore", invalid="ignore"):
            shifts = (values - best) / np.sqrt(np.sum(difference**2, axis=0))
        window = Window(float(x[part][0]), float(x[part][-1]), len(x[part]))
        named = [dict(zip(law.names, map(float, each), strict=True)) for each in (values, shifts)]
        yield Moved(window, named[0], named[1])
