"""Stretched-exponential departure from a plateau: C(t; ε) / C(inf; 0) = a exp(-((t + t0) / τ)^δ).

Curve and reference have seen the same disorder: the ratio is taken without each block, and what both owe to the
choice of realizations cancels. The window, unless it is given: from where the reference becomes stationary, which is
earlier than where its plateau is read off, to the last time before the error of the ratio exceeds `noise` of its value.
A window up to infinity ends there as well.

a, τ and δ are strongly correlated where δ is small or the window short, and t0 is determined only by times of its own
order: their errors say so. δ is what the data tell best.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.jackknife import Estimate
from ensemble.fit.laws import Shifted, Stretched
from ensemble.fit.least_squares import between, checked, fitted
from ensemble.fit.plateau import plateau
from ensemble.fit.result import Fit


def stretched(
    t: ArrayLike,
    curve: Estimate,
    reference: Estimate,
    *,
    window: tuple[float, float] | None = None,
    noise: float = 0.2,
    shifted: bool = True,
) -> Fit:
    """`a`, `tau`, `delta` and `t0` of the curve over the plateau of its reference; not `shifted`, t0 is zero."""
    times = checked(np.asarray(t), curve)
    ratio, late = relative(times, curve, reference)
    # A plateau is read off the second half, in ln t, of the stationary times: where did they begin?
    begins = late.window.first**2 / late.window.last if late.window.points else 0.0
    first, last = window or (begins, np.inf)
    chosen = between(times, ratio, (first, last))
    if last == np.inf:
        loud = np.flatnonzero(chosen & (ratio.error > noise * np.abs(ratio.value)))
        chosen[loud[0] if len(loud) else len(times) :] = False
    said = tuple(f"reference: {each}" for each in late.warnings)
    # A window without points needs no clock: the fit reports that it is too short.
    start = 1.0
    if chosen.any():
        start = float(times[chosen][0] / np.sqrt(times[chosen][0] * times[chosen][-1]))
    return fitted(Shifted(start) if shifted else Stretched(), times, ratio, chosen, said)


def relative(t: ArrayLike, curve: Estimate, reference: Estimate) -> tuple[Estimate, Fit]:
    """The curve over the plateau of its reference, and that plateau; what both owe to the same disorder cancels."""
    times = checked(np.asarray(t), curve)
    late = plateau(times, reference)
    chosen = between(times, reference, (late.window.first, late.window.last))
    if not chosen.any():
        raise FitError("the reference of a ratio must have values at times above zero, but it has none")
    floor = reference[chosen].derived(np.mean)
    if floor.value <= 0:
        raise FitError(f"the plateau of the reference must be above zero to divide by it, got {floor.value:.3g}")
    return curve.over(floor.derived(lambda c: np.full(times.shape, c))), late
