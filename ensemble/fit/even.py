"""Straight lines in which all points weigh the same, as one draws them through logarithms.

That is how exponents are often read off. The errors of the line are still those of the points; but where the points
are precise and the law is not exact, it is not the line that least squares with these errors would find.
"""

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.jackknife import Array
from ensemble.fit.result import Fit, Window


@final
class Line:
    """intercept + slope x, with errors."""

    def __init__(self, x: Array, y: Array, error: Array) -> None:
        slope = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        forms = np.stack([1 / len(x) - x.mean() * slope, slope])
        self.intercept, self.slope = map(float, np.sum(forms * y, axis=1))
        self.intercept_error, self.slope_error = map(float, np.sqrt(np.sum((forms * error) ** 2, axis=1)))
        with np.errstate(divide="ignore", invalid="ignore"):  # a point may be exact
            self.residuals = (y - self.intercept - self.slope * x) / error


def even_fit(
    law: str,
    names: tuple[str, str],
    x: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    straight: Callable[[Array], tuple[Array, Array]],
    back: Callable[[Line], dict[str, tuple[float, float]]],
) -> Fit:
    """A law of two parameters that is a line in other coordinates.

    `straight` gives the values there, nan where there are none, and what an error is multiplied with; `back` the
    parameters and their errors.
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
    said: tuple[str, ...] = (f"{lost} values are left out, which the law cannot have",) if lost else ()
    nan = float("nan")
    x, line, error = x[inside], line[inside], (sigma * scale)[inside]
    window = Window(float(x.min()), float(x.max()), len(x)) if len(x) else Window(nan, nan, 0)
    if len(x) < 3:
        said += (f"the range is too short: {len(x)} points cannot tell 2 parameters",)
        nothing = dict.fromkeys(names, nan)
        return Fit(law, nothing, nothing, window, nan, len(x) - 2, nan, np.empty(0), (), said)
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
        said,
    )
