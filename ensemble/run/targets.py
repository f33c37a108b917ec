"""Work items, and how many realizations each group of points needs.

A group is one point, or several points that a stop rule evaluates together. Its goal is a number of realizations per
point. When all points have reached the goal, the stop rule is evaluated: the group is complete, or it gets a new goal,
the next checkpoint. Without a stop rule the goal is the number of realizations of the sweep.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ensemble.realization.compute import ComputeTask
from ensemble.run.adaptive_stopping import Checkpoint, Decisions, worst
from ensemble.run.deadline import Deadline
from ensemble.run.prefix_sums import PrefixSums
from ensemble.store import ChunkRegion, Ledger, Status
from ensemble.sweep import Point, Sweep
from ensemble.sweep.stop_rule import StopRule

_CAUTION = 1.25
"""Safety factor before a deadline: a task may take this many times its measured duration."""
_LANDING = 0.5
"""Seconds until a finished result is on disk and the driver has its receipt."""


@final
@dataclass(frozen=True)
class WorkItem:
    """Realizations of one point to compute and write."""

    job: ComputeTask
    """What the tasks have in common: store, model, seed, observables."""
    slots: tuple[ChunkRegion, ...]
    """Chunks of the store, and the realizations to compute in each."""
    batch: int
    """Maximum number of realizations per task."""
    cost: float = 0.0
    """Seconds of one realization on one core, as far as known."""
    memory: int = 0
    """Bytes of memory that one realization takes; 0 if it takes little."""
    split: bool = False
    """Whether the chunk is written by a separate task, even if one task could compute and write it."""
    alone: bool = False
    """Whether no other task may be in flight, so that the death of a worker can only be caused by this one."""
    others: tuple["WorkItem", ...] = ()
    """Work items of other points that the same task computes, because each of them is short."""

    @property
    def count(self) -> int:
        """Number of realizations, without those of `others`."""
        return sum(len(slot.indices) for slot in self.slots)

    @property
    def seconds(self) -> float:
        """Core seconds, with those of `others`."""
        return self.count * self.cost + sum(each.seconds for each in self.others)

    @property
    def is_brief(self) -> bool:
        """Whether one task does all of it and has room for more, and a realization takes little memory."""
        return self.whole and not self.memory and self.count < self.batch

    @property
    def whole(self) -> bool:
        """Whether one task computes and writes all of it."""
        return not self.split and (len(self.slots) > 1 or len(self.slots[0].indices) <= self.batch)


@final
@dataclass(frozen=True)
class Capacity:
    """How much work can be started before a deadline."""

    deadline: Deadline
    workers: int
    """Number of workers."""
    backlog: float
    """Core seconds of the work items in flight."""
    idle: int
    """Number of workers without a task."""

    def fitted(self, item: WorkItem) -> WorkItem | None:
        """The part of a work item that is expected to finish in time; None if that is nothing."""
        count = self._fits(item)
        if count >= item.count:
            return item
        slots = []
        for slot in item.slots:
            if count > 0:
                slots.append(replace(slot, indices=slot.indices[:count]))
            count -= len(slot.indices)
        return replace(item, slots=tuple(slots)) if slots else None

    def _fits(self, item: WorkItem) -> int:
        """Number of realizations of a work item that are expected to finish in time."""
        left = (self.deadline.left - _LANDING) / _CAUTION
        later = left - self.backlog / self.workers  # time left once a worker has finished its share of the backlog
        cost = max(item.cost, 1e-9)
        if item.whole:
            return math.floor((left if self.idle else later) / cost)
        task = item.batch * cost
        at_once = self.idle * math.floor(left / task)
        in_turn = 1 + math.floor((later / task - 1) * self.workers)
        return item.batch * max(at_once, in_turn if later >= task else 0)


@final
class PointGroup:
    """A group of points, its goal, and the realizations that are missing up to the goal."""

    def __init__(
        self, sweep: Sweep, ledger: Ledger, points: tuple[Point, ...], *, retry_failed: bool, keep: int
    ) -> None:
        self.points = points
        self.cells = tuple(ledger.layout.cell(point) for point in points if ledger.layout.holds(point))
        self.goal = sweep.realizations
        """Realizations that each point needs."""
        self.settled = True
        """Whether the goal is final."""
        self.met = False
        """Whether the errors are small enough."""
        self._stop, self._most = sweep.stop, sweep.realizations
        self._ledger, self._retry, self._keep = ledger, retry_failed, keep
        self._number = -1
        """Number of the checkpoint of the last decision; -1 before the first."""
        self._following = 0
        """Number of the next checkpoint to evaluate."""
        self._known: tuple[PrefixSums, ...] = ()
        self._excess = math.nan
        """The largest error in units of the allowed error; nan if unknown."""
        if sweep.stop:
            self._resume(sweep.stop)
        self.outstanding = sum(self.missing())
        """Realizations up to the goal that have not been written."""

    def _resume(self, stop: StopRule) -> None:
        """Find the first goal: the last decision if it is final, or else the last complete checkpoint."""
        complete = self._count_complete()
        decided, met = self._last_decision(stop)
        if decided and decided <= complete and (met or decided == self._most):
            self.goal, self.met = decided, met
            return
        passed = [each for each in stop.checkpoints(self._most) if each <= complete]
        self.goal, self.settled = (passed or [stop.least])[-1], False

    def _last_decision(self, stop: StopRule) -> tuple[int, bool]:
        """The checkpoint of the last recorded decision of this rule, 0 if none, and whether it met the target."""
        if len(self.cells) < len(self.points) or self._ledger.layout.asked.get("stop") != stop.told:
            return 0, False
        cells = zip(self.cells, self.points, strict=True)
        found = [self._ledger.points.target(at) for at, point in cells if not stop.refers_to(dict(point.values))]
        counts = {decided_at for decided_at, _, _ in found}
        count = counts.pop() if len(counts) == 1 else 0  # after a kill, some decisions may be missing
        known = count in stop.checkpoints(self._most)
        return count if known else 0, all(stop.met(value, error) for _, value, error in found)

    def _count_complete(self) -> int:
        """How many of the first realizations are complete at all points, without a gap."""
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
        """Realizations that all points of the group need, summed."""
        return self.goal * len(self.points)

    def counted(self, status: Status) -> int:
        """Number of these realizations with a status."""
        return sum(self._ledger.count(point, status, self.goal) for point in self.points)

    def missing(self) -> list[int]:
        """Number of missing realizations of each point."""
        return [self._ledger.count_missing(each, self.goal, retry_failed=self._retry) for each in self.points]

    def slots(self, first: int = 0) -> Iterator[tuple[Point, ChunkRegion]]:
        """The chunks to compute up to the goal, from realization `first` on, alternating between the points."""

        def lacking(point: Point) -> Iterator[tuple[Point, ChunkRegion]]:
            slots = self._ledger.missing(point, self.goal, first=first, retry_failed=self._retry)
            return ((point, slot) for slot in slots)

        for row in itertools.zip_longest(*map(lacking, self.points)):
            yield from (each for each in row if each is not None)

    @property
    def is_ready(self) -> bool:
        """Whether the stop rule can be evaluated now."""
        return not self.settled and not self.outstanding

    def case(self) -> Checkpoint:
        """The input of the next evaluation of the stop rule."""
        assert self._stop is not None
        at_goal = (np.flatnonzero(self._ledger.status[cell][: self.goal] == Status.FAILED) for cell in self.cells)
        return Checkpoint(
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
        """Number of values in one realization of the observable that the stop rule uses."""
        assert self._stop is not None
        layout = self._ledger.layout
        return math.prod(len(layout.coords[dim]) for dim in layout.observables[self._stop.observable].dims)

    def rule(self, decisions: Decisions) -> int:
        """Record the decisions of the stop rule and set the next goal; returns the previous goal."""
        assert self._stop is not None
        before, self._number = self.goal, decisions.number
        self._excess = worst(self._stop, decisions.verdicts)
        self._following = self._stop.following(decisions.number, self._excess, self._most)
        self.met, self.settled = decisions.met, decisions.met or decisions.count == self._most
        kept = not self.settled and sum(each.sums.nbytes for each in decisions.known) <= self._keep
        self._known = decisions.known if kept else ()
        self.goal = decisions.count if self.settled else self._stop.checkpoint(self._following, self._most)
        ahead = () if self.settled else self.slots(before)  # realizations below the old goal are not tried again
        self.outstanding = sum(len(slot.indices) for _, slot in ahead)
        for cell, each in zip(self.cells, decisions.verdicts, strict=True):
            if each is not None:
                self._ledger.points.found(cell, decisions.count, each.value, each.error)
        return before

    @property
    def expected(self) -> int:
        """Expected number of realizations per point at the end, if errors decrease as 1/sqrt(n)."""
        if self.settled or self._stop is None or math.isnan(self._excess):
            return self.goal
        count = self._stop.checkpoint(self._number, self._most)
        return max(self.goal, self._stop.enough(count, self._excess, self._most))
