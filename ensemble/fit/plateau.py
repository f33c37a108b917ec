"""The late-time plateau of a curve, on the longest late window in which the curve is stationary.

A late window extends from some time to the last time. Its drift is the larger of

    - the slope of the curve against ln t, and
    - the difference between the means over the first and the second half of its points,

each in units of its jackknife error. The stationary window begins at the earliest time from which the drift is at most
1. It must begin after the start of every late window of at least twelve points with a drift above 3. If there is no
such window, a drift of at most 2 is accepted. If there is none either, the plateau is not reached, and the last six
points are used, with a warning.

At the beginning of the stationary window, the transient is about as large as the noise. So the first half of the
window, in ln t, is dropped. The plateau is the unweighted mean over the second half, and over at least the last three
points. There every realization has the same weight, so rare realizations are not suppressed.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.laws import Constant
from ensemble.fit.least_squares import Mask, between, checked, fitted
from ensemble.fit.result import Fit
from ensemble.reduce.jackknife import Array, Estimate

_LEAST = 6
"""Number of points of the shortest late window that is tested."""
_STILL = (1.0, 2.0)
"""A window is stationary if its drift is at most the first value; if there is none, at most the second value."""
_MOVING = 3.0
"""A window is not stationary if its drift is above this value."""


def plateau(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Fit:
    """Determine the late-time plateau C(inf) of a curve.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    window
        First and last time of the plateau, inclusive. Default: the second half, in ln t, of the longest stationary late
        window, see `ensemble.fit.plateau`.

    Returns
    -------
    Fit
        `c`, the unweighted mean of the curve over the window. If no stationary window is found, `c` is the mean over
        the last six points, with the warning that the plateau is not reached.

    Raises
    ------
    FitError
        If the times are not valid, or if the curve does not have one value for each time.

    Examples
    --------
    >>> import numpy as np
    >>> from ensemble.fit import Estimate, plateau
    >>> curve = Estimate.of_blocks(np.outer([0.4, 0.5, 0.6], np.ones(10)), sizes=[100, 100, 100])
    >>> fit = plateau(np.arange(1.0, 11.0), curve, window=(5, 10))
    >>> round(fit.values["c"], 3), fit.window.points
    (0.5, 6)
    """
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    warnings: tuple[str, ...] = ()
    if window is None:
        chosen, warnings = _late(times, curve, chosen)
    return fitted(Constant(), times, curve, chosen, warnings, flat=True)


def _late(t: Array, curve: Estimate, usable: Mask) -> tuple[Mask, tuple[str, ...]]:
    """The second half, in ln t, of the longest stationary late window; the last points and a warning if none exists."""
    indices = np.flatnonzero(usable)
    starts = range(max(0, len(indices) - _LEAST) + 1)
    drifts = [_drift(np.log(t[indices[start:]]), curve[indices[start:]]) for start in starts if len(indices) >= _LEAST]
    moving = [i for i, drift in enumerate(drifts) if drift > _MOVING and len(indices) - i >= 2 * _LEAST]
    after = range(max(moving, default=-1) + 1, len(drifts))
    start = next((i for limit in _STILL for i in after if drifts[i] <= limit), None)
    chosen = np.zeros_like(usable)
    if start is None:
        chosen[indices[-_LEAST:]] = True
        size = f": it drifts by {drifts[-1]:.1f} errors over the last {_LEAST} points" if drifts else ""
        return chosen, (f"the plateau is not reached{size}",)
    first, last = t[indices[start]], t[indices[-1]]
    chosen[indices[start:]] = t[indices[start:]] >= np.sqrt(first * last)
    chosen[indices[-(_LEAST // 2) :]] = True
    return chosen, ()


def _drift(x: Array, curve: Estimate) -> float:
    """The larger of slope and difference of halves, in units of their errors; nan counts as 0."""
    halves = np.where(np.arange(len(x)) < len(x) // 2, -1 / (len(x) // 2), 1 / (len(x) - len(x) // 2))
    forms = np.stack([x - x.mean(), halves])
    value, without = (np.sum(y[..., None, :] * forms, axis=-1) for y in (curve.value, curve.without))
    moved = Estimate(value, without, curve.sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nan_to_num(np.abs(moved.value) / moved.error, nan=0.0).max())
