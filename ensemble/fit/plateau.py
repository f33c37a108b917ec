"""The late-time plateau, on the longest late window in which the curve no longer moves.

Over a late window, from some time to the last, the drift is the larger of

    the slope against ln t, and
    the difference between the means of its first and second half of points,

each in units of its error over the blocks. The window begins at the earliest time from which the drift is at most one,
and after every window of at least twelve points over which it is more than three. If there is none, two will do instead
of one; if there is none even then, the plateau is not reached and the last six points stand for it. A window chosen so
begins where the transient is as large as the noise: its first half in ln t is given to the transient, and the plateau
is the plain mean over the other half. Each realization counts once there, and rare ones are not weighed down.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.laws import Constant
from ensemble.fit.least_squares import Mask, between, checked, fitted
from ensemble.fit.result import Fit

_LEAST = 6
"""Points of the shortest late window that is tested."""
_STILL = (1.0, 2.0)
"""Drifts, in errors, that are taken for none: where there is no window with the first, the second will do."""
_MOVING = 3.0
"""A drift that is taken for one."""


def plateau(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Fit:
    """The value C(inf) that the curve keeps at late times, as `c`; with a window, its mean there."""
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    said: tuple[str, ...] = ()
    if window is None:
        chosen, said = _late(times, curve, chosen)
    return fitted(Constant(), times, curve, chosen, said, flat=True)


def _late(t: Array, curve: Estimate, usable: Mask) -> tuple[Mask, tuple[str, ...]]:
    """The second half, in ln t, of the longest stationary late window; the last points if there is none."""
    where = np.flatnonzero(usable)
    starts = range(max(0, len(where) - _LEAST) + 1)
    drifts = [_drift(np.log(t[where[start:]]), curve[where[start:]]) for start in starts if len(where) >= _LEAST]
    moving = [i for i, drift in enumerate(drifts) if drift > _MOVING and len(where) - i >= 2 * _LEAST]
    after = range(max(moving, default=-1) + 1, len(drifts))
    start = next((i for limit in _STILL for i in after if drifts[i] <= limit), None)
    chosen = np.zeros_like(usable)
    if start is None:
        chosen[where[-_LEAST:]] = True
        size = f": it drifts by {drifts[-1]:.1f} errors over the last {_LEAST} points" if drifts else ""
        return chosen, (f"the plateau is not reached{size}",)
    first, last = t[where[start]], t[where[-1]]
    chosen[where[start:]] = t[where[start:]] >= np.sqrt(first * last)
    chosen[where[-(_LEAST // 2) :]] = True
    return chosen, ()


def _drift(x: Array, curve: Estimate) -> float:
    """The larger of slope and difference of halves, in units of their errors; none where blocks do not differ."""
    halves = np.where(np.arange(len(x)) < len(x) // 2, -1 / (len(x) // 2), 1 / (len(x) - len(x) // 2))
    forms = np.stack([x - x.mean(), halves])
    value, without = (np.sum(y[..., None, :] * forms, axis=-1) for y in (curve.value, curve.without))
    moved = Estimate(value, without, curve.sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nan_to_num(np.abs(moved.value) / moved.error, nan=0.0).max())
