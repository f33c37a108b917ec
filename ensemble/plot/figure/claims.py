"""Compare published values with the computed ones.

A value agrees if it differs by at most two standard errors; the error is the root of the sum of squares of the computed
and the published error. A bound holds if the value is on the right side by more than one error. It does not hold if the
value is on the wrong side by more than one error, and it is open in between. The result also says if the fitted law
does not describe the data.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ensemble.errors import FigureError, remedy
from ensemble.fit.store_fits import PointFit
from ensemble.fit.unweighted import Line
from ensemble.plot.figure.parts import PublishedValue
from ensemble.reduce.jackknife import Array
from ensemble.sweep.sweep import format_point

_MAX_DIFFERENCE = 2.0
"""Largest difference of values that agree, in standard errors."""


@final
@dataclass(frozen=True)
class ClaimCheck:
    """Comparison of a published value or bound with the computed value.

    Parameters
    ----------
    claim
        The published statement, in words.
    where
        The point, if the statement is about several points.
    published
        The published value with its error, or the bound, in words.
    value, error
        The computed value and its standard error.
    count
        Number of realizations, the smallest of several points; 0 for functions of parameters.
    verdict
        The result, such as "agrees", "differs by 3.1 errors" or "holds".
    note
        Remark from the declaration.
    """

    claim: str
    """The published statement, in words."""
    where: str
    """The point, if the statement is about several points."""
    published: str
    """The published value with its error, or the bound, in words."""
    value: float
    """The computed value."""
    error: float
    """Standard error of the computed value."""
    count: int
    """Number of realizations, the smallest of several points; 0 for functions of parameters."""
    verdict: str
    """The result, such as "agrees", "differs by 3.1 errors" or "holds"."""
    note: str = ""
    """Remark from the declaration."""


def check_claims(claim: PublishedValue, fitted: Sequence[PointFit]) -> Iterator[ClaimCheck]:
    """Yield a comparison for each number that a published value is about; none if this scale lacks its point."""
    at_point = [each for each in fitted if claim.select.items() <= each.point.items()]
    if not at_point:
        return  # a smaller scale may lack the point
    chosen = [each for each in at_point if claim.parameter in each.fit.values]  # of compared laws only some do
    if not chosen:
        hint = remedy(claim.parameter, at_point[0].fit.values, "there are")
        raise FigureError(f"published {claim.claim!r}: {claim.parameter!r} must be a parameter of {claim.of}: {hint}")
    count, sound = min(each.count for each in chosen), all(each.sound for each in chosen)
    values = np.array([each.fit.values[claim.parameter] for each in chosen])
    errors = np.array([each.fit.errors[claim.parameter] for each in chosen])
    if claim.statistic in ("value", "ratio"):
        for each, value, error in zip(chosen, values.tolist(), errors.tolist(), strict=True):
            where = {k: v for k, v in each.point.items() if len({other.point.get(k) for other in chosen}) > 1}
            if claim.statistic == "ratio":
                reference = next((o for o in fitted if {**each.point, **claim.to} == dict(o.point)), None)
                if reference is None:
                    continue
                value, error = _ratio(
                    value, error, reference.fit.values[claim.parameter], reference.fit.errors[claim.parameter]
                )
            yield _claim_check(claim, format_point(where), value, error, each.count, each.sound)
    elif claim.statistic == "spread":
        high, low = int(np.argmax(values)), int(np.argmin(values))
        yield _claim_check(claim, "", *_ratio(values[high], errors[high], values[low], errors[low]), count, sound)
    else:
        x = np.log([float(each.point[claim.over]) for each in chosen])
        yield _claim_check(claim, "", *_slope(x, values, errors), count, sound)


def _claim_check(claim: PublishedValue, where: str, value: float, error: float, count: int, sound: bool) -> ClaimCheck:
    verdict = _verdict(claim, value, error) + ("" if sound else "; the law itself is ruled out")
    return ClaimCheck(claim.claim, where, _published_text(claim), value, error, count, verdict, claim.note)


def _verdict(claim: PublishedValue, value: float, error: float) -> str:
    if not math.isfinite(value) or math.isnan(error):
        return "cannot be told"
    if claim.value is not None:
        gap, sigma = abs(value - claim.value), math.hypot(error, claim.error)
        if gap <= _MAX_DIFFERENCE * sigma or gap <= 1e-12 * abs(claim.value):
            return "agrees"
        if sigma > 0:
            return f"differs by {gap / sigma:.1f} errors"
        return f"differs by {gap / abs(claim.value):.1%}" if claim.value else f"differs by {gap:.3g}"
    sides = [] if claim.below is None else [claim.below - value]
    sides += [] if claim.above is None else [value - claim.above]
    return "holds" if min(sides) > error else "does not hold" if min(sides) < -error else "open: within one error"


def _published_text(claim: PublishedValue) -> str:
    if claim.value is not None:
        return f"{_statistic_text(claim)}{claim.value:g}" + (f" ± {claim.error:g}" if claim.error else "")
    bounds = [f"above {claim.above:g}"] if claim.above is not None else []
    bounds += [f"below {claim.below:g}"] if claim.below is not None else []
    return _statistic_text(claim) + " and ".join(bounds)


def _statistic_text(claim: PublishedValue) -> str:
    """Return the prefix that describes the statistic of a published value."""
    return {
        "value": "",
        "ratio": f"over that at {format_point(claim.to)}: ",
        "spread": "largest over smallest: ",
        "trend": f"slope against ln {claim.over}: ",
    }[claim.statistic]


def _ratio(above: float, above_error: float, below: float, below_error: float) -> tuple[float, float]:
    """Return a ratio with its error for independent disorder; on common disorder the true error is smaller."""
    if not below:
        return math.nan, math.nan
    ratio = float(above / below)
    return ratio, math.hypot(above_error, ratio * below_error) / abs(below)


def _slope(x: Array, y: Array, error: Array) -> tuple[float, float]:
    """Return the slope of an unweighted straight line through points, with its error from the errors of the points."""
    if len(x) < 2:
        return math.nan, math.nan
    line = Line(x, y, error)
    return line.slope, line.slope_error
