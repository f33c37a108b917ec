"""Unweighted fits: straight lines in transformed coordinates, such as logarithms, with equal weights of all points.

Exponents are often determined this way. The errors of the line are propagated from the errors of the points. But if
points are precise and the law is only approximate, the result differs from weighted least squares.
"""

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.result import Fit, Window
from ensemble.reduce.jackknife import Array


@final
class Line:
    """An unweighted straight line intercept + slope x through points, with errors and residuals."""

    def __init__(self, x: Array, y: Array, error: Array) -> None:
        slope = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        forms = np.stack([1 / len(x) - x.mean() * slope, slope])
        self.intercept, self.slope = map(float, np.sum(forms * y, axis=1))
        self.intercept_error, self.slope_error = map(float, np.sqrt(np.sum((forms * error) ** 2, axis=1)))
        with np.errstate(divide="ignore", invalid="ignore"):  # a point may be exact
            self.residuals = (y - self.intercept - self.slope * x) / error


def fit_unweighted(
    law: str,
    names: tuple[str, str],
    x: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    straight: Callable[[Array], tuple[Array, Array]],
    back: Callable[[Line], dict[str, tuple[float, float]]],
) -> Fit:
    """Fit a law of two parameters that is a straight line in transformed coordinates, with equal weights.

    `straight` transforms the values. It returns the transformed values, nan where they do not exist, and the factors
    that transform the errors. `back` returns the parameters of the law and their errors.
    """
    x, y, sigma = (np.asarray(each, dtype=np.float64) for each in (x, values, errors))
    if x.ndim != 1 or not x.shape == y.shape == sigma.shape:
        raise FitError(f"every point needs a value and an error, got {x.shape}, {y.shape} and {sigma.shape} of them")
    if len(set(x.tolist())) != len(x):
        raise FitError(f"points must differ from each other, got {x.tolist()}")
    with np.errstate(all="ignore"):
        line, scale = straight(y)
    inside = np.isfinite(line) & np.isfinite(sigma)
    lost = np.count_nonzero(~inside)
    warnings: tuple[str, ...] = (f"{lost} values are left out, which the law cannot have",) if lost else ()
    nan = float("nan")
    x, line, error = x[inside], line[inside], (sigma * scale)[inside]
    window = Window(float(x.min()), float(x.max()), len(x)) if len(x) else Window(nan, nan, 0)
    if len(x) < 3:
        warnings += (f"the range is too short: {len(x)} points cannot tell 2 parameters",)
        undefined = dict.fromkeys(names, nan)
        return Fit(law, undefined, undefined, window, nan, len(x) - 2, nan, np.empty(0), (), warnings)
    found = Line(x, line, error)
    parameters = back(found)
    return Fit(
        law,
        {name: parameters[name][0] for name in names},
        {name: parameters[name][1] for name in names},
        window,
        float(np.sum(found.residuals**2)),
        len(x) - 2,
        nan,  # residuals of a fit that is not weighted with the errors have no chi-square distribution
        found.residuals,
        (),
        warnings,
    )
