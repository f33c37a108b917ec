"""Whole curves at infinite size: at each of their places the constant of a polynomial in 1/N."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ensemble.fit.family import Family, Member
from ensemble.fit.jackknife import Array, Estimate


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
