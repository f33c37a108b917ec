"""The highest point of a curve, between the points of its grid.

A parabola in ln t goes through the highest point and its two neighbours, of the mean curve and of the curve without
each block, there around the highest point of its own. Where the top is flat within the errors, the highest of many
noisy points lies above it, and which of two neighbours is the highest is left to chance: the jackknife does not see
how far the top moves between their parabolas, so that is a warning.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.jackknife import Array, Estimate
from ensemble.fit.least_squares import between, checked
from ensemble.fit.result import Fit, Window

_LAW = "top of a parabola in ln t"
_NAMES = ("height", "t")
_ALIKE = 2.0
"""Two points are equally high if they differ by less than this many errors of the difference."""


def peak(t: ArrayLike, curve: Estimate, *, window: tuple[float, float] | None = None) -> Fit:
    """The `height` of the curve's highest point, and its time `t`; at an end of the window a point of the grid."""
    times = checked(np.asarray(t), curve)
    chosen = between(times, curve, window)
    times, curve = times[chosen], curve[chosen]
    nan = float("nan")
    if not len(times):
        nothing = dict.fromkeys(_NAMES, nan)
        said = ("the window is too short: it has no points",)
        return Fit(_LAW, nothing, nothing, Window(nan, nan, 0), nan, 0, nan, np.empty(0), (), said)
    top = curve.derived(lambda y: _top(times, y, int(np.argmax(y))))
    values, errors = (dict(zip(_NAMES, map(float, each), strict=True)) for each in (top.value, top.error))
    highest = int(np.argmax(curve.value))
    used = times[highest - 1 : highest + 2] if _inside(highest, times) else times[[highest]]
    three = Window(float(used[0]), float(used[-1]), len(used))
    return Fit(_LAW, values, errors, three, nan, 0, nan, np.empty(0), (), tuple(_doubts(times, curve, values, errors)))


def _inside(k: int, t: Array) -> bool:
    return 0 < k < len(t) - 1


def _top(t: Array, y: Array, k: int) -> Array:
    """Height and time of the top of the parabola around point k; the point itself if there is none."""
    if not _inside(k, t):
        return np.array([y[k], t[k]])
    before, after = np.log(t[k - 1] / t[k]), np.log(t[k + 1] / t[k])
    rise, fall = (y[k - 1] - y[k]) / before, (y[k + 1] - y[k]) / after
    bend = (fall - rise) / (after - before)  # y = y_k + slope x + bend x², with x = ln(t / t_k)
    slope = rise - bend * before
    if bend >= 0:
        return np.array([y[k], t[k]])
    return np.array([y[k] - slope**2 / (4 * bend), t[k] * np.exp(-slope / (2 * bend))])


def _doubts(t: Array, curve: Estimate, values: Mapping[str, float], errors: Mapping[str, float]) -> Iterator[str]:
    """What to be wary of, a sentence each."""
    k, without = int(np.argmax(curve.value)), np.argmax(curve.without, axis=1)
    if not _inside(k, t):
        yield f"there is no peak inside the window: its {'last' if k else 'first'} point, at {t[k]:.3g}, is the highest"
    else:
        other = k + 1 if curve.value[k + 1] > curve.value[k - 1] else k - 1
        gap, there = curve.derived(lambda y: y[k] - y[other]), float(_top(t, curve.value, other)[1])
        if gap.value <= _ALIKE * gap.error and abs(there - values["t"]) > errors["t"]:
            yield (
                f"the points at {t[k]:.3g} and {t[other]:.3g} are equally high: around the other one t is {there:.3g}, "
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
