"""The laws that a curve may follow, with parameters that are suited to a fit.

The fit uses s = t / pivot with a pivot in the middle of the window, and the amplitude A at s = 1. Then the amplitude
and the exponent are only weakly correlated, and the fit does not depend on the units of t and C. `reported` converts
these internal parameters to the parameters of the formula.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.fit.ordered_sums import straight

Array = NDArray[np.float64]

_LARGEST = 700.0
"""exp() of a larger number overflows."""
_SHAPES = (0.2, 0.5, 1.0)
"""Exponents δ from which the search for a stretched exponential starts."""


class Law(ABC):
    """A function of s (n,) with k internal parameters p: (k,) or (blocks, k)."""

    formula: str
    """The formula in terms of t (or N), and of the parameters in `names`."""
    names: tuple[str, ...]
    """Names of the parameters of the formula."""
    telling: str
    """The main parameter: if it is compatible with zero, the data show no sign of the law."""

    @abstractmethod
    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""

    @abstractmethod
    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives of the law with respect to the parameters (..., n, k)."""

    @abstractmethod
    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts, each (k,)."""

    @abstractmethod
    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k); nan where the formula cannot describe the curve."""


@final
class Constant(Law):
    """A constant, for plateaus: c."""

    formula = "c"
    names = ("c",)
    telling = "c"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] * np.ones_like(s)

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        return np.ones((*p.shape[:-1], len(s), 1))

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:  # noqa: ARG002 - a law has these
        """Internal parameters from which the search starts."""
        return [np.array([y.mean()])]

    def reported(self, p: Array, pivot: float) -> Array:  # noqa: ARG002 - a law has these
        """The parameters of the formula (..., k)."""
        return p


@final
class Logarithm(Law):
    """A straight line in ln t, slower than any power law: A + b ln s."""

    formula = "a + b ln t"
    names = ("a", "b")
    telling = "b"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] + p[..., 1, None] * np.log(s)

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        return np.broadcast_to(_columns(np.ones_like(s), np.log(s)), (*p.shape[:-1], len(s), 2))

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [straight(np.log(s), y, 1 / error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        return _columns(p[..., 0] - p[..., 1] * np.log(pivot), p[..., 1])


@final
class Line(Law):
    """A straight line in x = 1 / N, whose value at x = 0 is the limit at infinite size."""

    formula = "limit + slope / N"
    names = ("limit", "slope")
    telling = "limit"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] + p[..., 1, None] * s

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        return np.broadcast_to(_columns(np.ones_like(s), s), (*p.shape[:-1], len(s), 2))

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [straight(s, y, 1 / error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        return _columns(p[..., 0], p[..., 1] / pivot)


@final
@dataclass(frozen=True)
class Power(Law):
    """A power law: the decay A s^-β, or with `sign=1` the growth A s^α, whose exponent is positive for growth."""

    formula: str = "a t^-beta"
    names: tuple[str, ...] = ("a", "beta")
    telling: str = "beta"
    sign: int = -1

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] * _exp(self.sign * p[..., 1, None] * np.log(s))

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        x = self.sign * np.log(s)
        return _columns(_exp(p[..., 1, None] * x), self.curve(s, p) * x)

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [_straightened(-self.sign * np.log(s), y, error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        return _columns(p[..., 0] * _exp(-self.sign * p[..., 1] * np.log(pivot)), p[..., 1])


@final
@dataclass(frozen=True)
class Exponential(Law):
    """An exponential A exp(-γ (s - 1)): decay, or growth if γ < 0."""

    formula: str = "a exp(-gamma t)"
    names: tuple[str, ...] = ("a", "gamma")
    telling: str = "gamma"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] * _exp(-p[..., 1, None] * (s - 1))

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        return _columns(_exp(-p[..., 1, None] * (s - 1)), -self.curve(s, p) * (s - 1))

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [_straightened(s - 1, y, error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        return _columns(p[..., 0] * _exp(p[..., 1]), p[..., 1] / pivot)


@final
class Stretched(Law):
    """A stretched exponential A exp(-w (s^δ - 1) / δ).

    It becomes the power law A s^-w for δ -> 0, and the exponential at δ = 1. In these parameters δ = 0 is a regular
    point. For δ <= 0 or w <= 0, the parameters τ and a of the formula do not exist.
    """

    formula = "a exp(-(t / tau)^delta)"
    names = ("a", "tau", "delta")
    telling = "delta"

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return p[..., 0, None] * _exp(-p[..., 1, None] * _bent(np.log(s), p[..., 2, None]))

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        x, f, w, delta = np.log(s), self.curve(s, p), p[..., 1, None], p[..., 2, None]
        bent = _bent(x, delta)
        return _columns(_exp(-w * bent), -f * bent, -f * w * _bending(x, delta))

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [np.array([*_straightened(_bent(np.log(s), np.array(d)), y, error), d]) for d in _SHAPES]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        with np.errstate(all="ignore"):
            depth = np.where((p[..., 2] > 0) & (p[..., 1] > 0), p[..., 1] / p[..., 2], np.nan)
            return _columns(p[..., 0] * np.exp(depth), pivot * depth ** (-1 / p[..., 2]), p[..., 2])


@final
class Shifted(Law):
    """A stretched exponential of the shifted time t + t0.

    The shifted time is s + s_1 (e^q - 1) with the parameter q, where s_1 = t_1 / pivot is the first point. So
    t0 > -t_1.
    """

    formula = "a exp(-((t + t0) / tau)^delta)"
    names = ("a", "tau", "delta", "t0")
    telling = "delta"

    def __init__(self, first: float) -> None:
        self._first = first
        self._law = Stretched()

    def curve(self, s: Array, p: Array) -> Array:
        """Values of the law (..., n)."""
        return self._law.curve(self._clock(s, p), p[..., :3])

    def slopes(self, s: Array, p: Array) -> Array:
        """Derivatives with respect to the parameters (..., n, k)."""
        clock = self._clock(s, p)
        speed = self._first * _exp(p[..., 3, None])
        by_q = -self.curve(s, p) * p[..., 1, None] * clock ** (p[..., 2, None] - 1) * speed
        return np.concatenate([self._law.slopes(clock, p[..., :3]), by_q[..., None]], axis=-1)

    def starts(self, s: Array, y: Array, error: Array) -> list[Array]:
        """Internal parameters from which the search starts."""
        return [np.array([*start, 0.0]) for start in self._law.starts(s, y, error)]

    def reported(self, p: Array, pivot: float) -> Array:
        """The parameters of the formula (..., k)."""
        t0 = pivot * self._first * np.expm1(np.minimum(p[..., 3], _LARGEST))
        return np.concatenate([self._law.reported(p[..., :3], pivot), t0[..., None]], axis=-1)

    def _clock(self, s: Array, p: Array) -> Array:
        # The lower bound keeps the logarithm finite when the search approaches t0 = -t_1.
        return s + self._first * np.maximum(np.expm1(np.minimum(p[..., 3, None], 50.0)), -1 + 1e-9)


def _exp(x: Array) -> Array:
    return np.asarray(np.exp(np.clip(x, -_LARGEST, _LARGEST)))


def _columns(*parts: Array) -> Array:
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def _bent(x: Array, delta: Array) -> Array:
    """(e^(δx) - 1) / δ, which is x at δ = 0."""
    safe = np.where(np.abs(delta) < 1e-9, 1.0, delta)
    power = np.expm1(np.clip(safe * x, -_LARGEST, _LARGEST)) / safe
    return np.where(np.abs(delta) < 1e-9, x, power)


def _bending(x: Array, delta: Array) -> Array:
    """The derivative of `_bent` with respect to δ; a series in δ where the exact difference would cancel."""
    z = np.clip(delta * x, -_LARGEST, _LARGEST)
    small = np.abs(z) < 1e-4
    safe = np.where(np.abs(delta) < 1e-9, 1.0, delta)
    exact = (x * np.exp(z) - np.expm1(z) / safe) / safe
    return np.where(small, x**2 / 2 + delta * x**3 / 3, exact)


def _straightened(x: Array, y: Array, error: Array) -> Array:
    """A and k of A e^(-k x) from a straight line through ln y where y > 0; a constant if fewer than two y > 0."""
    if np.count_nonzero(y > 0) < 2:
        return np.array([y.mean(), 0.0])
    x, weight, log = x[y > 0], (y / error)[y > 0], np.log(y[y > 0])
    offset, slope = straight(x, log, weight)
    return np.array([np.exp(min(offset, _LARGEST)), -slope])
