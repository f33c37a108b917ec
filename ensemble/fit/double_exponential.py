"""Fit a double exponential in the system size: exp(-a 2^(b N)), as for the entanglement of pairs in random states."""

from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.independent_points import fit_independent
from ensemble.fit.laws import Law
from ensemble.fit.ordered_sums import straight
from ensemble.fit.result import Fit
from ensemble.fit.unweighted import Line, fit_unweighted
from ensemble.reduce.jackknife import Array

_LARGEST = 700.0
"""exp() of a larger number overflows."""


def double_exponential(N: ArrayLike, values: ArrayLike, errors: ArrayLike, *, unweighted: bool = False) -> Fit:
    """Fit exp(-a 2^(b N)) to values at several sizes that share no disorder.

    Parameters
    ----------
    N
        System sizes: (sizes,), all different.
    values
        Values between 0 and 1: (sizes,). Others are left out, with a warning.
    errors
        Standard errors of the values: (sizes,).
    unweighted
        If true, fit a straight line through log2(-ln value) in which all sizes have the same weight. Default: fit the
        values themselves, weighted with their errors.

    Returns
    -------
    Fit
        `a` and `b`. The weighted fit also has the results for narrower ranges of N, in `moved`.

    Raises
    ------
    FitError
        If the shapes differ or sizes are not valid.

    Notes
    -----
    The weighted fit uses the values and not their logarithms, because the distribution of log2(-ln value) is not normal
    where a value is smaller than its error.

    Examples
    --------
    >>> import numpy as np
    >>> from ensemble.fit import double_exponential
    >>> fit = double_exponential([2, 4, 6], np.exp([-0.2, -0.4, -0.8]), [0.01, 0.01, 0.01])
    >>> round(fit.values["a"], 3), round(fit.values["b"], 3)
    (0.1, 0.5)
    """
    if unweighted:
        law = _DoubleExponential
        return fit_unweighted(law.formula, law.names, N, values, errors, straight=_straight, back=_back)
    y = np.asarray(values, dtype=np.float64)
    outside = np.isfinite(y) & ((y <= 0) | (y >= 1))
    fit = fit_independent(_DoubleExponential(), N, np.where(outside, np.nan, y), errors)
    if not outside.any():
        return fit
    warning = f"{np.count_nonzero(outside)} values are not between 0 and 1, as the law is"
    return replace(fit, warnings=(warning, *fit.warnings))


def _straight(y: Array) -> tuple[Array, Array]:
    y = np.where((y > 0) & (y < 1), y, np.nan)
    return np.log2(-np.log(y)), 1 / (y * -np.log(y) * np.log(2))


def _back(line: Line) -> dict[str, tuple[float, float]]:
    a = 2**line.intercept
    return {"a": (a, a * float(np.log(2)) * line.intercept_error), "b": (line.slope, line.slope_error)}


@final
class _DoubleExponential(Law):
    """exp(-exp(q + r (s - 1))), with r = b pivot ln 2; q is the logarithm of a 2^(b N) in the middle of the range."""

    formula = "exp(-a 2^(b N))"
    names = ("a", "b")
    telling = "b"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return np.exp(-self._exponent(s, p))

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives of the law with respect to q and r (..., n, 2)."""
        exponent = self._exponent(s, p)
        by_q = -exponent * np.exp(-exponent)
        return np.stack([by_q, by_q * (s - 1)], axis=-1)

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Start of the search: a straight line through ln(-ln y)."""
        exponent = -np.log(y)
        return [straight(s - 1, np.log(exponent), y * exponent / error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters a and b of the formula."""
        a = np.exp(np.clip(p[..., 0] - p[..., 1], -_LARGEST, _LARGEST))
        return np.stack([a, p[..., 1] / (pivot * np.log(2))], axis=-1)

    def _exponent(self, s: Array, p: Array) -> Array:
        return np.asarray(np.exp(np.clip(p[..., 0, None] + p[..., 1, None] * (s - 1), -_LARGEST, _LARGEST)))
