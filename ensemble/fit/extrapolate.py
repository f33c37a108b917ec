"""To infinite size: a quantity linear in 1/N, and the density of one that grows with the volume."""

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.independent import independent
from ensemble.fit.laws import Line
from ensemble.fit.result import Fit


def extrapolate(N: ArrayLike, values: ArrayLike, errors: ArrayLike) -> Fit:
    """`limit` and `slope` of limit + slope / N, such as the exponent of an infinite system; windows are in 1/N."""
    return independent(Line(), 1 / np.asarray(N, dtype=np.float64), values, errors)


def volume_law(N: ArrayLike, entropies: ArrayLike, errors: ArrayLike) -> Fit:
    """The density `limit` of S(inf) = limit N + slope: S(inf) / N, extrapolated to infinite size.

    An entropy that grows otherwise is told by `probability`, or by a limit that moves with the range of N.
    """
    N = np.asarray(N, dtype=np.float64)
    return extrapolate(N, np.asarray(entropies) / N, np.asarray(errors) / N)
