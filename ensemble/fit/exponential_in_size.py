"""How plateaus vanish with the system size: C(inf) = A exp(-α N)."""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.even import Line, even_fit
from ensemble.fit.independent import independent
from ensemble.fit.jackknife import Array
from ensemble.fit.laws import Exponential
from ensemble.fit.result import Fit

_IN_SIZE = Exponential("A exp(-alpha N)", ("A", "alpha"), "alpha")


def exponential_in_size(N: ArrayLike, plateaus: ArrayLike, errors: ArrayLike, *, even: bool = False) -> Fit:
    """`A` and `alpha` of the plateaus at sizes N, weighted with their errors; narrower ranges of N are in `moved`.

    The fit is to the plateaus themselves, not to their logarithms: one that is zero within its error still counts.
    `even` is the straight line through the logarithms, in which all sizes weigh the same.
    """
    if even:
        return even_fit(_IN_SIZE.formula, ("A", "alpha"), N, plateaus, errors, straight=_straight, back=_back)
    return independent(_IN_SIZE, N, plateaus, errors)


def _straight(y: Array) -> tuple[Array, Array]:
    y = np.where(y > 0, y, np.nan)
    return np.log(y), 1 / y


def _back(line: Line) -> dict[str, tuple[float, float]]:
    A = float(np.exp(line.intercept))
    return {"A": (A, A * line.intercept_error), "alpha": (-line.slope, line.slope_error)}
