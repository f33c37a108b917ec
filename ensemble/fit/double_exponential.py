"""How pairs of a random state lose their entanglement with the system size: exp(-a 2^(b N))."""

from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ensemble.fit.even import Line, even_fit
from ensemble.fit.independent import independent
from ensemble.fit.jackknife import Array
from ensemble.fit.laws import Law
from ensemble.fit.result import Fit
from ensemble.fit.sums import straight

_LARGEST = 700.0
"""exp() of more than this is no number."""


def double_exponential(N: ArrayLike, values: ArrayLike, errors: ArrayLike, *, even: bool = False) -> Fit:
    """`a` and `b` of the values at sizes N, weighted with their errors; narrower ranges of N are in `moved`.

    The fit is to the values themselves: where they are smaller than their errors, log2(-ln value) is no longer normal.
    `even` is the straight line through log2(-ln value) in which all sizes weigh the same.
    """
    if even:
        law = _DoubleExponential
        return even_fit(law.formula, law.names, N, values, errors, straight=_straight, back=_back)
    y = np.asarray(values, dtype=np.float64)
    outside = np.isfinite(y) & ((y <= 0) | (y >= 1))
    fit = independent(_DoubleExponential(), N, np.where(outside, np.nan, y), errors)
    if not outside.any():
        return fit
    said = f"{np.count_nonzero(outside)} values are not between 0 and 1, as the law is"
    return replace(fit, warnings=(said, *fit.warnings))


def _straight(y: Array) -> tuple[Array, Array]:
    y = np.where((y > 0) & (y < 1), y, np.nan)
    return np.log2(-np.log(y)), 1 / (y * -np.log(y) * np.log(2))


def _back(line: Line) -> dict[str, tuple[float, float]]:
    a = 2**line.intercept
    return {"a": (a, a * float(np.log(2)) * line.intercept_error), "b": (line.slope, line.slope_error)}


@final
class _DoubleExponential(Law):
    """exp(-exp(q + r (s - 1))): q is the logarithm of the exponent in the middle of the range, r = b pivot ln 2."""

    formula = "exp(-a 2^(b N))"
    names = ("a", "b")
    telling = "b"

    def curve(self, s: Array, p: Array) -> Array:
        """The law."""
        return np.exp(-self._exponent(s, p))

    def slopes(self, s: Array, p: Array) -> Array:
        """Its derivatives."""
        exponent = self._exponent(s, p)
        by_q = -exponent * np.exp(-exponent)
        return np.stack([by_q, by_q * (s - 1)], axis=-1)

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """First guesses: a straight line through ln(-ln y)."""
        exponent = -np.log(y)
        return [straight(s - 1, np.log(exponent), y * exponent / error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula."""
        a = np.exp(np.clip(p[..., 0] - p[..., 1], -_LARGEST, _LARGEST))
        return np.stack([a, p[..., 1] / (pivot * np.log(2))], axis=-1)

    def _exponent(self, s: Array, p: Array) -> Array:
        return np.asarray(np.exp(np.clip(p[..., 0, None] + p[..., 1, None] * (s - 1), -_LARGEST, _LARGEST)))
