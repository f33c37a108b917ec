"""Whether points have enough realizations: the quantity of a stop rule, with its error, on their first realizations.

Points are judged together where the quantity is a ratio to a reference: all of them have the same first realizations,
and none has enough before all have. Judging is a task like any other; the sums over what it reads are kept for the next
judgement. The same realizations give the same bits.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble import tally
from ensemble.errors import EnsembleError, SweepError, cure
from ensemble.fit.families import COMPARE, LAWS, MEAN, PARAMETERS, TELLING, fit_each, is_curve
from ensemble.fit.families import check as check_law
from ensemble.fit.family import Family, Member
from ensemble.fit.jackknife import Estimate
from ensemble.stop import Stop
from ensemble.store.damage import open_array, read
from ensemble.store.place import place
from ensemble.sweep import Point, Sweep, told_point
from ensemble.tally import Source, Stretch, Sums
from ensemble.together import left_out
from ensemble.values import Value


@final
@dataclass(frozen=True)
class Case:
    """Points to be judged together, at one checkpoint or several."""

    store: str
    """Path or URL of the store, seen from the worker."""
    stop: Stop
    points: tuple[Mapping[str, Value], ...]
    cells: tuple[tuple[int, ...], ...]
    """Where the points lie in the grid of the store."""
    failed: frozenset[int]
    """Realizations that failed at one of them, and count at none."""
    first: int
    """Number of the first checkpoint to judge at."""
    last: int
    """Number of the last one that is complete."""
    most: int
    """Realizations that a point has at most."""
    known: tuple[Sums, ...] = ()
    """Of each point, as the last judgement left it; () where there was none."""
    known_at: int = -1
    """Number of the checkpoint at which that was."""

    @property
    def source(self) -> Source:
        """What its sums are made of."""
        return Source(self.store, self.stop.observable, self.failed)


@final
@dataclass(frozen=True)
class Verdict:
    """What a point says at a checkpoint; nan where the quantity cannot be told."""

    value: float
    error: float


@final
@dataclass(frozen=True)
class Ruling:
    """What a judgement ends with: at the first checkpoint at which all errors are small enough, or at the last."""

    number: int
    """Of the checkpoint."""
    count: int
    """Realizations that it looked at."""
    verdicts: tuple[Verdict | None, ...]
    """Of each point; None for those that are a reference to others."""
    met: bool
    known: tuple[Sums, ...]


def check(sweep: Sweep) -> None:
    """Refuse a stop rule whose quantity the sweep has not, before anything starts."""
    stop = sweep.stop
    if stop is None:
        return
    try:
        _check(sweep, stop)
    except EnsembleError as error:
        raise SweepError(f"[stop] asks for {stop}, but {error}") from error


def groups(sweep: Sweep) -> list[tuple[Point, ...]]:
    """The points of a sweep, those together that are judged together."""
    tied = dict(sweep.stop.reference) if sweep.stop else {}
    found: dict[tuple[Value, ...], list[Point]] = {}
    for point in sweep.points:
        key = tuple(value for name, value in point.values if name not in tied)
        found.setdefault(key, []).append(point)
    return [tuple(points) for points in found.values()] if tied else [(point,) for point in sweep.points]


def ahead(case: Case) -> tuple[Source, list[Stretch]]:
    """What a judgement sums up if it looks at all checkpoints; where that is much, tasks may share it."""
    return case.source, tally.ahead(case.stop, case.cells, case.most, case.known_at, case.last)


def judge(case: Case, *portions: Sequence[Sums]) -> Ruling:
    """Look at one checkpoint after the other until the errors are small enough.

    The sums over what is `ahead` may be given, in portions.
    """
    array = open_array(place(case.store), case.stop.observable)
    t = read(open_array(place(case.store), "t")).astype(np.float64) if array.ndim > _rank(case) else None
    number, known, known_at = case.first, case.known, case.known_at
    given = list(itertools.chain(*portions))
    while True:
        stretches = tally.ahead(case.stop, case.cells, case.most, known_at, number)
        new = given[: len(stretches)] or tally.total(case.source, stretches)
        known, known_at = tally.extended(case.stop, known, known_at, new, len(case.cells)), number
        given = given[len(stretches) :]
        verdicts = evaluate(case.stop, case.points, [_estimate(sums) for sums in known], t)
        met = all(case.stop.met(each.value, each.error) for each in verdicts if each)
        count = case.stop.checkpoint(number, case.most)
        following = case.stop.following(number, worst(case.stop, verdicts), case.most)
        if met or count == case.most or following > case.last:
            return Ruling(number, count, verdicts, met, known)
        number = following


def worst(stop: Stop, verdicts: Iterable[Verdict | None]) -> float:
    """The largest error in units of the one that is asked for; nan where one cannot be told."""
    excess = [stop.excess(each.value, each.error) for each in verdicts if each is not None]
    return math.nan if any(map(math.isnan, excess)) else max(excess)


def evaluate(
    stop: Stop,
    points: Sequence[Mapping[str, Value]],
    estimates: Sequence[Estimate | None],
    t: NDArray[np.float64] | None,
) -> tuple[Verdict | None, ...]:
    """The quantity of a rule at some points, with its error; None for points that are a reference."""
    reference = dict(stop.reference)
    verdicts: list[Verdict | None] = []
    for point, estimate in zip(points, estimates, strict=True):
        if stop.refers_to(point):
            verdicts.append(None)
            continue
        others = [
            Member(each, 0, other)
            for each, other in zip(points, estimates, strict=True)
            if other is not None and reference and {**point, **reference} == {**each}
        ]
        verdicts.append(_verdict(stop, point, estimate, others, t))
    return tuple(verdicts)


def _verdict(
    stop: Stop,
    point: Mapping[str, Value],
    estimate: Estimate | None,
    others: list[Member],
    t: NDArray[np.float64] | None,
) -> Verdict:
    if estimate is None:
        return Verdict(math.nan, math.nan)
    if stop.quantity == MEAN:
        at = () if t is None or stop.at is None else int(np.argmin(np.abs(t - stop.at)))
        return Verdict(float(estimate.value[at]), float(estimate.error[at]))
    options: dict[str, Any] = {"window": stop.window} if stop.window else {}
    if stop.reference:
        options["reference"] = dict(stop.reference)
    dim, x = ("", np.empty(0)) if t is None else ("t", t)
    family = Family(dim, x, (Member(point, 0, estimate), *others))
    try:
        (fitted,) = fit_each(family, stop.quantity, **options)
    except (EnsembleError, ArithmeticError, np.linalg.LinAlgError):
        return Verdict(math.nan, math.nan)  # too little to fit yet
    parameter = stop.parameter or TELLING[stop.quantity]
    return Verdict(fitted.fit.values.get(parameter, math.nan), fitted.fit.errors.get(parameter, math.nan))


def _estimate(sums: Sums) -> Estimate | None:
    """Mean and jackknife of a point; None where fewer than two groups have a realization."""
    filled = sums.counts > 0
    if filled.sum() < 2:
        return None
    counts = sums.counts[filled]
    return Estimate.of_blocks(sums.sums[filled] / counts.reshape(-1, *[1] * (sums.sums.ndim - 1)), counts)


def _rank(case: Case) -> int:
    return len(case.cells[0]) + 1


def _check(sweep: Sweep, stop: Stop) -> None:
    observable = sweep.observables[stop.observable]
    curve = is_curve(stop.observable, observable.dims, observable.dtype)
    if stop.quantity == MEAN:
        _check_mean(sweep, stop, curve)
    else:
        if stop.quantity == COMPARE:
            raise SweepError(f"{COMPARE} fits several laws: choose one of {', '.join(LAWS)}")
        check_law(stop.quantity, curve, reference=bool(stop.reference), window=stop.window is not None)
        if stop.at is not None:
            raise SweepError("a law has no time at which it is read: leave out at")
        if stop.window and not any(each > 0 and stop.window[0] <= each <= stop.window[1] for each in sweep.coords["t"]):
            raise SweepError("no time of the sweep lies in the window: move it, or leave it out")
        known = PARAMETERS[stop.quantity]
        if stop.parameter is not None and stop.parameter not in known:
            raise SweepError(f"{stop.parameter!r} is no parameter of that law: {cure(stop.parameter, known, 'it has')}")
    for name, value in stop.reference:
        if name not in sweep.axes or value not in sweep.axes[name]:
            raise SweepError(f"the reference {told_point({name: value})} is no point of the sweep: add it to [axes]")
    reference = dict(stop.reference)
    if left := left_out(reference, sweep.together):
        told = told_point(reference)
        raise SweepError(f"the reference {told} must name all axes that vary together, but {left} is missing")
    if not sweep.holds(reference):
        raise SweepError(f"the reference {told_point(reference)} is no point of the sweep: these do not go together")
    if all(stop.refers_to(dict(point.values)) for point in sweep.points):
        raise SweepError("all points are the reference: add others to [axes]")


def _check_mean(sweep: Sweep, stop: Stop, curve: bool) -> None:
    for key in ("parameter", "window", "reference"):
        if getattr(stop, key):
            raise SweepError(f"a mean has no {key}: leave it out, or ask for a law, one of {', '.join(LAWS)}")
    if not curve:
        if stop.at is not None:
            raise SweepError(f"{stop.observable} is a number and not a function of t: leave out at")
        return
    t = sweep.coords["t"]
    if stop.at is None:
        raise SweepError(f"{stop.observable} is a function of t: say at which time, at = {t[-1]:g} for the last")
    if not t[0] <= stop.at <= t[-1]:
        raise SweepError(f"at must be from {t[0]:g} to {t[-1]:g}, the times of the sweep")
