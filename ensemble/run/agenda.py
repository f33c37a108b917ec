"""What is to be computed next: portions of all groups in turn, until each has what it is to have.

All points advance together, dear ones first. Those that have enough leave the workers to the others.
"""

import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import final

from ensemble import judge
from ensemble.judge import Ruling
from ensemble.run.group import Group, Order, Room
from ensemble.run.summary import Summary
from ensemble.store import Ledger, Receipt, Slot, Status
from ensemble.sweep import Point, Sweep
from ensemble.task import Job

_KEPT_BYTES = 64 * 2**20
"""What judgements leave for the next ones may take so much memory; where it would take more, data are read again."""


@final
class _Supply(Iterator[tuple[Point, Slot]]):
    """What a group still lacks, chunk by chunk; what cannot be started now is given back."""

    def __init__(self, group: Group, slots: Iterator[tuple[Point, Slot]]) -> None:
        self.group, self._slots = group, slots
        self._back: deque[tuple[Point, Slot]] = deque()

    def __next__(self) -> tuple[Point, Slot]:
        return self._back.popleft() if self._back else next(self._slots)

    def give_back(self, point: Point, slots: Sequence[Slot]) -> None:
        self._back.extendleft((point, slot) for slot in reversed(slots))


@final
class Agenda:
    """The groups of a sweep, what each still lacks, and what that takes."""

    def __init__(self, sweep: Sweep, ledger: Ledger, *, retry_failed: bool = False) -> None:
        self._sweep, self._ledger, self._retry = sweep, ledger, retry_failed
        self._costs: Mapping[Point, float] = {}
        self._batches: Mapping[Point, int] = {}
        self._time_limit: float | None = None
        self._jobs: dict[Point, Job] = {}
        groups = judge.groups(sweep)
        keep = _KEPT_BYTES // len(groups)
        self._groups = [Group(sweep, ledger, points, retry_failed=retry_failed, keep=keep) for points in groups]
        self._of = {cell: group for group in self._groups for cell in group.cells}
        self._open: deque[_Supply] = deque()
        self._ready = deque(group for group in self._groups if group.is_ready)
        self.summary = Summary(
            wanted=sum(group.wanted for group in self._groups),
            found=sum(group.counted(Status.DONE) for group in self._groups),
            failed=0 if retry_failed else sum(group.counted(Status.FAILED) for group in self._groups),
        )
        self._tell()

    def begin(
        self, costs: Mapping[Point, float], batches: Mapping[Point, int], time_limit: float | None = None
    ) -> None:
        """Make ready to hand out work: what a realization takes and may take, and how many make a task."""
        self._costs, self._batches, self._time_limit = costs, batches, time_limit
        dear_first = sorted(self._groups, key=lambda group: -max(costs.get(point, 0.0) for point in group.points))
        self._open.extend(_Supply(group, group.slots()) for group in dear_first if group.outstanding)

    def take(self, room: Room | None = None) -> Order | None:
        """The next portion, with a deadline one that fits; None if there is none now."""
        for _ in range(len(self._open)):
            supply = self._open.popleft()
            first = next(supply, None)
            if first is None:
                continue
            self._open.append(supply)
            order = self._order(supply.group, *first, supply)
            fitting = room.fitted(order) if room else order
            if fitting:
                return fitting  # if only a part fits, the rest is left to the next run
            supply.give_back(first[0], order.slots)  # it may fit when workers are idle
        return None

    @property
    def waiting(self) -> int:
        """How many points, or groups of points, have work to hand out."""
        return len(self._open)

    def _order(self, group: Group, point: Point, slot: Slot, others: "_Supply") -> Order:
        """A portion that begins with one chunk; whole chunks of a cheap point are taken several at once."""
        batch = self._batches[point]
        more = max(1, batch // self._ledger.layout.chunk) - 1 if len(group.points) == 1 else 0
        slots = (slot, *(each for _, each in itertools.islice(others, more)))
        if point not in self._jobs:
            store, token = self._ledger.path, self._ledger.token
            seed, observables = self._sweep.seed, self._sweep.observables
            key = self._ledger.layout.key(self._ledger.layout.cell(point))
            self._jobs[point] = Job.at(store, point.model, seed, observables, self._time_limit, token, key)
        return Order(self._jobs[point], slots, batch, cost=self.cost(point), memory=point.memory)

    def landed(self, receipt: Receipt) -> None:
        """Some realizations are on disk."""
        self.summary.count(receipt)
        group = self._of[receipt.slot.cell]
        group.outstanding -= len(receipt.slot.indices)
        if group.is_ready:
            self._ready.append(group)

    def to_judge(self) -> Group | None:
        """The next group that has reached a checkpoint; None if there is none now."""
        return self._ready.popleft() if self._ready else None

    def judged(self, group: Group, ruling: Ruling) -> None:
        """A judgement has come: the group has enough, or goes on to its next checkpoint."""
        wanted, done, failed = group.wanted, group.counted(Status.DONE), group.counted(Status.FAILED)
        before = group.rule(ruling)
        self.summary.wanted += group.wanted - wanted
        self.summary.found += group.counted(Status.DONE) - done  # beyond the goal they did not count yet, or no longer
        if not self._retry:  # or else they come with their receipts
            self.summary.failed += group.counted(Status.FAILED) - failed
        if group.is_ready:
            self._ready.append(group)
        elif not group.settled:
            self._open.append(_Supply(group, group.slots(before)))
        self._tell()

    def cost(self, point: Point) -> float:
        """What a realization of a point takes on one core: as it was timed last, or else measured beforehand."""
        layout = self._ledger.layout
        told = self._ledger.points.core_seconds(layout.cell(point)) if layout.holds(point) else math.nan
        return self._costs.get(point, 0.0) if math.isnan(told) else told

    @property
    def core_seconds_left(self) -> float:
        """What is left takes on one core, up to the goals that are expected to do."""
        return sum(
            self.cost(point) * (missing + max(0, group.expected - group.goal))
            for group in self._groups
            if group.outstanding or not group.settled
            for point, missing in zip(group.points, group.missing(), strict=True)
        )

    @property
    def expected(self) -> int:
        """Realizations that the sweep will have asked for in the end, as far as can be told."""
        return sum(group.expected * len(group.points) for group in self._groups)

    def _tell(self) -> None:
        self.summary.groups = len(self._groups) if self._sweep.stop else 0
        self.summary.met = sum(group.met for group in self._groups)
        self.summary.undecided = sum(not group.settled for group in self._groups)
