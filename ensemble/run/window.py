"""The tasks in flight: submitted a few for each worker, topped up as they land."""

import itertools
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

from distributed import Client, Future, KilledWorker, as_completed

from ensemble.cluster import Rooms, threads, wish
from ensemble.cluster.client import LOST
from ensemble.errors import LockLost, RunError, StoreDamaged, StoreError
from ensemble.judge import Ruling, ahead, judge
from ensemble.run.agenda import Agenda
from ensemble.run.deadline import Deadline
from ensemble.run.flight import Flight, Hearing
from ensemble.run.group import Group, Order, Room
from ensemble.run.interruption import Interruption
from ensemble.run.pace import Pace
from ensemble.run.summary import Watch
from ensemble.store import Ledger, Outcome, Receipt
from ensemble.tally import portions, total
from ensemble.task import land_all, realize, realize_and_land

_FLUSH_SECONDS = 1.0
"""Receipts become status this often ..."""
_FLUSH_SHARE = 20
"""... or less, so that writing them takes no more than this part of the time."""
_TICK_SECONDS = 0.02
_KILLED = "KilledWorker: all workers that computed it died, at last with nothing else: out of memory, or of a crash"
"""What is told of a realization that kills workers; the same in every run."""
_TASKS_PER_WORKER = 3
"""In flight: enough that no worker waits for the driver, few enough that a million realizations stay cheap."""
_BRIEF_SECONDS = 0.25
"""What a task of several points takes at most: by itself, a task costs about ten milliseconds."""
_LANDING = 0.003
"""Seconds that a worker needs to write a chunk, about, whatever is in it."""


@final
class Window:
    """The tasks in flight: topped up as they land."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        agenda: Agenda,
        watch: Watch,
        interruption: Interruption,
        rooms: Rooms,
        deadline: Deadline | None = None,
    ) -> None:
        self.client, self.ledger, self.agenda = client, ledger, agenda
        self.watch, self.interruption, self.rooms, self.deadline = watch, interruption, rooms, deadline
        self.pace = Pace()
        self.flights: dict[Future[Any], Flight | Hearing] = {}
        self.completed = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        self.token, self.number = uuid.uuid4().hex, itertools.count()
        self.workers, self.flush_at = 1, 0.0
        self.suspects: list[Order | Group] = []

    def drive(self) -> None:
        """Submit, await, note; until there is nothing more to do, a signal asks to stop, or time is up."""
        try:
            while not self._is_over():
                self._now_and_then()
                self._top_up()
                if not self.flights and not self._try_a_suspect():
                    break
                if self.interruption.signal and not self.workers:
                    break  # nobody is left to land what is in flight
                for future, result in self._next():
                    if flight := self.flights.pop(future, None):  # or else it was submitted again
                        self._note(flight, result)
        finally:
            try:
                self.ledger.flush()
                if self.deadline and not self.interruption.signal and not self.agenda.summary.complete:
                    self.agenda.summary.deadline = self.deadline
            finally:
                if self.flights and self.client.status == "running":
                    self.client.cancel([task for each in self.flights.values() for task in each.futures])

    def _is_over(self) -> bool:
        return self.deadline is not None and self.deadline.left <= 0

    def _now_and_then(self) -> None:
        """What need not be done for every landing: write the book, see how many workers there are, look ahead."""
        if time.monotonic() > self.flush_at:
            began = time.monotonic()
            self.ledger.flush()
            taken = time.monotonic() - began
            before, self.workers = self.workers, threads(self.client)
            if before and not self.workers:
                self.watch.say("the cluster has no workers: waiting for some")
            self._look_ahead()
            self._rescue()
            self.flush_at = time.monotonic() + max(_FLUSH_SECONDS, _FLUSH_SHARE * taken)

    def _rescue(self) -> None:
        """Submit again what only workers may compute that have gone."""
        self.rooms.look()
        for flight in [each for each in self.flights.values() if isinstance(each, Flight)]:
            if self.rooms.gone(flight.workers) and not flight.landing.done():
                del self.flights[flight.landing]
                self.client.cancel(flight.futures)
                self._submit(flight.order)

    def _look_ahead(self) -> None:
        """Tell those who watch, and those who ask for the status, how long it will take."""
        wish(self.client, self.agenda.core_seconds_left)
        seconds = self.pace.seconds(self.agenda.core_seconds_left, self._backlog(), self.workers)
        wanted = self.agenda.expected
        self.watch.outlook(wanted, seconds)
        self.ledger.tell(
            workers=self.workers,
            rate=self.pace.rate,
            expected=wanted,
            left=seconds if math.isfinite(seconds) else None,
            deadline=self.deadline.told if self.deadline else None,
        )

    def _backlog(self) -> float:
        """Core seconds of what is in flight."""
        return sum(each.order.seconds for each in self.flights.values() if isinstance(each, Flight))

    def _top_up(self) -> None:
        """Judge what can be judged, and give the workers what they have room for."""
        tasks = sum(flight.tasks for flight in self.flights.values())
        room = _TASKS_PER_WORKER * max(1, self.workers)
        while tasks < room and (group := self.agenda.to_judge()):
            tasks += self._hear(group).tasks
        while not self.interruption.signal and tasks < room and (orders := self._take()):
            tasks += sum(self._submit(order).tasks for order in orders)

    def _take(self) -> list[Order]:
        """The next orders, if any; short ones of several points are combined into one."""
        first = self.agenda.take(self._room())
        if first is None:
            return []
        if not first.is_brief:
            return [first]
        most = self.agenda.waiting // (_TASKS_PER_WORKER * max(1, self.workers))  # all workers are to have some
        others: list[Order] = []
        seconds, filled = first.seconds + _LANDING, first.count / first.batch
        while len(others) < most and seconds < _BRIEF_SECONDS and filled < 1:
            order = self.agenda.take(self._room())
            if order is None:
                break
            if not order.is_brief:
                return [replace(first, others=tuple(others)), order]
            others.append(order)
            seconds += order.seconds + _LANDING
            filled += order.count / order.batch
        return [replace(first, others=tuple(others))]

    def _room(self) -> Room | None:
        if self.deadline is None:
            return None
        busy = sum(max(1, len(each.futures) - 1) for each in self.flights.values())
        return Room(self.deadline, max(1, self.workers), self._backlog(), max(0, self.workers - busy))

    def _try_a_suspect(self) -> bool:
        """Give what may have killed workers the cluster for itself; False if there is nothing of the kind."""
        if self.interruption.signal or not self.suspects:
            return False
        suspect = self.suspects.pop()
        _ = self._hear(suspect, alone=True) if isinstance(suspect, Group) else self._submit(suspect)
        return True

    def _hear(self, group: Group, *, alone: bool = False) -> Hearing:
        """Send a judgement on its way, before the orders that wait; where it reads much, several tasks do."""
        case, name = group.case(), self._name()
        source, stretches = ahead(case)
        divided = () if alone else portions(stretches, group.size)
        parts = tuple(
            self.client.submit(total, source, portion, key=f"total-{name}-{number}", priority=1)
            for number, portion in enumerate(divided)
            if len(divided) > 1
        )
        landing = self.client.submit(judge, case, *parts, key=f"judge-{name}", priority=1)
        hearing = Hearing(landing, parts, group, alone)
        self._track(hearing)
        return hearing

    def _submit(self, order: Order) -> Flight:
        """Send an order on its way, to workers with room for it: as one task, or as several that feed one landing."""
        job, slots, name = order.job, order.slots, self._name()
        options = self.rooms.options(order.memory)
        workers = tuple(options.get("workers", ()))
        indices = slots[0].indices
        if order.whole:
            work = [(each.job, each.slots) for each in (order, *order.others)]
            landing = self.client.submit(realize_and_land, work, key=f"realize_and_land-{name}", **options)
            return self._launch(Flight(landing, (), order, workers))
        starts = range(0, len(indices), order.batch)
        batches = [indices[at : at + order.batch] for at in starts]
        keys = [f"realize-{name}-{at}" for at in starts]
        parts = tuple(self.client.map(realize, [job] * len(keys), batches, key=keys, **options))
        landing = self.client.submit(land_all, job, slots[0], *parts, key=f"land-{name}")
        return self._launch(Flight(landing, parts, order, workers))

    def _name(self) -> str:
        """What no task of this run or another is called by."""
        return f"{self.token}-{next(self.number)}"

    def _launch(self, flight: Flight) -> Flight:
        self._track(flight)
        return flight

    def _track(self, flight: Flight | Hearing) -> None:
        self.flights[flight.landing] = flight
        self.completed.add(flight.landing)

    def _next(self) -> "Sequence[tuple[Future[Any], Any]]":
        """Landings that have come in, receipts before bad news; waits for one, but not for long."""
        until = time.monotonic() + min(_FLUSH_SECONDS, self.deadline.left if self.deadline else math.inf)
        while not self.completed.has_ready() and time.monotonic() < until:
            self.watch.tick()
            time.sleep(_TICK_SECONDS)
        return sorted(self.completed.next_batch(block=False), key=lambda pair: not isinstance(pair[1], list | Ruling))

    def _note(self, flight: Flight | Hearing, result: Any) -> None:
        """Enter the receipts of a landing or what a judgement says, or deal with those that did not come.

        Receipts that are here count, even if the worker that gave them has died since and Dask already speaks of
        the task as lost.
        """
        if isinstance(flight, Hearing) and isinstance(result, Ruling):
            self.agenda.judged(flight.group, result)
        elif isinstance(flight, Flight) and isinstance(result, list):
            self._enter(result)
        elif flight.landing.status == "error":
            self._recover(flight, flight.landing.exception())
        elif flight.landing.status == "cancelled":
            raise RunError(LOST)
        else:
            self._track(flight)

    def _enter(self, receipts: Sequence[Receipt]) -> None:
        self.ledger.enter(receipts)
        for receipt in receipts:
            self.agenda.landed(receipt)
            self.pace.landed(len(receipt.slot.indices), receipt.seconds)
            self.watch.landed(len(receipt.slot.indices) - len(receipt.failed), len(receipt.failed))

    def _recover(self, flight: Flight | Hearing, error: BaseException) -> None:
        """A landing that raised. If workers died, find the realization that kills them; anything else ends the run.

        Dask blames every task that a dying worker had been given, so a suspect is tried again, one realization
        at a time and at last alone on the cluster, before it is recorded as failed.
        """
        if isinstance(error, StoreDamaged | LockLost):
            raise error  # each says by itself what to do
        if not isinstance(error, KilledWorker):
            told = error if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
            raise RunError(f"{told}; what has landed is safe, run again to continue") from error
        if isinstance(flight, Hearing):
            if flight.alone:
                raise RunError("workers die while they judge a point; what has landed is safe, run again") from error
            self.suspects.append(flight.group)
            return
        order = flight.order
        if not flight.parts or order.batch > 1:
            for each in (replace(order, others=()), *order.others):
                for slot in each.slots:
                    self._submit(replace(each, slots=(slot,), batch=1, split=True, alone=False))
            return
        (slot,) = order.slots
        lost = {index for index, part in zip(slot.indices, flight.parts, strict=True) if part.status == "error"}
        if order.alone and not lost:
            raise RunError(
                "workers die while they land a chunk; what has landed is safe, give them more memory and run again"
            ) from error
        if order.alone:
            self._land(order, {index: [Outcome((index,), None, f"{_KILLED}\n\n{error}")] for index in lost})
            return
        blamed = lost or set(slot.indices)  # a landing alone is blamed where it met what kills workers
        self.suspects += [
            replace(order, slots=(replace(slot, indices=(index,)),), alone=True) for index in sorted(blamed)
        ]
        kept = {index: part for index, part in zip(slot.indices, flight.parts, strict=True) if index not in blamed}
        if kept:
            self._land(order, kept)

    def _land(self, order: Order, parts: "Mapping[int, Sequence[Outcome] | Future[Any]]") -> None:
        """Land some realizations of an order's chunk, after others were lost."""
        (slot,) = order.slots
        rest = replace(slot, indices=tuple(parts))
        landing = self.client.submit(land_all, order.job, rest, *parts.values(), key=f"land-{self._name()}")
        self._track(Flight(landing, (), replace(order, slots=(rest,))))
