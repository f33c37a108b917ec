"""Extrapolate whole curves to infinite size: at each coordinate, the constant of a polynomial in 1/N."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ensemble.fit.curve_family import CurveFamily, PointCurve
from ensemble.reduce.jackknife import Array, Estimate


def infinite_size_curve(family: CurveFamily, axis: str, order: int = 1) -> CurveFamily:
    """The curves at infinite size: at each coordinate, the constant of a polynomial in 1/N of degree `order`.

    `axis` is the axis of the sizes N. The polynomial is fitted with weighted least squares over the sizes, separately
    for each point of the other axes. A size is left out at coordinates where its error is zero or not finite. The curve
    is nan where `order` sizes or fewer remain.
    """
    groups: dict[tuple[tuple[str, object], ...], list[PointCurve]] = {}
    for each in family:
        groups.setdefault(tuple((name, value) for name, value in each.point.items() if name != axis), []).append(each)
    return replace(family, members=tuple(_limit(group, axis, order) for group in groups.values()))


def _limit(group: Sequence[PointCurve], axis: str, order: int) -> PointCurve:
    """The extrapolated curve of members that differ only in their size."""
    inverse = 1 / np.array([float(each.point[axis]) for each in group])
    errors = np.stack([each.curve.error for each in group])
    forms = _constants(inverse / inverse.max(), errors, order)
    curve = Estimate.joint(partial(_weighted, forms), [each.curve for each in group])
    rest = {name: value for name, value in group[0].point.items() if name != axis}
    return PointCurve(rest, min(each.count for each in group), curve)


def _constants(x: Array, errors: Array, order: int) -> Array:
    """Coefficients (sizes, x...) whose sum with the values gives the constant of the polynomial."""
    known = (errors > 0) & np.isfinite(errors)
    weights = np.divide(1.0, errors, out=np.zeros_like(errors), where=known)
    columns = x[:, np.newaxis] ** np.arange(order + 1)
    forms = np.linalg.pinv(np.moveaxis(weights, 0, -1)[..., np.newaxis] * columns)[..., 0, :]
    enough = known.sum(axis=0) > order
    return np.where(enough, np.moveaxis(forms, -1, 0) * weights, np.nan)


def _weighted(forms: Array, *values: Array) -> Array:
    """The sum of coefficient times value over sizes, without sizes that have no weight."""
    terms: Array = np.where(forms == 0, 0.0, forms * np.stack(values))
    return np.asarray(terms.sum(axis=0))
