"""Evaluate the stop rule: the quantity and its standard error on the first realizations of each point.

If the quantity is a ratio to a reference, a point and its reference are evaluated together: they use the same first
realizations, and the group continues until every error in it is small enough. The evaluation is a Dask task. Its block
sums are kept for the next checkpoint. The same realizations give the same bits.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import EnsembleError, SweepError, remedy
from ensemble.fit.curve_family import CurveFamily, PointCurve
from ensemble.fit.store_fits import COMPARE, LAWS, MEAN, PARAMETERS, TELLING, fit_each, is_curve
from ensemble.fit.store_fits import check as check_law
from ensemble.reduce.jackknife import Estimate
from ensemble.run import prefix_sums
from ensemble.run.prefix_sums import BlockRange, PrefixSums, Source
from ensemble.store.integrity import open_array, read
from ensemble.store.location import parse_location
from ensemble.sweep.stop_rule import StopRule
from ensemble.sweep.sweep import Point, Sweep, format_point
from ensemble.sweep.toml_values import Value
from ensemble.sweep.zipped_axes import dropped_axes


@final
@dataclass(frozen=True)
class Checkpoint:
    """Input of one evaluation of the stop rule: a group of points, and the range of checkpoints to look at."""

    store: str
    """Path or URL of the store, as the worker sees it."""
    stop: StopRule
    points: tuple[Mapping[str, Value], ...]
    cells: tuple[tuple[int, ...], ...]
    """Grid indices of the points in the store."""
    failed: frozenset[int]
    """Realizations that failed at one of the points; they are excluded at all of them."""
    first: int
    """Number of the first checkpoint to evaluate."""
    last: int
    """Number of the last checkpoint whose realizations are complete."""
    most: int
    """Maximum number of realizations per point."""
    known: tuple[PrefixSums, ...] = ()
    """Block sums of each point from the previous evaluation; () if there was none."""
    known_at: int = -1
    """Number of the checkpoint that `known` belongs to; -1 if there is none."""

    @property
    def source(self) -> Source:
        """The store, observable and failed realizations that the block sums are computed from."""
        return Source(self.store, self.stop.observable, self.failed)


@final
@dataclass(frozen=True)
class Decision:
    """Value and standard error of the stop rule's quantity at one point; nan if it cannot be computed."""

    value: float
    error: float


@final
@dataclass(frozen=True)
class Decisions:
    """Result of an evaluation: at the first checkpoint where all errors are small enough, or else at the last one."""

    number: int
    """Number of the checkpoint."""
    count: int
    """Realizations per point at that checkpoint."""
    verdicts: tuple[Decision | None, ...]
    """One decision per point; None for points that are a reference of others."""
    met: bool
    """Whether all errors are small enough."""
    known: tuple[PrefixSums, ...]
    """Block sums of each point, kept for the next evaluation."""


def check(sweep: Sweep) -> None:
    """Raise SweepError if the sweep does not have the quantity of its stop rule; called before anything starts."""
    stop = sweep.stop
    if stop is None:
        return
    try:
        _check(sweep, stop)
    except EnsembleError as error:
        raise SweepError(f"[stop] asks for {stop}, but {error}") from error


def groups(sweep: Sweep) -> list[tuple[Point, ...]]:
    """The points of a sweep, grouped: points that differ only in the axes of the reference are in one group."""
    tied = dict(sweep.stop.reference) if sweep.stop else {}
    found: dict[tuple[Value, ...], list[Point]] = {}
    for point in sweep.points:
        key = tuple(value for name, value in point.values if name not in tied)
        found.setdefault(key, []).append(point)
    return [tuple(points) for points in found.values()] if tied else [(point,) for point in sweep.points]


def ahead(case: Checkpoint) -> tuple[Source, list[BlockRange]]:
    """The block ranges to sum if all checkpoints are evaluated; several tasks may share them."""
    return case.source, prefix_sums.ahead(case.stop, case.cells, case.most, case.known_at, case.last)


def decide(case: Checkpoint, *portions: Sequence[PrefixSums]) -> Decisions:
    """Evaluate one checkpoint after the other until all errors are small enough or the realizations are used up.

    `portions` are the sums over the ranges of `ahead`, in that order, if other tasks have computed them. Otherwise they
    are computed here.
    """
    array = open_array(parse_location(case.store), case.stop.observable)
    t = read(open_array(parse_location(case.store), "t")).astype(np.float64) if array.ndim > _rank(case) else None
    number, known, known_at = case.first, case.known, case.known_at
    given = list(itertools.chain(*portions))
    while True:
        ranges = prefix_sums.ahead(case.stop, case.cells, case.most, known_at, number)
        new = given[: len(ranges)] or prefix_sums.total(case.source, ranges)
        known, known_at = prefix_sums.extended(case.stop, known, known_at, new, len(case.cells)), number
        given = given[len(ranges) :]
        verdicts = evaluate(case.stop, case.points, [_estimate(sums) for sums in known], t)
        met = all(case.stop.met(each.value, each.error) for each in verdicts if each)
        count = case.stop.checkpoint(number, case.most)
        following = case.stop.following(number, worst(case.stop, verdicts), case.most)
        if met or count == case.most or following > case.last:
            return Decisions(number, count, verdicts, met, known)
        number = following


def worst(stop: StopRule, verdicts: Iterable[Decision | None]) -> float:
    """The largest error in units of the allowed error; nan if one of them is nan."""
    excess = [stop.excess(each.value, each.error) for each in verdicts if each is not None]
    return math.nan if any(map(math.isnan, excess)) else max(excess)


def evaluate(
    stop: StopRule,
    points: Sequence[Mapping[str, Value]],
    estimates: Sequence[Estimate | None],
    t: NDArray[np.float64] | None,
) -> tuple[Decision | None, ...]:
    """Value and error of the stop rule's quantity at each point; None for points that are a reference."""
    reference = dict(stop.reference)
    verdicts: list[Decision | None] = []
    for point, estimate in zip(points, estimates, strict=True):
        if stop.refers_to(point):
            verdicts.append(None)
            continue
        references = [
            PointCurve(each, 0, reference_estimate)
            for each, reference_estimate in zip(points, estimates, strict=True)
            if reference_estimate is not None and reference and {**point, **reference} == {**each}
        ]
        verdicts.append(_verdict(stop, point, estimate, references, t))
    return tuple(verdicts)


def _verdict(
    stop: StopRule,
    point: Mapping[str, Value],
    estimate: Estimate | None,
    references: list[PointCurve],
    t: NDArray[np.float64] | None,
) -> Decision:
    if estimate is None:
        return Decision(math.nan, math.nan)
    if stop.law == MEAN:
        at = () if t is None or stop.at is None else int(np.argmin(np.abs(t - stop.at)))
        return Decision(float(estimate.value[at]), float(estimate.error[at]))
    options: dict[str, Any] = {"window": stop.window} if stop.window else {}
    if stop.reference:
        options["reference"] = dict(stop.reference)
    dim, x = ("", np.empty(0)) if t is None else ("t", t)
    family = CurveFamily(dim, x, (PointCurve(point, 0, estimate), *references))
    try:
        (fitted,) = fit_each(family, stop.law, **options)
    except (EnsembleError, ArithmeticError, np.linalg.LinAlgError):
        return Decision(math.nan, math.nan)  # not enough data for the fit yet
    parameter = stop.parameter or TELLING[stop.law]
    return Decision(fitted.fit.values.get(parameter, math.nan), fitted.fit.errors.get(parameter, math.nan))


def _estimate(sums: PrefixSums) -> Estimate | None:
    """Mean and jackknife of a point; None if fewer than two blocks have a realization."""
    filled = sums.counts > 0
    if filled.sum() < 2:
        return None
    counts = sums.counts[filled]
    return Estimate.of_blocks(sums.sums[filled] / counts.reshape(-1, *[1] * (sums.sums.ndim - 1)), counts)


def _rank(case: Checkpoint) -> int:
    return len(case.cells[0]) + 1


def _check(sweep: Sweep, stop: StopRule) -> None:
    observable = sweep.observables[stop.observable]
    curve = is_curve(stop.observable, observable.dims, observable.dtype)
    if stop.law == MEAN:
        _check_mean(sweep, stop, curve)
    else:
        if stop.law == COMPARE:
            raise SweepError(f"{COMPARE} fits several laws: choose one of {', '.join(LAWS)}")
        check_law(stop.law, curve, reference=bool(stop.reference), window=stop.window is not None)
        if stop.at is not None:
            raise SweepError("a law has no time at which it is read: leave out at")
        if stop.window and not any(each > 0 and stop.window[0] <= each <= stop.window[1] for each in sweep.coords["t"]):
            raise SweepError("no time of the sweep lies in the window: move it, or leave it out")
        known = PARAMETERS[stop.law]
        if stop.parameter is not None and stop.parameter not in known:
            raise SweepError(
                f"{stop.parameter!r} is no parameter of that law: {remedy(stop.parameter, known, 'it has')}"
            )
    for name, value in stop.reference:
        if name not in sweep.axes or value not in sweep.axes[name]:
            raise SweepError(f"the reference {format_point({name: value})} is no point of the sweep: add it to [axes]")
    reference = dict(stop.reference)
    if missing := dropped_axes(reference, sweep.zipped_axes):
        shown = format_point(reference)
        raise SweepError(f"the reference {shown} must name all axes that vary together, but {missing} is missing")
    if not sweep.holds(reference):
        raise SweepError(f"the reference {format_point(reference)} is no point of the sweep: these do not go together")
    if all(stop.refers_to(dict(point.values)) for point in sweep.points):
        raise SweepError("all points are the reference: add others to [axes]")


def _check_mean(sweep: Sweep, stop: StopRule, curve: bool) -> None:
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
