"""Check whether two curves collapse onto each other when time is rescaled.

They do if the parameter in which they differ only sets the time scale.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.least_squares import checked
from ensemble.fit.result import Fit, Window
from ensemble.reduce.jackknife import Estimate

_SAME = 1e-9
"""Two times are equal if their relative difference is below this; it covers rounding."""


def collapse(t: ArrayLike, curve: Estimate, reference: Estimate, *, speed: float) -> Fit:
    """The largest `deviation` of curve(t) from reference(speed t), in units of the largest |reference|.

    Only times t > 0 are compared for which both t and speed t are on the time grid. Nothing is interpolated. Both
    curves have the same disorder, so the deviation is not a statistical one. The error is the jackknife error of the
    difference at the time where the deviation is largest.
    """
    times = checked(np.asarray(t), curve)
    partner = np.minimum(np.searchsorted(times, times * speed * (1 - _SAME)), len(times) - 1)
    matched = np.flatnonzero((np.abs(times[partner] - times * speed) <= _SAME * times[partner]) & (times > 0))
    if not len(matched):
        raise FitError(f"times that are {speed:g} times others must be on the grid of times, but there are none")
    if not np.array_equal(curve.sizes, reference.sizes):
        raise FitError("curves on common disorder must have the same blocks of realizations")
    highest = float(np.nanmax(np.abs(reference.value)))
    gap = Estimate(
        (curve.value[matched] - reference.value[partner[matched]]) / highest,
        (curve.without[:, matched] - reference.without[:, partner[matched]]) / highest,
        curve.sizes,
    )
    worst = int(np.argmax(np.abs(gap.value)))
    value, error = float(np.abs(gap.value[worst])), float(gap.error[worst])
    window = Window(float(times[matched[0]]), float(times[matched[-1]]), len(matched))
    nan = float("nan")
    return Fit("collapse", {"deviation": value}, {"deviation": error}, window, nan, 0, nan, gap.value)
