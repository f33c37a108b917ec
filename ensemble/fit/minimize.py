"""Minimize chi2: from the starts of a law, and from one minimum to the minima of similar curves.

Both searches are vectorized over all starts, or over all curves.

- `minimize` uses the Levenberg-Marquardt algorithm. The damping (ridge) decreases where chi2 falls as predicted, and
  increases where it does not.
- `followed` uses Gauss-Newton steps. A small fixed ridge only suppresses directions that do not change the curve.

No library is used, because the last digits must be reproducible: those of SciPy's search differ from call to call, and
those of linear algebra depend on the number of threads.
"""

import numpy as np

from ensemble.fit.laws import Array, Law
from ensemble.fit.ordered_sums import solved

_MOST = 1000
"""Maximum number of steps of `minimize`."""
_EXACT = 1e-12
"""`minimize` ends when a step reduces chi2, or changes the parameters, by less than this fraction."""
_STEPS = 50
"""Maximum number of steps of `followed`."""
_SETTLED = 1e-6
"""`followed` ends when a step changes the curve by less than this fraction of its error."""
_RIDGE = 1e-10
"""Ridge of `followed`, relative to the largest effect of a parameter: it suppresses directions of smaller effect."""


def minimize(law: Law, s: Array, y: Array, error: Array) -> tuple[Array, bool]:
    """The parameters that minimize chi2 (k,), the best from all starts of the law, and whether the search converged."""
    p = np.stack(law.starts(s, y, error))
    ridge, growth, ended = np.full((len(p), 1), 1e-3), np.full((len(p), 1), 2.0), np.zeros((len(p), 1), dtype=bool)
    with np.errstate(all="ignore"):
        gap, scale = _gap(law, s, y, error, p), np.zeros_like(p)
        for _ in range(_MOST):
            slopes = np.nan_to_num(law.slopes(s, p) / error[:, None], nan=0.0, posinf=1e150, neginf=-1e150)
            scale = np.maximum(scale, _lengths(slopes))
            step = held(slopes, gap, np.sqrt(ridge) * scale)
            trial = _gap(law, s, y, error, p + step)
            chi2, gained = _square(gap), _square(gap) - _square(trial)
            predicted = _square(_change(slopes, step)) + 2 * ridge * _square(scale * step)
            small = (predicted <= _EXACT * chi2) & (np.abs(gained) <= _EXACT * chi2)
            small |= _square(scale * step) <= _EXACT**2 * _square(scale * p)
            down = ~ended & (gained > 0)
            p, gap = np.where(down, p + step, p), np.where(down, trial, gap)
            ended |= small
            if ended.all():
                break
            kept = np.maximum(1 / 3, 1 - (2 * gained / predicted - 1) ** 3)
            ridge = np.where(gained > 0, ridge * kept, ridge * growth)
            growth = np.where(gained > 0, 2.0, 2 * growth)
    best = int(np.argmin(_square(gap)))
    return p[best], bool(ended[best, 0])


def followed(law: Law, s: Array, y: Array, error: Array, start: Array) -> tuple[Array, bool]:
    """The optima (curves, k) of similar curves y (curves, n), starting from `start` (k,); whether all converged."""
    p, fraction = np.tile(start, (len(y), 1)), np.ones((len(y), 1))
    with np.errstate(all="ignore"):
        gap = (y - law.curve(s, p)) / error
        for _ in range(_STEPS):
            slopes = law.slopes(s, p) / error[:, None]
            if not (np.isfinite(slopes).all() and np.isfinite(gap).all()):
                return np.full_like(p, np.nan), False
            step = held(slopes, gap, _RIDGE * np.max(_lengths(slopes), axis=-1, keepdims=True) * np.ones_like(p))
            if np.abs(_change(slopes, step)).max() < _SETTLED:
                return p + step, True
            # A step that increases chi2 is shortened; this happens if parameters are strongly correlated.
            trial = (y - law.curve(s, p + fraction * step)) / error
            down = (np.sum(trial**2, axis=1) <= np.sum(gap**2, axis=1) * (1 + 1e-12))[:, None]
            p, gap = np.where(down, p + fraction * step, p), np.where(down, trial, gap)
            fraction = np.where(down, np.minimum(1, 2 * fraction), fraction / 4)
    return p, False


def held(slopes: Array, gap: Array, ridge: Array) -> Array:
    """The damped least-squares steps (..., k) for the residuals `gap`, with a ridge (..., k) for each parameter."""
    damping = ridge[..., None] * np.eye(ridge.shape[-1])
    return solved(np.concatenate([slopes, damping], axis=-2), np.concatenate([gap, np.zeros_like(ridge)], axis=-1))


def _gap(law: Law, s: Array, y: Array, error: Array, p: Array) -> Array:
    """(data - law) / error; a large number where the law is not finite."""
    return np.nan_to_num((y - law.curve(s, p)) / error, nan=1e150, posinf=1e150, neginf=-1e150)


def _change(slopes: Array, step: Array) -> Array:
    """The change of the curve by a step, to first order, in units of the errors."""
    return np.asarray(np.sum(slopes * step[..., None, :], axis=-1))


def _lengths(slopes: Array) -> Array:
    return np.asarray(np.sqrt(np.sum(slopes**2, axis=-2)))


def _square(x: Array) -> Array:
    return np.asarray(np.sum(x**2, axis=-1, keepdims=True))
