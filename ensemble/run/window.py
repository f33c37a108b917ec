"""The tasks in flight: submitted a few for each worker, topped up as they land."""

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from distributed import Client, Future, KilledWorker, as_completed

from ensemble.cluster import threads
from ensemble.errors import RunError, StoreError
from ensemble.run.interruption import Interruption
from ensemble.run.summary import Summary, Watch
from ensemble.store import Ledger, Outcome, Receipt, Slot
from ensemble.task import Job, land_all, realize, realize_and_land

_FLUSH_SECONDS = 1.0
"""Receipts become status this often."""
_TICK_SECONDS = 0.02
_TASKS_PER_WORKER = 3
"""In flight: enough that no worker waits for the driver, few enough that a million realizations stay cheap."""


@final
@dataclass(frozen=True)
class Order:
    """A portion of work: realizations to compute and to land."""

    job: Job
    slots: tuple[Slot, ...]
    batch: int
    """Realizations in one task, at most."""
    split: bool = False
    """Whether landing is a task of its own even where one task could do all."""
    alone: bool = False
    """Whether nothing else may be in flight, so that a worker's death can only be this one's fault."""


@final
@dataclass(frozen=True)
class _Flight:
    """An order under way."""

    order: Order
    landing: "Future[Any]"
    parts: "tuple[Future[Any], ...]"

    @property
    def tasks(self) -> int:
        return len(self.parts) + 1


@final
class Window:
    """The tasks in flight: topped up as they land."""

    def __init__(
        self, client: Client, ledger: Ledger, summary: Summary, watch: Watch, interruption: Interruption
    ) -> None:
        self.client, self.ledger, self.summary = client, ledger, summary
        self.watch, self.interruption = watch, interruption
        self.flights: dict[Future[Any], _Flight] = {}
        self.completed = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        self.token, self.number = uuid.uuid4().hex, itertools.count()
        self.workers, self.flushed = 1, 0.0
        self.suspects: list[Order] = []

    def drive(self, orders: Iterator[Order]) -> None:
        """Submit, await, note; until there is nothing more to do or a signal asks to stop."""
        try:
            while True:
                self._now_and_then()
                self._top_up(orders)
                if not self.flights and not self._try_a_suspect():
                    return
                if self.interruption.signal and not self.workers:
                    return  # nobody is left to land what is in flight
                for future, result in self._next():
                    self._note(self.flights.pop(future), result)
        finally:
            self.ledger.flush()
            if self.flights and self.client.status == "running":
                self.client.cancel([task for each in self.flights.values() for task in (each.landing, *each.parts)])

    def _now_and_then(self) -> None:
        """What need not be done for every landing: write the book, see how many workers there are."""
        if time.monotonic() - self.flushed > _FLUSH_SECONDS:
            self.ledger.flush()
            before, self.workers = self.workers, threads(self.client)
            if before and not self.workers:
                self.watch.say("the cluster has no workers: waiting for some")
            self.flushed = time.monotonic()

    def _top_up(self, orders: Iterator[Order]) -> None:
        tasks = sum(flight.tasks for flight in self.flights.values())
        room = _TASKS_PER_WORKER * max(1, self.workers)
        while not self.interruption.signal and tasks < room and (order := next(orders, None)):
            tasks += self._submit(order).tasks

    def _try_a_suspect(self) -> bool:
        """Give a realization that may have killed workers the cluster for itself; False if there is none."""
        if self.interruption.signal or not self.suspects:
            return False
        self._submit(self.suspects.pop())
        return True

    def _submit(self, order: Order) -> _Flight:
        """Send an order on its way: as one task, or as several that feed one landing."""
        job, slots, name = order.job, order.slots, self._name()
        indices = slots[0].indices
        if not order.split and (len(slots) > 1 or len(indices) <= order.batch):
            landing = self.client.submit(realize_and_land, job, slots, key=f"realize_and_land-{name}")
            return self._track(_Flight(order, landing, ()))
        parts = tuple(
            self.client.submit(realize, job, indices[at : at + order.batch], key=f"realize-{name}-{at}")
            for at in range(0, len(indices), order.batch)
        )
        landing = self.client.submit(land_all, job, slots[0], *parts, key=f"land-{name}")
        return self._track(_Flight(order, landing, parts))

    def _name(self) -> str:
        """What no task of this run or another is called by."""
        return f"{self.token}-{next(self.number)}"

    def _track(self, flight: _Flight) -> _Flight:
        self.flights[flight.landing] = flight
        self.completed.add(flight.landing)
        return flight

    def _next(self) -> "Sequence[tuple[Future[Any], Any]]":
        """Landings that have come in, receipts before bad news; waits for one, but not for long."""
        until = time.monotonic() + _FLUSH_SECONDS
        while not self.completed.has_ready() and time.monotonic() < until:
            self.watch.tick()
            time.sleep(_TICK_SECONDS)
        return sorted(self.completed.next_batch(block=False), key=lambda pair: not isinstance(pair[1], list))

    def _note(self, flight: _Flight, result: Any) -> None:
        """Enter the receipts of a landing, or deal with the one that did not come.

        Receipts that are here count, even if the worker that gave them has died since and Dask already speaks of
        the task as lost.
        """
        if isinstance(result, list):
            self._enter(result)
        elif flight.landing.status == "error":
            self._recover(flight, flight.landing.exception())
        elif flight.landing.status == "cancelled":
            raise RunError("the cluster was lost; what has landed is safe, run again to continue")
        else:
            self._track(flight)

    def _enter(self, receipts: Sequence[Receipt]) -> None:
        self.ledger.enter(receipts)
        for receipt in receipts:
            self.summary.count(receipt)
            self.watch.landed(len(receipt.slot.indices) - len(receipt.failed), len(receipt.failed))

    def _recover(self, flight: _Flight, error: BaseException) -> None:
        """A landing that raised. If workers died, find the realization that kills them; anything else ends the run.

        Dask blames every task that a dying worker had been given, so a suspect is tried again, one realization
        at a time and at last alone on the cluster, before it is recorded as failed.
        """
        if not isinstance(error, KilledWorker):
            told = error if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
            raise RunError(f"{told}; what has landed is safe, run again to continue") from error
        order = flight.order
        if not flight.parts or order.batch > 1:
            for slot in order.slots:
                self._submit(replace(order, slots=(slot,), batch=1, split=True))
            return
        (slot,) = order.slots
        lost = {index for index, part in zip(slot.indices, flight.parts, strict=True) if part.status == "error"}
        if not lost:
            raise RunError("workers die while they land a chunk; what has landed is safe") from error
        if order.alone:
            self._land(order, {index: [Outcome(index, None, f"KilledWorker: {error}")] for index in lost})
            return
        self.suspects += [
            replace(order, slots=(replace(slot, indices=(index,)),), alone=True) for index in sorted(lost)
        ]
        kept = {index: part for index, part in zip(slot.indices, flight.parts, strict=True) if index not in lost}
        if kept:
            self._land(order, kept)

    def _land(self, order: Order, parts: "Mapping[int, Sequence[Outcome] | Future[Any]]") -> None:
        """Land some realizations of an order's chunk, after others were lost."""
        (slot,) = order.slots
        rest = replace(slot, indices=tuple(parts))
        landing = self.client.submit(land_all, order.job, rest, *parts.values(), key=f"land-{self._name()}")
        self._track(_Flight(replace(order, slots=(rest,)), landing, ()))
