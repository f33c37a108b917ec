"""Decay a t^-β from the peak to the plateau, and growth a t^α before saturation.

The window of a decay, unless it is given:

    from    the first time after the peak at which the curve is below `start` of the peak
    to      the last time before the curve falls below `stop` times its plateau, if a plateau is reached,
            or before its error exceeds `noise` of its value

The window of a growth: from the first time at which the curve is above `start` of its highest value, with an error
below `noise` of its value, to the last before it comes above `stop` of it. Both are found from the mean curve and
held while blocks are left out. A plateau under a power law bends it: at `stop` times the plateau by up to 1 / `stop`.
How far the exponent moves on parts of the window is part of the result.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.laws import Power
from ensemble.fit.least_squares import Mask, between, checked, fitted
from ensemble.fit.plateau import plateau
from ensemble.fit.result import Fit

_GROWTH = Power("a t^alpha", ("a", "alpha"), "alpha", sign=1)


def power_law(
    t: ArrayLike,
    curve: Estimate,
    *,
    window: tuple[float, float] | None = None,
    start: float = 0.5,
    stop: float = 5.0,
    noise: float = 0.2,
) -> Fit:
    """The exponent `beta` of the decay a t^-beta."""
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    said: tuple[str, ...] = ()
    if window is None and chosen.any():
        value = np.where(chosen, curve.value, -np.inf)
        floor, said = _floor(times, curve)
        after = chosen & (np.arange(len(times)) > np.argmax(value))
        first = _first(after & (value < start * value.max()))
        ends = after & ((value < stop * floor) | (curve.error > noise * np.abs(value)))
        ends[:first] = False
        chosen &= _span(len(times), first, _first(ends))
        if floor and not chosen.any():
            said += (
                f"there is no decay between peak and plateau: the curve is below {stop:g} plateaus before it is below "
                f"{start:g} of its peak",
            )
    return fitted(Power(), times, curve, chosen, said)


def growth(
    t: ArrayLike,
    curve: Estimate,
    *,
    window: tuple[float, float] | None = None,
    start: float = 0.1,
    stop: float = 0.7,
    noise: float = 0.2,
) -> Fit:
    """The exponent `alpha` of the growth a t^alpha: positive for what grows."""
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    if window is None and chosen.any():
        value = np.where(chosen, curve.value, 0.0)
        low, high = start * value.max(), stop * value.max()
        first = _first(chosen & (value > low) & (curve.error <= noise * value))
        chosen &= _span(len(times), first, _first(chosen & (value > high)))
    return fitted(_GROWTH, times, curve, chosen)


def _floor(t: Array, curve: Estimate) -> tuple[float, tuple[str, ...]]:
    """The plateau if it is reached and above its own error; without one the noise or the last time ends the window."""
    late = plateau(t, curve)
    if said := tuple(each for each in late.warnings if "plateau is not reached" in each):
        return 0.0, said
    return (late.values["c"] if late.values["c"] > late.errors["c"] else 0.0), ()


def _first(where: Mask) -> int:
    """The first point at which something holds; one past the end if it holds nowhere."""
    return int(np.argmax(where)) if where.any() else len(where)


def _span(count: int, first: int, end: int) -> Mask:
    points = np.arange(count)
    return np.asarray((points >= first) & (points < end))
