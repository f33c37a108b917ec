"""Fit power laws in time: the decay a t^-β from the peak to the plateau, and the growth a t^α before saturation.

Default window of a decay:

    from    the first time after the peak at which the curve is below `start` times the peak
    to      the last time before the curve falls below `stop` times its plateau, if a plateau is reached,
            or before its error exceeds `noise` times its value

Default window of a growth:

    from    the first time at which the curve is above `start` times its highest value, with an error of at most `noise`
            times its value
    to      the last time before the curve exceeds `stop` times its highest value

The window is found from the mean curve, and it is the same for the fits without each block. A plateau distorts a power
law, by up to 1 / `stop` of the value where the curve is `stop` times the plateau. The result contains the change of the
exponent on parts of the window.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.laws import Power
from ensemble.fit.least_squares import Mask, between, checked, fitted
from ensemble.fit.plateau import plateau
from ensemble.fit.result import Fit
from ensemble.reduce.jackknife import Array, Estimate

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
    """Fit the decay a t^-beta of a curve between its peak and its plateau.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    window
        First and last time of the fit, inclusive. Default: from `start`, `stop` and `noise`.
    start
        The default window begins where the curve falls below this fraction of its peak. Default: 0.5.
    stop
        The default window ends before the curve falls below this many times its plateau. Default: 5.
    noise
        The default window ends before the error exceeds this fraction of the value. Default: 0.2.

    Returns
    -------
    Fit
        `a` and `beta`, with the fits on parts of the window in `moved`.

    Raises
    ------
    FitError
        If the times are not valid, or if the curve does not have one value for each time.

    Examples
    --------
    >>> import numpy as np
    >>> from ensemble.fit import Estimate, power_law
    >>> t = np.geomspace(1, 100, 30)
    >>> curve = Estimate.of_blocks(np.outer([0.9, 1.0, 1.1], t**-0.5), sizes=[100, 100, 100])
    >>> fit = power_law(t, curve, window=(1, 100))
    >>> round(fit.values["a"], 3), round(fit.values["beta"], 3)
    (1.0, 0.5)
    """
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    warnings: tuple[str, ...] = ()
    if window is None and chosen.any():
        value = np.where(chosen, curve.value, -np.inf)
        floor, warnings = _floor(times, curve)
        after = chosen & (np.arange(len(times)) > np.argmax(value))
        first = _first(after & (value < start * value.max()))
        ends = after & ((value < stop * floor) | (curve.error > noise * np.abs(value)))
        ends[:first] = False
        chosen &= _span(len(times), first, _first(ends))
        if floor and not chosen.any():
            warnings += (
                f"there is no decay between peak and plateau: the curve is below {stop:g} plateaus before it is below "
                f"{start:g} of its peak",
            )
    return fitted(Power(), times, curve, chosen, warnings)


def growth(
    t: ArrayLike,
    curve: Estimate,
    *,
    window: tuple[float, float] | None = None,
    start: float = 0.1,
    stop: float = 0.7,
    noise: float = 0.2,
) -> Fit:
    """Fit the growth a t^alpha of a curve before it saturates; alpha is positive for growth.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    window
        First and last time of the fit, inclusive. Default: from `start`, `stop` and `noise`.
    start
        The default window begins where the curve exceeds this fraction of its highest value. Default: 0.1.
    stop
        The default window ends before the curve exceeds this fraction of its highest value. Default: 0.7.
    noise
        The default window begins where the error is at most this fraction of the value. Default: 0.2.

    Returns
    -------
    Fit
        `a` and `alpha`, with the fits on parts of the window in `moved`.

    Raises
    ------
    FitError
        If the times are not valid, or if the curve does not have one value for each time.

    Examples
    --------
    >>> import numpy as np
    >>> from ensemble.fit import Estimate, growth
    >>> t = np.geomspace(1, 100, 30)
    >>> curve = Estimate.of_blocks(np.outer([0.9, 1.0, 1.1], t**0.5), sizes=[100, 100, 100])
    >>> fit = growth(t, curve, window=(1, 100))
    >>> round(fit.values["a"], 3), round(fit.values["alpha"], 3)
    (1.0, 0.5)
    """
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    if window is None and chosen.any():
        value = np.where(chosen, curve.value, 0.0)
        low, high = start * value.max(), stop * value.max()
        first = _first(chosen & (value > low) & (curve.error <= noise * value))
        chosen &= _span(len(times), first, _first(chosen & (value > high)))
    return fitted(_GROWTH, times, curve, chosen)


def _floor(t: Array, curve: Estimate) -> tuple[float, tuple[str, ...]]:
    """The plateau if it is reached and above its own error, else 0; and a warning if it is not reached.

    Without a plateau, the noise or the last time ends the window.
    """
    late = plateau(t, curve)
    if warnings := tuple(each for each in late.warnings if "plateau is not reached" in each):
        return 0.0, warnings
    return (late.values["c"] if late.values["c"] > late.errors["c"] else 0.0), ()


def _first(mask: Mask) -> int:
    """Index of the first true entry; one past the end if there is none."""
    return int(np.argmax(mask)) if mask.any() else len(mask)


def _span(count: int, first: int, end: int) -> Mask:
    indices = np.arange(count)
    return np.asarray((indices >= first) & (indices < end))
