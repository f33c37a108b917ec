"""Work queue of a run: work items of all groups of points in turn, until each group has enough realizations.

All points advance together, expensive ones first. Groups that have enough leave the workers to the others.
"""

import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import final

from ensemble.realization.compute import ComputeTask
from ensemble.run import adaptive_stopping
from ensemble.run.adaptive_stopping import Decisions
from ensemble.run.summary import Summary
from ensemble.run.targets import Capacity, PointGroup, WorkItem
from ensemble.store import ChunkRegion, Ledger, Receipt, Status
from ensemble.sweep import Point, Sweep

_KEPT_BYTES = 64 * 2**20
"""Maximum memory for block sums that are kept between checkpoints; sums beyond it are computed from the store again."""


@final
class _Supply(Iterator[tuple[Point, ChunkRegion]]):
    """The missing chunks of a group, in order; chunks that cannot be started now are put back."""

    def __init__(self, group: PointGroup, slots: Iterator[tuple[Point, ChunkRegion]]) -> None:
        self.group, self._slots = group, slots
        self._back: deque[tuple[Point, ChunkRegion]] = deque()

    def __next__(self) -> tuple[Point, ChunkRegion]:
        return self._back.popleft() if self._back else next(self._slots)

    def give_back(self, point: Point, slots: Sequence[ChunkRegion]) -> None:
        self._back.extendleft((point, slot) for slot in reversed(slots))


@final
class WorkQueue:
    """The groups of a sweep, their missing realizations, and what those cost."""

    def __init__(self, sweep: Sweep, ledger: Ledger, *, retry_failed: bool = False) -> None:
        self._sweep, self._ledger, self._retry = sweep, ledger, retry_failed
        self._costs: Mapping[Point, float] = {}
        self._batches: Mapping[Point, int] = {}
        self._time_limit: float | None = None
        self._jobs: dict[Point, ComputeTask] = {}
        groups = adaptive_stopping.groups(sweep)
        keep = _KEPT_BYTES // len(groups)
        self._groups = [PointGroup(sweep, ledger, points, retry_failed=retry_failed, keep=keep) for points in groups]
        self._group_of = {cell: group for group in self._groups for cell in group.cells}
        self._supplies: deque[_Supply] = deque()
        self._ready = deque(group for group in self._groups if group.is_ready)
        self.summary = Summary(
            wanted=sum(group.wanted for group in self._groups),
            found=sum(group.counted(Status.DONE) for group in self._groups),
            failed=0 if retry_failed else sum(group.counted(Status.FAILED) for group in self._groups),
        )
        self._update_summary()

    def begin(
        self, costs: Mapping[Point, float], batches: Mapping[Point, int], time_limit: float | None = None
    ) -> None:
        """Start to hand out work, with the cost of a realization and the batch size of each point."""
        self._costs, self._batches, self._time_limit = costs, batches, time_limit
        expensive_first = sorted(self._groups, key=lambda group: -max(costs.get(point, 0.0) for point in group.points))
        self._supplies.extend(_Supply(group, group.slots()) for group in expensive_first if group.outstanding)

    def take(self, capacity: Capacity | None = None) -> WorkItem | None:
        """The next work item; with a deadline, one that is expected to finish in time. None if there is none now."""
        for _ in range(len(self._supplies)):
            supply = self._supplies.popleft()
            first = next(supply, None)
            if first is None:
                continue
            self._supplies.append(supply)
            item = self._make_item(supply.group, *first, supply)
            fitted = capacity.fitted(item) if capacity else item
            if fitted:
                return fitted  # if only a part fits, the next run computes the rest
            supply.give_back(first[0], item.slots)  # it may fit later, when workers are idle
        return None

    @property
    def waiting(self) -> int:
        """Number of groups of points that have work to hand out."""
        return len(self._supplies)

    def _make_item(self, group: PointGroup, point: Point, slot: ChunkRegion, supply: "_Supply") -> WorkItem:
        """A work item that begins with one chunk; several whole chunks of a cheap point are combined."""
        batch = self._batches[point]
        more = max(1, batch // self._ledger.layout.chunk) - 1 if len(group.points) == 1 else 0
        slots = (slot, *(each for _, each in itertools.islice(supply, more)))
        if point not in self._jobs:
            store, token = self._ledger.path, self._ledger.token
            seed, observables = self._sweep.seed, self._sweep.observables
            key = self._ledger.layout.key(self._ledger.layout.cell(point))
            self._jobs[point] = ComputeTask.at(store, point.model, seed, observables, self._time_limit, token, key)
        return WorkItem(self._jobs[point], slots, batch, cost=self.cost(point), memory=point.memory)

    def landed(self, receipt: Receipt) -> None:
        """Record that realizations are on disk."""
        self.summary.count(receipt)
        group = self._group_of[receipt.slot.cell]
        group.outstanding -= len(receipt.slot.indices)
        if group.is_ready:
            self._ready.append(group)

    def to_judge(self) -> PointGroup | None:
        """The next group that has reached a checkpoint; None if there is none now."""
        return self._ready.popleft() if self._ready else None

    def judged(self, group: PointGroup, decisions: Decisions) -> None:
        """Record the decisions for a group: it has enough realizations, or continues to its next checkpoint."""
        wanted, done, failed = group.wanted, group.counted(Status.DONE), group.counted(Status.FAILED)
        before = group.rule(decisions)
        self.summary.wanted += group.wanted - wanted
        self.summary.found += group.counted(Status.DONE) - done  # `found` counts up to the goal, which moved
        if not self._retry:  # with `retry_failed`, receipts count the failures
            self.summary.failed += group.counted(Status.FAILED) - failed
        if group.is_ready:
            self._ready.append(group)
        elif not group.settled:
            self._supplies.append(_Supply(group, group.slots(before)))
        self._update_summary()

    def cost(self, point: Point) -> float:
        """Seconds of one realization of a point on one core: the last recorded time, or else the measured one."""
        layout = self._ledger.layout
        recorded = self._ledger.points.core_seconds(layout.cell(point)) if layout.holds(point) else math.nan
        return self._costs.get(point, 0.0) if math.isnan(recorded) else recorded

    @property
    def core_seconds_left(self) -> float:
        """Core seconds of the remaining work, up to the expected number of realizations."""
        return sum(
            self.cost(point) * (missing + max(0, group.expected - group.goal))
            for group in self._groups
            if group.outstanding or not group.settled
            for point, missing in zip(group.points, group.missing(), strict=True)
        )

    @property
    def expected(self) -> int:
        """Expected number of realizations of the whole sweep at the end of the run."""
        return sum(group.expected * len(group.points) for group in self._groups)

    def _update_summary(self) -> None:
        self.summary.groups = len(self._groups) if self._sweep.stop else 0
        self.summary.met = sum(group.met for group in self._groups)
        self.summary.undecided = sum(not group.settled for group in self._groups)
