"""How far points are to go: to the realizations that the sweep asks for, or from one judgement to the next.

A group is a point, or the points that a stop rule judges together. It has a goal, the realizations that all its points
are to have; when they are there it is judged, and has enough or gets a new goal.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ensemble.judge import Case, Ruling, worst
from ensemble.run.deadline import Deadline
from ensemble.stop import Stop
from ensemble.store import Ledger, Slot, Status
from ensemble.sweep import Point, Sweep
from ensemble.tally import Sums
from ensemble.task import Job

_CAUTION = 1.25
"""A task is expected to take so many times what was measured, where there must be an end."""
_LANDING = 0.5
"""Seconds that it takes until what was computed is on disk and the driver has heard of it."""


@final
@dataclass(frozen=True)
class Order:
    """A portion of work: realizations to compute and to land."""

    job: Job
    slots: tuple[Slot, ...]
    batch: int
    """Realizations in one task, at most."""
    cost: float = 0.0
    """What a realization takes on one core, as far as is known."""
    memory: int = 0
    """Bytes that it takes, where that is much."""
    split: bool = False
    """Whether landing is a task of its own even where one task could do all."""
    alone: bool = False
    """Whether nothing else may be in flight, so that a worker's death can only be this one's fault."""
    others: tuple["Order", ...] = ()
    """Orders of other points that the same task computes, because each of them is short."""

    @property
    def count(self) -> int:
        """Its realizations, those of the others not counted."""
        return sum(len(slot.indices) for slot in self.slots)

    @property
    def seconds(self) -> float:
        """What it takes on one core, with the others."""
        return self.count * self.cost + sum(each.seconds for each in self.others)

    @property
    def is_brief(self) -> bool:
        """Whether one task does all of it, needs little memory, and could do more."""
        return self.whole and not self.memory and self.count < self.batch

    @property
    def whole(self) -> bool:
        """Whether one task does all of it."""
        return not self.split and (len(self.slots) > 1 or len(self.slots[0].indices) <= self.batch)


@final
@dataclass(frozen=True)
class Room:
    """What may still be started before a deadline."""

    deadline: Deadline
    workers: int
    backlog: float
    """Core seconds of what is in flight."""
    idle: int
    """Workers with nothing to do."""

    def fitted(self, order: Order) -> Order | None:
        """As much of an order as is expected to be over in time; None if that is nothing."""
        count = self._fits(order)
        if count >= order.count:
            return order
        slots = []
        for slot in order.slots:
            if count > 0:
                slots.append(replace(slot, indices=slot.indices[:count]))
            count -= len(slot.indices)
        return replace(order, slots=tuple(slots)) if slots else None

    def _fits(self, order: Order) -> int:
        """How many realizations of an order are expected to be over in time."""
        left = (self.deadline.left - _LANDING) / _CAUTION
        later = left - self.backlog / self.workers  # by then a worker is free, whoever has the backlog
        cost = max(order.cost, 1e-9)
        if order.whole:
            return math.floor((left if self.idle else later) / cost)
        task = order.batch * cost
        at_once = self.idle * math.floor(left / task)
        in_turn = 1 + math.floor((later / task - 1) * self.workers)
        return order.batch * max(at_once, in_turn if later >= task else 0)


@final
class Group:
    """Points that go together, and what is still to be computed of them."""

    def __init__(
        self, sweep: Sweep, ledger: Ledger, points: tuple[Point, ...], *, retry_failed: bool, keep: int
    ) -> None:
        self.points = points
        self.cells = tuple(ledger.layout.cell(point) for point in points if ledger.layout.holds(point))
        self.goal = sweep.realizations
        """Realizations that each point is to have."""
        self.settled = True
        """Whether there will be no further goal."""
        self.met = False
        """Whether the errors are small enough."""
        self._stop, self._most = sweep.stop, sweep.realizations
        self._ledger, self._retry, self._keep = ledger, retry_failed, keep
        self._number = -1
        """The checkpoint at which it was judged last."""
        self._following = 0
        """The one at which it is to be judged next."""
        self._known: tuple[Sums, ...] = ()
        self._excess = math.nan
        """The largest error in units of the one that is asked for."""
        if sweep.stop:
            self._resume(sweep.stop)
        self.outstanding = sum(self.missing())
        """Realizations up to the goal that have not landed."""

    def _resume(self, stop: Stop) -> None:
        """Find the first goal: what the last judgement found enough, or the last checkpoint that is complete."""
        there = self._complete()
        judged, met = self._judged(stop)
        if judged and judged <= there and (met or judged == self._most):
            self.goal, self.met = judged, met
            return
        passed = [each for each in stop.checkpoints(self._most) if each <= there]
        self.goal, self.settled = (passed or [stop.least])[-1], False

    def _judged(self, stop: Stop) -> tuple[int, bool]:
        """At which checkpoint this rule has looked at the points last, 0 if at none, and whether errors were small."""
        if len(self.cells) < len(self.points) or self._ledger.layout.asked.get("stop") != stop.told:
            return 0, False
        cells = zip(self.cells, self.points, strict=True)
        found = [self._ledger.points.target(at) for at, point in cells if not stop.refers_to(dict(point.values))]
        counts = {n for n, _, _ in found}
        count = counts.pop() if len(counts) == 1 else 0  # after a kill, some may not have been looked at yet
        known = count in stop.checkpoints(self._most)
        return count if known else 0, all(stop.met(value, error) for _, value, error in found)

    def _complete(self) -> int:
        """How many first realizations all points have."""
        if len(self.cells) < len(self.points):
            return 0
        least = self._most
        for cell in self.cells:
            status = self._ledger.status[cell][: self._most]
            lacking = status != Status.DONE if self._retry else status == Status.TODO
            least = min(least, int(lacking.argmax()) if lacking.any() else len(status))
        return least

    @property
    def wanted(self) -> int:
        """Realizations that all points together are to have."""
        return self.goal * len(self.points)

    def counted(self, status: Status) -> int:
        """How many of these have a status."""
        return sum(self._ledger.count(point, status, self.goal) for point in self.points)

    def missing(self) -> list[int]:
        """How many each point lacks."""
        return [self._ledger.count_missing(each, self.goal, retry_failed=self._retry) for each in self.points]

    def slots(self, first: int = 0) -> Iterator[tuple[Point, Slot]]:
        """What is to be computed from some realization on to reach the goal, chunk by chunk, the points in turn."""

        def lacking(point: Point) -> Iterator[tuple[Point, Slot]]:
            slots = self._ledger.missing(point, self.goal, first=first, retry_failed=self._retry)
            return ((point, slot) for slot in slots)

        for portion in itertools.zip_longest(*map(lacking, self.points)):
            yield from (each for each in portion if each is not None)

    @property
    def is_ready(self) -> bool:
        """Whether it is to be judged now."""
        return not self.settled and not self.outstanding

    def case(self) -> Case:
        """What is to be judged."""
        assert self._stop is not None
        at_goal = (np.flatnonzero(self._ledger.status[cell][: self.goal] == Status.FAILED) for cell in self.cells)
        return Case(
            store=str(self._ledger.path),
            stop=self._stop,
            points=tuple(dict(point.values) for point in self.points),
            cells=self.cells,
            failed=frozenset(index for failed in at_goal for index in failed.tolist()),
            first=self._following if self._known else 0,
            last=list(self._stop.checkpoints(self._most)).index(self.goal),
            most=self._most,
            known=self._known,
            known_at=self._number if self._known else -1,
        )

    @property
    def size(self) -> int:
        """How many numbers the observable that is judged has in a realization."""
        assert self._stop is not None
        layout = self._ledger.layout
        return math.prod(len(layout.coords[dim]) for dim in layout.observables[self._stop.observable].dims)

    def rule(self, ruling: Ruling) -> int:
        """Take note of a judgement and set the next goal; returns the one before."""
        assert self._stop is not None
        before, self._number = self.goal, ruling.number
        self._excess = worst(self._stop, ruling.verdicts)
        self._following = self._stop.following(ruling.number, self._excess, self._most)
        self.met, self.settled = ruling.met, ruling.met or ruling.count == self._most
        kept = not self.settled and sum(each.sums.nbytes for each in ruling.known) <= self._keep
        self._known = ruling.known if kept else ()
        self.goal = ruling.count if self.settled else self._stop.checkpoint(self._following, self._most)
        ahead = () if self.settled else self.slots(before)  # those before, even if they failed again, are behind
        self.outstanding = sum(len(slot.indices) for _, slot in ahead)
        for cell, each in zip(self.cells, ruling.verdicts, strict=True):
            if each is not None:
                self._ledger.points.found(cell, ruling.count, each.value, each.error)
        return before

    @property
    def expected(self) -> int:
        """Realizations that each point will have in the end, as far as can be told: errors fall like 1/sqrt(n)."""
        if self.settled or self._stop is None or math.isnan(self._excess):
            return self.goal
        judged = self._stop.checkpoint(self._number, self._most)
        return max(self.goal, self._stop.enough(judged, self._excess, self._most))
