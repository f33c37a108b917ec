"""To infinite size: a number or a whole curve, in powers of 1/N, and the density of what grows with the volume."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ensemble.errors import FitError
from ensemble.fit.family import Family, Member
from ensemble.fit.independent import independent
from ensemble.fit.jackknife import Array, Estimate
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


def infinite(family: Family, axis: str, order: int = 1) -> Family:
    """The curves at infinite size: at each place the constant of a polynomial in 1/N of this order.

    Its coefficients are those of weighted least squares over the values of the axis, once for each point of the
    others. Sizes at which blocks do not differ are left out there; where too few are left the curve is nan.
    """
    groups: dict[tuple[tuple[str, object], ...], list[Member]] = {}
    for each in family:
        groups.setdefault(tuple((name, value) for name, value in each.point.items() if name != axis), []).append(each)
    return replace(family, members=tuple(_limit(group, axis, order) for group in groups.values()))


def _limit(group: Sequence[Member], axis: str, order: int) -> Member:
    """The member that a few of finite size tend to."""
    inverse = 1 / np.array([float(each.point[axis]) for each in group])
    errors = np.stack([each.curve.error for each in group])
    forms = _constants(inverse / inverse.max(), errors, order)
    curve = Estimate.joint(partial(_weighted, forms), [each.curve for each in group])
    rest = {name: value for name, value in group[0].point.items() if name != axis}
    return Member(rest, min(each.count for each in group), curve)


def _constants(x: Array, errors: Array, order: int) -> Array:
    """(sizes, places...), what each value is multiplied with to give the constant of the polynomial."""
    known = (errors > 0) & np.isfinite(errors)
    weights = np.divide(1.0, errors, out=np.zeros_like(errors), where=known)
    columns = x[:, np.newaxis] ** np.arange(order + 1)
    forms = np.linalg.pinv(np.moveaxis(weights, 0, -1)[..., np.newaxis] * columns)[..., 0, :]
    enough = known.sum(axis=0) > order
    return np.where(enough, np.moveaxis(forms, -1, 0) * weights, np.nan)


def _weighted(forms: Array, *values: Array) -> Array:
    """The sum over sizes, without those that have no weight."""
    terms: Array = np.where(forms == 0, 0.0, forms * np.stack(values))
    return np.asarray(terms.sum(axis=0))


def _unraised(window: Window, power: float) -> Window:
    """A window in 1/N from one in its power."""
    return replace(window, first=window.first ** (1 / power), last=window.last ** (1 / power))
