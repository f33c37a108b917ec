"""To infinite size: a number in a power of 1/N, and the density of what grows with the volume."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.independent import independent
from ensemble.fit.laws import Line
from ensemble.fit.result import Fit, Window


def extrapolate(N: ArrayLike, values: ArrayLike, errors: ArrayLike, *, power: float = 1.0) -> Fit:
    """`limit` and `slope` of limit + slope / N^power, such as the exponent of an infinite system; windows are in 1/N.

    The power of the correction is given, not fitted: a few sizes cannot tell it from the limit.
    """
    if not power > 0:
        raise FitError(f"the power of a correction must be positive, got {power!r}: it must vanish with the size")
    inverse = 1 / np.asarray(N, dtype=np.float64)
    fit = independent(Line(), inverse**power, values, errors)
    if power == 1:
        return fit
    known = {"power": float(power)}
    moved = (replace(each, window=_unraised(each.window, power), values={**each.values, **known}) for each in fit.moved)
    return replace(
        fit,
        law="limit + slope / N^power",
        values={**fit.values, **known},
        errors={**fit.errors, "power": 0.0},
        window=_unraised(fit.window, power),
        moved=tuple(moved),
    )


def volume_law(N: ArrayLike, entropies: ArrayLike, errors: ArrayLike) -> Fit:
    """The density `limit` of S(inf) = limit N + slope: S(inf) / N, extrapolated to infinite size.

    An entropy that grows otherwise is told by `probability`, or by a limit that moves with the range of N.
    """
    N = np.asarray(N, dtype=np.float64)
    return extrapolate(N, np.asarray(entropies) / N, np.asarray(errors) / N)


def _unraised(window: Window, power: float) -> Window:
    """A window in 1/N from one in its power."""
    return replace(window, first=window.first ** (1 / power), last=window.last ** (1 / power))
