"""The maximum of a curve, interpolated between grid points.

The maximum is that of a parabola in ln t through the highest point and its two neighbours. The same is done for the
curve without each block, around its own highest point.

If the maximum is flat within the errors, the highest of many noisy points is above the true maximum, and it is random
which of two neighbouring points is the highest. The jackknife does not include the difference between the parabolas
around these two points. So this case gives a warning.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.least_squares import between, checked
from ensemble.fit.result import Fit, Window
from ensemble.reduce.jackknife import Array, Estimate

_LAW = "top of a parabola in ln t"
_NAMES = ("height", "t")
_ALIKE = 2.0
"""Two points are equally high if they differ by no more than this many errors of the difference."""


def peak(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Fit:
    """Find the height and the time of the maximum of a curve.

    Parameters
    ----------
    t
        Times, or another positive coordinate: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    window
        First and last time in which the maximum is searched, inclusive. Default: all times above zero.

    Returns
    -------
    Fit
        `height` and `t`, interpolated with a parabola in ln t through three grid points. If the highest point is at an
        end of the window, the result is this point, with a warning.

    Raises
    ------
    FitError
        If the times are not valid, or if the curve does not have one value for each time.

    Notes
    -----
    With y = y_k + b x + c x², x = ln(t / t_k), through the highest point k and its neighbours, the maximum is at
    t = t_k exp(-b / (2c)) and has the height y_k - b² / (4c).

    Examples
    --------
    >>> from ensemble.fit import Estimate, peak
    >>> curve = Estimate.of_blocks([[0.0, 1.0, 0.0], [0.0, 1.2, 0.0]], sizes=[100, 100])
    >>> fit = peak([1.0, 2.0, 4.0], curve)
    >>> round(fit.values["height"], 3), round(fit.values["t"], 3)
    (1.1, 2.0)
    """
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    times, curve = times[chosen], curve[chosen]
    nan = float("nan")
    if not len(times):
        undefined = dict.fromkeys(_NAMES, nan)
        warnings = ("the window is too short: it has no points",)
        return Fit(_LAW, undefined, undefined, Window(nan, nan, 0), nan, 0, nan, np.empty(0), (), warnings)
    top = curve.derived(lambda y: _top(times, y, int(np.argmax(y))))
    values, errors = (dict(zip(_NAMES, map(float, each), strict=True)) for each in (top.value, top.error))
    highest = int(np.argmax(curve.value))
    used = times[highest - 1 : highest + 2] if _inside(highest, times) else times[[highest]]
    three = Window(float(used[0]), float(used[-1]), len(used))
    return Fit(
        _LAW, values, errors, three, nan, 0, nan, np.empty(0), (), tuple(_warnings(times, curve, values, errors))
    )


def _inside(k: int, t: Array) -> bool:
    return 0 < k < len(t) - 1


def _top(t: Array, y: Array, k: int) -> Array:
    """Height and time of the maximum of the parabola around point k; the point itself if there is no maximum."""
    if not _inside(k, t):
        return np.array([y[k], t[k]])
    before, after = np.log(t[k - 1] / t[k]), np.log(t[k + 1] / t[k])
    rise, fall = (y[k - 1] - y[k]) / before, (y[k + 1] - y[k]) / after
    bend = (fall - rise) / (after - before)  # y = y_k + slope x + bend x², with x = ln(t / t_k)
    slope = rise - bend * before
    if bend >= 0:
        return np.array([y[k], t[k]])
    return np.array([y[k] - slope**2 / (4 * bend), t[k] * np.exp(-slope / (2 * bend))])


def _warnings(t: Array, curve: Estimate, values: Mapping[str, float], errors: Mapping[str, float]) -> Iterator[str]:
    """Warnings about a peak, one sentence each."""
    k, without = int(np.argmax(curve.value)), np.argmax(curve.without, axis=1)
    if not _inside(k, t):
        yield f"there is no peak inside the window: its {'last' if k else 'first'} point, at {t[k]:.3g}, is the highest"
    else:
        other = k + 1 if curve.value[k + 1] > curve.value[k - 1] else k - 1
        gap, t_alt = curve.derived(lambda y: y[k] - y[other]), float(_top(t, curve.value, other)[1])
        if gap.value <= _ALIKE * gap.error and abs(t_alt - values["t"]) > errors["t"]:
            yield (
                f"the points at {t[k]:.3g} and {t[other]:.3g} are equally high: around the other one t is {t_alt:.3g}, "
                f"not {values['t']:.3g} with an error of {errors['t']:.2g}"
            )
    if without.max() - without.min() > 1:
        first, last = t[without.min()], t[without.max()]
        yield f"blocks disagree on the highest point: without one of them or another it is at {first:.3g} or {last:.3g}"
    if not (curve.error > 0).any():
        yield "blocks do not differ: errors are zero"
    if len(curve.sizes) < 10:
        yield f"{len(curve.sizes)} blocks are few: the errors themselves are uncertain"
    if values["height"] <= errors["height"]:
        yield f"the error of height exceeds its value: {values['height']:.3g} with an error of {errors['height']:.3g}"
