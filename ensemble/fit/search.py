"""The parameters that minimize chi2: from the starts of a law, and from a minimum to those of curves nearby.

Both searches are small and go on for all starts, or all curves, at once. The first is that of Levenberg and Marquardt:
a step is held back by a ridge, which shrinks where chi2 falls as foreseen and grows where it does not. The second
takes steps of Gauss and Newton, with a ridge that only keeps it out of directions that do nothing. Neither is left to
a library: SciPy's search gives other last digits from call to call, those of linear algebra with other threads.
"""

import numpy as np

from ensemble.fit.laws import Array, Law
from ensemble.fit.sums import solved

_MOST = 1000
"""Steps of a search from the starts."""
_EXACT = 1e-12
"""It ends when a step makes chi2 smaller, or the parameters other, by less than this part."""
_STEPS = 50
_SETTLED = 1e-6
"""A search nearby ends when a step changes the curve by less than this part of its error."""
_RIDGE = 1e-10
"""Directions in which the curve changes by less than this part of the most that a parameter does are none."""


def optimum(law: Law, s: Array, y: Array, error: Array) -> tuple[Array, bool]:
    """The parameters that minimize chi2, the best to which the law's starts lead, and whether the search has ended."""
    p = np.stack(law.starts(s, y, error))
    ridge, growth, ended = np.full((len(p), 1), 1e-3), np.full((len(p), 1), 2.0), np.zeros((len(p), 1), dtype=bool)
    with np.errstate(all="ignore"):
        gap, scale = _gap(law, s, y, error, p), np.zeros_like(p)
        for _ in range(_MOST):
            slopes = np.nan_to_num(law.slopes(s, p) / error[:, None], nan=0.0, posinf=1e150, neginf=-1e150)
            scale = np.maximum(scale, _lengths(slopes))
            step = held(slopes, gap, np.sqrt(ridge) * scale)
            there = _gap(law, s, y, error, p + step)
            chi2, gained = _square(gap), _square(gap) - _square(there)
            foreseen = _square(_change(slopes, step)) + 2 * ridge * _square(scale * step)
            small = (foreseen <= _EXACT * chi2) & (np.abs(gained) <= _EXACT * chi2)
            small |= _square(scale * step) <= _EXACT**2 * _square(scale * p)
            down = ~ended & (gained > 0)
            p, gap = np.where(down, p + step, p), np.where(down, there, gap)
            ended |= small
            if ended.all():
                break
            kept = np.maximum(1 / 3, 1 - (2 * gained / foreseen - 1) ** 3)
            ridge = np.where(gained > 0, ridge * kept, ridge * growth)
            growth = np.where(gained > 0, 2.0, 2 * growth)
    best = int(np.argmin(_square(gap)))
    return p[best], bool(ended[best, 0])


def followed(law: Law, s: Array, y: Array, error: Array, start: Array) -> tuple[Array, bool]:
    """The optima of slightly different curves y (curves, n), from that of one of them; whether all were found."""
    p, part = np.tile(start, (len(y), 1)), np.ones((len(y), 1))
    with np.errstate(all="ignore"):
        gap = (y - law.curve(s, p)) / error
        for _ in range(_STEPS):
            slopes = law.slopes(s, p) / error[:, None]
            if not (np.isfinite(slopes).all() and np.isfinite(gap).all()):
                return np.full_like(p, np.nan), False
            step = held(slopes, gap, _RIDGE * np.max(_lengths(slopes), axis=-1, keepdims=True) * np.ones_like(p))
            if np.abs(_change(slopes, step)).max() < _SETTLED:
                return p + step, True
            # A step that leads uphill, in the long valley of parameters that are hard to tell apart, is cut short.
            there = (y - law.curve(s, p + part * step)) / error
            down = (np.sum(there**2, axis=1) <= np.sum(gap**2, axis=1) * (1 + 1e-12))[:, None]
            p, gap = np.where(down, p + part * step, p), np.where(down, there, gap)
            part = np.where(down, np.minimum(1, 2 * part), part / 4)
    return p, False


def held(slopes: Array, gap: Array, ridge: Array) -> Array:
    """The steps that close most of a gap, held back by a ridge (..., k) against each parameter."""
    back = ridge[..., None] * np.eye(ridge.shape[-1])
    return solved(np.concatenate([slopes, back], axis=-2), np.concatenate([gap, np.zeros_like(ridge)], axis=-1))


def _gap(law: Law, s: Array, y: Array, error: Array, p: Array) -> Array:
    """(data - law) / error, a large number where the law is none."""
    return np.nan_to_num((y - law.curve(s, p)) / error, nan=1e150, posinf=1e150, neginf=-1e150)


def _change(slopes: Array, step: Array) -> Array:
    """What a step changes, to first order."""
    return np.asarray(np.sum(slopes * step[..., None, :], axis=-1))


def _lengths(slopes: Array) -> Array:
    return np.asarray(np.sqrt(np.sum(slopes**2, axis=-2)))


def _square(x: Array) -> Array:
    return np.asarray(np.sum(x**2, axis=-1, keepdims=True))
