"""Extrapolate to infinite size: a number in a power of 1/N, and the density of a quantity with a volume law."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.independent_points import fit_independent
from ensemble.fit.laws import Line
from ensemble.fit.result import Fit, Window


def extrapolate(N: ArrayLike, values: ArrayLike, errors: ArrayLike, *, power: float = 1.0) -> Fit:
    """Fit limit + slope / N^power to values at several sizes that share no disorder.

    Parameters
    ----------
    N
        System sizes: (sizes,), positive and all different.
    values
        Values, such as exponents: (sizes,).
    errors
        Standard errors of the values: (sizes,).
    power
        Power of the finite-size correction, above zero. It is not fitted, because a few sizes cannot determine both the
        power and the limit. Default: 1.

    Returns
    -------
    Fit
        `limit`, the value at infinite size, and `slope`; also `power` if it is not 1. Windows are in 1/N.

    Raises
    ------
    FitError
        If `power` is not positive, the shapes differ or sizes are not valid.

    Examples
    --------
    >>> from ensemble.fit import extrapolate
    >>> fit = extrapolate([4, 8, 16], [1.25, 1.125, 1.0625], [0.01, 0.01, 0.01])
    >>> round(fit.values["limit"], 3), round(fit.values["slope"], 3)
    (1.0, 1.0)
    """
    if not power > 0:
        raise FitError(f"the power of a correction must be positive, got {power!r}: it must vanish with the size")
    inverse = 1 / np.asarray(N, dtype=np.float64)
    fit = fit_independent(Line(), inverse**power, values, errors)
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
    """Fit the volume law S(inf) = limit N + slope, through S(inf) / N at several sizes that share no disorder.

    Parameters
    ----------
    N
        System sizes: (sizes,), positive and all different.
    entropies
        Entropies S(inf) at late times, or another extensive quantity: (sizes,).
    errors
        Standard errors of the entropies: (sizes,).

    Returns
    -------
    Fit
        `limit`, the density S(inf) / N at infinite size, and `slope`. Windows are in 1/N. If the entropy does not
        follow a volume law, `probability` is small, or `limit` depends on the range of N (`moved`).

    Raises
    ------
    FitError
        If the shapes differ or sizes are not valid.

    Examples
    --------
    >>> from ensemble.fit import volume_law
    >>> fit = volume_law([4, 8, 16], [3.0, 5.0, 9.0], [0.1, 0.1, 0.1])
    >>> round(fit.values["limit"], 3), round(fit.values["slope"], 3)
    (0.5, 1.0)
    """
    N = np.asarray(N, dtype=np.float64)
    return extrapolate(N, np.asarray(entropies) / N, np.asarray(errors) / N)


def _unraised(window: Window, power: float) -> Window:
    """A window in 1/N from a window in 1/N^power."""
    return replace(window, first=window.first ** (1 / power), last=window.last ** (1 / power))
