"""What was claimed beside what came out, and whether the two agree.

A value agrees if it differs by at most two standard errors, ours and the published one together. A bound holds if
we are on the right side of it by more than one error, and is open if we are within one. Where the law that a number
comes from does not describe the data, that is said beside the verdict.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ensemble.errors import FigureError, cure
from ensemble.figure.parts import Published
from ensemble.fit.even import Line
from ensemble.fit.families import Fitted
from ensemble.fit.jackknife import Array
from ensemble.sweep import told_point

_AGREE = 2.0
"""Standard errors that a value may differ by."""


@final
@dataclass(frozen=True)
class Compared:
    """A claim and our number for it."""

    claim: str
    where: str
    """The point, where a claim is about several."""
    published: str
    """The value with its error, or the bound, in words."""
    value: float
    error: float
    count: int
    """Realizations behind it; 0 for what follows from parameters alone."""
    verdict: str
    note: str = ""


def compared(claim: Published, fitted: Sequence[Fitted]) -> Iterator[Compared]:
    """A row for each number that a claim is about."""
    there = [each for each in fitted if claim.at.items() <= each.point.items()]
    if not there:
        return  # a smaller scale need not have the point
    chosen = [each for each in there if claim.parameter in each.fit.values]  # of competing laws some have it
    if not chosen:
        told = cure(claim.parameter, there[0].fit.values, "there are")
        raise FigureError(f"published {claim.claim!r}: {claim.parameter!r} must be a parameter of {claim.of}: {told}")
    count, sound = min(each.count for each in chosen), all(each.sound for each in chosen)
    values = np.array([each.fit.values[claim.parameter] for each in chosen])
    errors = np.array([each.fit.errors[claim.parameter] for each in chosen])
    if claim.statistic in ("value", "ratio"):
        for each, value, error in zip(chosen, values.tolist(), errors.tolist(), strict=True):
            where = {k: v for k, v in each.point.items() if len({other.point.get(k) for other in chosen}) > 1}
            if claim.statistic == "ratio":
                below = next((o for o in fitted if {**each.point, **claim.to} == dict(o.point)), None)
                if below is None:
                    continue
                value, error = _ratio(
                    value, error, below.fit.values[claim.parameter], below.fit.errors[claim.parameter]
                )
            yield _row(claim, told_point(where), value, error, each.count, each.sound)
    elif claim.statistic == "spread":
        high, low = int(np.argmax(values)), int(np.argmin(values))
        yield _row(claim, "", *_ratio(values[high], errors[high], values[low], errors[low]), count, sound)
    else:
        x = np.log([float(each.point[claim.over]) for each in chosen])
        yield _row(claim, "", *_slope(x, values, errors), count, sound)


def _row(claim: Published, where: str, value: float, error: float, count: int, sound: bool) -> Compared:
    verdict = _verdict(claim, value, error) + ("" if sound else "; the law itself is ruled out")
    return Compared(claim.claim, where, _told(claim), value, error, count, verdict, claim.note)


def _verdict(claim: Published, value: float, error: float) -> str:
    if not math.isfinite(value) or math.isnan(error):
        return "cannot be told"
    if claim.value is not None:
        gap, sigma = abs(value - claim.value), math.hypot(error, claim.error)
        if gap <= _AGREE * sigma or gap <= 1e-12 * abs(claim.value):
            return "agrees"
        if sigma > 0:
            return f"differs by {gap / sigma:.1f} errors"
        return f"differs by {gap / abs(claim.value):.1%}" if claim.value else f"differs by {gap:.3g}"
    sides = [] if claim.below is None else [claim.below - value]
    sides += [] if claim.above is None else [value - claim.above]
    return "holds" if min(sides) > error else "does not hold" if min(sides) < -error else "open: within one error"


def _told(claim: Published) -> str:
    if claim.value is not None:
        return f"{_of(claim)}{claim.value:g}" + (f" ± {claim.error:g}" if claim.error else "")
    bounds = [f"above {claim.above:g}"] if claim.above is not None else []
    bounds += [f"below {claim.below:g}"] if claim.below is not None else []
    return _of(claim) + " and ".join(bounds)


def _of(claim: Published) -> str:
    """What a claim with a statistic is about."""
    return {
        "value": "",
        "ratio": f"over that at {told_point(claim.to)}: ",
        "spread": "largest over smallest: ",
        "trend": f"slope against ln {claim.over}: ",
    }[claim.statistic]


def _ratio(above: float, above_error: float, below: float, below_error: float) -> tuple[float, float]:
    """A ratio, and its error as if the two shared no disorder: on common disorder it is smaller."""
    if not below:
        return math.nan, math.nan
    ratio = float(above / below)
    return ratio, math.hypot(above_error, ratio * below_error) / abs(below)


def _slope(x: Array, y: Array, error: Array) -> tuple[float, float]:
    """The slope of a straight line through points of equal weight, and its error from those of the points."""
    if len(x) < 2:
        return math.nan, math.nan
    line = Line(x, y, error)
    return line.slope, line.slope_error
