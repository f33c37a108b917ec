"""Fit an exponential in the system size, such as for plateaus: C(inf) = A exp(-α N)."""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.independent_points import fit_independent
from ensemble.fit.laws import Exponential
from ensemble.fit.result import Fit
from ensemble.fit.unweighted import Line, fit_unweighted
from ensemble.reduce.jackknife import Array

_IN_SIZE = Exponential("A exp(-alpha N)", ("A", "alpha"), "alpha")


def exponential_in_size(N: ArrayLike, plateaus: ArrayLike, errors: ArrayLike, *, unweighted: bool = False) -> Fit:
    """Fit A exp(-alpha N) to plateaus at several sizes that share no disorder.

    Parameters
    ----------
    N
        System sizes: (sizes,), all different.
    plateaus
        Values: (sizes,).
    errors
        Standard errors of the values: (sizes,).
    unweighted
        If true, fit a straight line through the logarithms in which all sizes have the same weight. Default: fit the
        values themselves, weighted with their errors.

    Returns
    -------
    Fit
        `A` and `alpha`. The weighted fit also has the results for narrower ranges of N, in `moved`.

    Raises
    ------
    FitError
        If the shapes differ or sizes are not valid.

    Notes
    -----
    The weighted fit uses the values and not their logarithms. So a plateau that is zero within its error is used too.

    Examples
    --------
    >>> import numpy as np
    >>> from ensemble.fit import exponential_in_size
    >>> fit = exponential_in_size([4, 6, 8, 10], 2 * np.exp([-2.0, -3.0, -4.0, -5.0]), [0.001] * 4)
    >>> round(fit.values["A"], 3), round(fit.values["alpha"], 3)
    (2.0, 0.5)
    """
    if unweighted:
        return fit_unweighted(_IN_SIZE.formula, ("A", "alpha"), N, plateaus, errors, straight=_straight, back=_back)
    return fit_independent(_IN_SIZE, N, plateaus, errors)


def _straight(y: Array) -> tuple[Array, Array]:
    y = np.where(y > 0, y, np.nan)
    return np.log(y), 1 / y


def _back(line: Line) -> dict[str, tuple[float, float]]:
    A = float(np.exp(line.intercept))
    return {"A": (A, A * line.intercept_error), "alpha": (-line.slope, line.slope_error)}
