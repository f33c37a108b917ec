"""Fit a stretched-exponential decay from a plateau: C(t; ε) / C(inf; 0) = a exp(-((t + t0) / τ)^δ).

Curve and reference have the same disorder. The ratio is also taken without each block, so common fluctuations of curve
and reference cancel in the error.

The default window starts where the reference becomes stationary. This is earlier than the window over which its plateau
is averaged. The window ends at the last time before the error of the ratio exceeds `noise` times its value. A given
window that extends to infinity ends there too.

a, τ and δ are strongly correlated if δ is small or the window is short. t0 is determined only by times of the order of
t0. The errors include this. δ is the parameter that the data determine best.
"""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.laws import Shifted, Stretched
from ensemble.fit.least_squares import between, checked, fitted
from ensemble.fit.plateau import plateau
from ensemble.fit.result import Fit
from ensemble.reduce.jackknife import Estimate


def stretched(
    t: ArrayLike,
    curve: Estimate,
    reference: Estimate,
    *,
    window: tuple[float, float] | None = None,
    noise: float = 0.2,
    shifted: bool = True,
) -> Fit:
    """Fit a stretched exponential to the ratio of a curve and the plateau of a reference curve.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve C(t; ε): (t,), from `Estimate.of_blocks`.
    reference
        The reference C(t; 0) on the same disorder, with the same blocks: (t,).
    window
        First and last time of the fit, inclusive; the last may be infinite. Default: see `ensemble.fit.stretched`.
    noise
        A window without an end ends before the error of the ratio exceeds this fraction of its value. Default: 0.2.
    shifted
        If false, t0 is zero and not fitted. Default: true.

    Returns
    -------
    Fit
        `a`, `tau`, `delta` and, if `shifted`, `t0`. Warnings about the plateau of the reference begin with
        "reference: ".

    Raises
    ------
    FitError
        If the times are not valid, the blocks of curve and reference differ, or the plateau of the reference is not
        above zero.

    Notes
    -----
    The law is C(t; ε) / C(inf; 0) = a exp(-((t + t0) / tau)^delta).
    """
    times = checked(np.asarray(t), curve)
    ratio, late = relative(times, curve, reference)
    # The plateau is the mean over the second half, in ln t, of the stationary times. This is where they begin.
    begins = late.window.first**2 / late.window.last if late.window.points else 0.0
    first, last = window or (begins, np.inf)
    chosen = between(times, ratio, (first, last))
    if last == np.inf:
        noisy = np.flatnonzero(chosen & (ratio.error > noise * np.abs(ratio.value)))
        chosen[noisy[0] if len(noisy) else len(times) :] = False
    warnings = tuple(f"reference: {each}" for each in late.warnings)
    # Without points in the window this value is not used: the fit warns that the window is too short.
    start = 1.0
    if chosen.any():
        start = float(times[chosen][0] / np.sqrt(times[chosen][0] * times[chosen][-1]))
    return fitted(Shifted(start) if shifted else Stretched(), times, ratio, chosen, warnings)


def relative(t: ArrayLike, curve: Estimate, reference: Estimate) -> tuple[Estimate, Fit]:
    """Divide a curve by the plateau of a reference curve; common fluctuations cancel in the error.

    Parameters
    ----------
    t
        Times: (t,), finite and increasing.
    curve
        The curve: (t,), from `Estimate.of_blocks`.
    reference
        The reference on the same disorder, with the same blocks: (t,).

    Returns
    -------
    ratio : Estimate
        The curve divided by the plateau: (t,).
    plateau : Fit
        The plateau of the reference, as from `ensemble.fit.plateau`.

    Raises
    ------
    FitError
        If the times are not valid, the blocks differ, or the plateau is not above zero.
    """
    times = checked(np.asarray(t), curve)
    late = plateau(times, reference)
    chosen = between(times, reference, (late.window.first, late.window.last))
    if not chosen.any():
        raise FitError("the reference of a ratio must have values at times above zero, but it has none")
    floor = reference[chosen].derived(np.mean)
    if floor.value <= 0:
        raise FitError(f"the plateau of the reference must be above zero to divide by it, got {floor.value:.3g}")
    return curve.over(floor.derived(lambda c: np.full(times.shape, c))), late
