"""Whether curves fall onto each other once their clocks run alike, as where one parameter only sets the time scale."""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.jackknife import Estimate
from ensemble.fit.least_squares import checked
from ensemble.fit.result import Fit, Window

_SAME = 1e-9
"""Relative difference of two times that are the same but for rounding."""


def collapse(t: ArrayLike, curve: Estimate, reference: Estimate, *, speed: float) -> Fit:
    """The largest `deviation` of curve(t) from reference(speed t), in units of the reference's highest value.

    Only grid times that fall on grid times are compared: nothing is interpolated. On common disorder that is not a
    statistical statement, and the error is that of the difference where it is largest.
    """
    times = checked(np.asarray(t), curve)
    there = np.minimum(np.searchsorted(times, times * speed * (1 - _SAME)), len(times) - 1)
    meet = np.flatnonzero((np.abs(times[there] - times * speed) <= _SAME * times[there]) & (times > 0))
    if not len(meet):
        raise FitError(f"times that are {speed:g} times others must be on the grid of times, but there are none")
    if not np.array_equal(curve.sizes, reference.sizes):
        raise FitError("curves on common disorder must have the same blocks of realizations")
    top = float(np.nanmax(np.abs(reference.value)))
    gap = Estimate(
        (curve.value[meet] - reference.value[there[meet]]) / top,
        (curve.without[:, meet] - reference.without[:, there[meet]]) / top,
        curve.sizes,
    )
    worst = int(np.argmax(np.abs(gap.value)))
    value, error = float(np.abs(gap.value[worst])), float(gap.error[worst])
    window = Window(float(times[meet[0]]), float(times[meet[-1]]), len(meet))
    nan = float("nan")
    return Fit("collapse", {"deviation": value}, {"deviation": error}, window, nan, 0, nan, gap.value)
