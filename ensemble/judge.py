"""Whether points have enough realizations: the quantity of a stop rule, with its error, on their first realizations.

Points are judged together where the quantity is a ratio to a reference: all of them have the same first realizations,
and none has enough before all have. Judging is a task like any other; what it reads is summed up in groups of
consecutive realizations, which the next judgement continues. The same realizations give the same bits.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import EnsembleError, SweepError, cure
from ensemble.fit.families import COMPARE, LAWS, MEAN, PARAMETERS, TELLING, Family, Member, fit_each, is_curve
from ensemble.fit.families import check as check_law
from ensemble.fit.jackknife import Estimate
from ensemble.stop import Stop
from ensemble.store.damage import open_array, read
from ensemble.sweep import Point, Sweep, told_point
from ensemble.values import Value

_READ_BYTES = 64 * 2**20
"""Read at once, about."""


@final
@dataclass(frozen=True)
class Sums:
    """The first realizations of a point, summed up in groups of consecutive ones."""

    sums: NDArray[np.float64]
    """(groups, times...)"""
    counts: NDArray[np.int64]
    """Realizations in each group; failed ones are left out."""


@final
@dataclass(frozen=True)
class Case:
    """Points to be judged together, at one checkpoint or several."""

    store: str
    """Path of the store, seen from the worker."""
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


def judge(case: Case) -> Ruling:
    """Look at one checkpoint after the other until the errors are small enough."""
    array = open_array(Path(case.store), case.stop.observable)
    t = read(open_array(Path(case.store), "t")).astype(np.float64) if array.ndim > _rank(case) else None
    number, known = case.first, case.known
    summed = case.known_at
    while True:
        for each in range(summed + 1, number + 1):
            known = tuple(
                _extended(case, each, array, cell, sums)
                for cell, sums in zip(case.cells, known or [None] * len(case.cells), strict=True)
            )
        summed = number
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
    family = Family(np.empty(0) if t is None else t, (Member(point, 0, estimate), *others))
    try:
        (fitted,) = fit_each(family, stop.quantity, **options)
    except (EnsembleError, ArithmeticError, np.linalg.LinAlgError):
        return Verdict(math.nan, math.nan)  # too little to fit yet
    parameter = stop.parameter or TELLING[stop.quantity]
    return Verdict(fitted.fit.values.get(parameter, math.nan), fitted.fit.errors.get(parameter, math.nan))


def _extended(case: Case, number: int, array: "zarr.Array[Any]", cell: tuple[int, ...], sums: Sums | None) -> Sums:
    """The sums of a point at a checkpoint, from those at the one before."""
    edges = [min(edge, case.most) for edge in case.stop.edges(number)]
    if sums is None:
        return _summed(array, cell, edges, case.failed)
    if case.stop.doubles(number):
        sums = Sums(sums.sums[0::2] + sums.sums[1::2], sums.counts[0::2] + sums.counts[1::2])
    more = _summed(array, cell, edges[len(sums.counts) :], case.failed)
    return Sums(np.concatenate([sums.sums, more.sums]), np.concatenate([sums.counts, more.counts]))


def _summed(array: "zarr.Array[Any]", cell: tuple[int, ...], edges: Sequence[int], failed: frozenset[int]) -> Sums:
    """Sums over the realizations between edges, read in portions that fit into memory."""
    shape = array.shape[len(cell) + 1 :]
    sums, counts = np.zeros((len(edges) - 1, *shape)), np.zeros(len(edges) - 1, np.int64)
    length = max(1, _READ_BYTES // (8 * math.prod(shape)))
    for start in range(edges[0], edges[-1], length):
        region: tuple[int | slice, ...] = (*cell, slice(start, min(start + length, edges[-1])))
        rows = read(array, region)
        kept = np.array([index not in failed for index in range(start, start + len(rows))])
        for group in range(len(counts)):
            inside = slice(max(0, edges[group] - start), max(0, edges[group + 1] - start))
            chosen = rows[inside][kept[inside]] if failed else rows[inside]
            sums[group] += chosen.sum(axis=0, dtype=np.float64)
            counts[group] += len(chosen)
    return Sums(sums, counts)


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
