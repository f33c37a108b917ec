"""Submit the tasks of a run, a few per worker, and replace them by new ones as they finish."""

import itertools
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

from distributed import Client, Future, KilledWorker, as_completed

from ensemble.cluster import WorkerMemory, count_threads, request_workers
from ensemble.cluster.client import LOST
from ensemble.errors import LockLost, RunError, StoreDamaged, StoreError
from ensemble.realization.compute import compute_and_write, compute_realizations, write_chunks
from ensemble.run.adaptive_stopping import Decisions, ahead, decide
from ensemble.run.deadline import Deadline
from ensemble.run.in_flight import InFlight, StopCheck
from ensemble.run.interruption import Interruption
from ensemble.run.pace import Throughput
from ensemble.run.prefix_sums import portions, total
from ensemble.run.summary import Watch
from ensemble.run.targets import Capacity, PointGroup, WorkItem
from ensemble.run.work_queue import WorkQueue
from ensemble.store import Ledger, Outcome, Receipt

_FLUSH_SECONDS = 1.0
"""The ledger is written this often, in seconds ..."""
_FLUSH_SHARE = 20
"""... or less often: writing takes at most about 1 / _FLUSH_SHARE of the time."""
_TICK_SECONDS = 0.02
"""Seconds between two looks for finished tasks."""
_KILLED = "KilledWorker: all workers that computed it died, at last with nothing else: out of memory, or of a crash"
"""Exception text of a realization that kills workers; it is the same in every run."""
_TASKS_PER_WORKER = 3
"""Tasks in flight per worker: no worker waits for the driver, and the driver never holds millions of tasks."""
_COMBINED_SECONDS = 0.25
"""Longest duration of a task that combines several points; a task costs about ten milliseconds of overhead."""
_WRITE_SECONDS = 0.003
"""Seconds that a worker takes to write a chunk, approximately, for any content."""


@final
class Dispatcher:
    """Submits work items and stop-rule evaluations, and records their results."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        work_queue: WorkQueue,
        watch: Watch,
        interruption: Interruption,
        worker_memory: WorkerMemory,
        deadline: Deadline | None = None,
    ) -> None:
        self.client, self.ledger, self.work_queue = client, ledger, work_queue
        self.watch, self.interruption, self.worker_memory, self.deadline = watch, interruption, worker_memory, deadline
        self.pace = Throughput()
        self.in_flight: dict[Future[Any], InFlight | StopCheck] = {}
        self.completed = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        self.token, self.number = uuid.uuid4().hex, itertools.count()
        self.workers, self.flush_at = 1, 0.0
        self.suspects: list[WorkItem | PointGroup] = []

    def drive(self) -> None:
        """Submit tasks and record results until no work is left, a signal arrives, or the deadline passes."""
        try:
            while not self._is_over():
                self._update()
                self._top_up()
                if not self.in_flight and not self._retry_suspect():
                    break
                if self.interruption.signal and not self.workers:
                    break  # no worker is left to finish the tasks in flight
                for future, result in self._finished():
                    if tasks := self.in_flight.pop(future, None):  # a future that is not there was submitted again
                        self._handle(tasks, result)
        finally:
            try:
                self.ledger.flush()
                if self.deadline and not self.interruption.signal and not self.work_queue.summary.complete:
                    self.work_queue.summary.deadline = self.deadline
            finally:
                if self.in_flight and self.client.status == "running":
                    self.client.cancel([task for each in self.in_flight.values() for task in each.futures])

    def _is_over(self) -> bool:
        return self.deadline is not None and self.deadline.left <= 0

    def _update(self) -> None:
        """Once per flush interval: write the ledger, count workers, update the forecast, resubmit lost work items."""
        if time.monotonic() > self.flush_at:
            began = time.monotonic()
            self.ledger.flush()
            taken = time.monotonic() - began
            before, self.workers = self.workers, count_threads(self.client)
            if before and not self.workers:
                self.watch.say("the cluster has no workers: waiting for some")
            self._update_forecast()
            self._resubmit_lost()
            self.flush_at = time.monotonic() + max(_FLUSH_SECONDS, _FLUSH_SHARE * taken)

    def _resubmit_lost(self) -> None:
        """Submit work items again if all workers that may compute them have left."""
        self.worker_memory.look()
        for item in [each for each in self.in_flight.values() if isinstance(each, InFlight)]:
            if self.worker_memory.gone(item.workers) and not item.landing.done():
                del self.in_flight[item.landing]
                self.client.cancel(item.futures)
                self._submit(item.order)

    def _update_forecast(self) -> None:
        """Report expected realizations and remaining time to the watch and, for `ensemble status`, beside the lock."""
        request_workers(self.client, self.work_queue.core_seconds_left)
        seconds = self.pace.seconds(self.work_queue.core_seconds_left, self._backlog(), self.workers)
        expected = self.work_queue.expected
        self.watch.outlook(expected, seconds)
        self.ledger.tell(
            workers=self.workers,
            rate=self.pace.rate,
            expected=expected,
            left=seconds if math.isfinite(seconds) else None,
            deadline=self.deadline.told if self.deadline else None,
        )

    def _backlog(self) -> float:
        """Core seconds of the work items in flight."""
        return sum(each.order.seconds for each in self.in_flight.values() if isinstance(each, InFlight))

    def _top_up(self) -> None:
        """Submit stop-rule evaluations and work items until every worker has enough tasks."""
        tasks = sum(running.tasks for running in self.in_flight.values())
        limit = _TASKS_PER_WORKER * max(1, self.workers)
        while tasks < limit and (group := self.work_queue.to_judge()):
            tasks += self._submit_check(group).tasks
        while not self.interruption.signal and tasks < limit and (items := self._next_items()):
            tasks += sum(self._submit(item).tasks for item in items)

    def _next_items(self) -> list[WorkItem]:
        """The next work items, if any; short ones of several points are combined into one task."""
        first = self.work_queue.take(self._capacity())
        if first is None:
            return []
        if not first.is_brief:
            return [first]
        most = self.work_queue.waiting // (_TASKS_PER_WORKER * max(1, self.workers))  # so that every worker gets work
        others: list[WorkItem] = []
        seconds, filled = first.seconds + _WRITE_SECONDS, first.count / first.batch
        while len(others) < most and seconds < _COMBINED_SECONDS and filled < 1:
            item = self.work_queue.take(self._capacity())
            if item is None:
                break
            if not item.is_brief:
                return [replace(first, others=tuple(others)), item]
            others.append(item)
            seconds += item.seconds + _WRITE_SECONDS
            filled += item.count / item.batch
        return [replace(first, others=tuple(others))]

    def _capacity(self) -> Capacity | None:
        """What can be started before the deadline; None without a deadline."""
        if self.deadline is None:
            return None
        busy = sum(max(1, len(each.futures) - 1) for each in self.in_flight.values())
        return Capacity(self.deadline, max(1, self.workers), self._backlog(), max(0, self.workers - busy))

    def _retry_suspect(self) -> bool:
        """Run one suspect alone: a work item or evaluation that may kill workers. False if there is none."""
        if self.interruption.signal or not self.suspects:
            return False
        suspect = self.suspects.pop()
        _ = self._submit_check(suspect, alone=True) if isinstance(suspect, PointGroup) else self._submit(suspect)
        return True

    def _submit_check(self, group: PointGroup, *, alone: bool = False) -> StopCheck:
        """Submit a stop-rule evaluation, with priority over work items; if it reads much data, several tasks sum it."""
        checkpoint, name = group.case(), self._name()
        source, ranges = ahead(checkpoint)
        divided = () if alone else portions(ranges, group.size)
        parts = tuple(
            self.client.submit(total, source, portion, key=f"total-{name}-{number}", priority=1)
            for number, portion in enumerate(divided)
            if len(divided) > 1
        )
        landing = self.client.submit(decide, checkpoint, *parts, key=f"judge-{name}", priority=1)
        check = StopCheck(landing, parts, group, alone)
        self._track(check)
        return check

    def _submit(self, item: WorkItem) -> InFlight:
        """Submit a work item to workers with enough memory.

        It is one task, or one task per batch and a final one that writes the chunk.
        """
        job, slots, name = item.job, item.slots, self._name()
        options = self.worker_memory.options(item.memory)
        workers = tuple(options.get("workers", ()))
        indices = slots[0].indices
        if item.whole:
            work = [(each.job, each.slots) for each in (item, *item.others)]
            landing = self.client.submit(compute_and_write, work, key=f"realize_and_land-{name}", **options)
            return self._launch(InFlight(landing, (), item, workers))
        starts = range(0, len(indices), item.batch)
        batches = [indices[at : at + item.batch] for at in starts]
        keys = [f"realize-{name}-{at}" for at in starts]
        parts = tuple(self.client.map(compute_realizations, [job] * len(keys), batches, key=keys, **options))
        landing = self.client.submit(write_chunks, job, slots[0], *parts, key=f"land-{name}")
        return self._launch(InFlight(landing, parts, item, workers))

    def _name(self) -> str:
        """Unique part of the keys of tasks."""
        return f"{self.token}-{next(self.number)}"

    def _launch(self, item: InFlight) -> InFlight:
        self._track(item)
        return item

    def _track(self, tasks: InFlight | StopCheck) -> None:
        self.in_flight[tasks.landing] = tasks
        self.completed.add(tasks.landing)

    def _finished(self) -> "Sequence[tuple[Future[Any], Any]]":
        """Finished tasks, results before errors; waits for the first one, for `_FLUSH_SECONDS` at most."""
        until = time.monotonic() + min(_FLUSH_SECONDS, self.deadline.left if self.deadline else math.inf)
        while not self.completed.has_ready() and time.monotonic() < until:
            self.watch.tick()
            time.sleep(_TICK_SECONDS)
        return sorted(
            self.completed.next_batch(block=False), key=lambda pair: not isinstance(pair[1], list | Decisions)
        )

    def _handle(self, tasks: InFlight | StopCheck, result: Any) -> None:
        """Record the receipts or decisions of a finished task, or handle its error.

        A result that has arrived counts, even if its worker has died since and Dask reports the task as lost.
        """
        if isinstance(tasks, StopCheck) and isinstance(result, Decisions):
            self.work_queue.judged(tasks.group, result)
        elif isinstance(tasks, InFlight) and isinstance(result, list):
            self._record(result)
        elif tasks.landing.status == "error":
            self._recover(tasks, tasks.landing.exception())
        elif tasks.landing.status == "cancelled":
            raise RunError(LOST)
        else:
            self._track(tasks)

    def _record(self, receipts: Sequence[Receipt]) -> None:
        """Record receipts in the ledger, the work queue, the throughput and the watch."""
        self.ledger.enter(receipts)
        for receipt in receipts:
            self.work_queue.landed(receipt)
            self.pace.landed(len(receipt.slot.indices), receipt.seconds)
            self.watch.landed(len(receipt.slot.indices) - len(receipt.failed), len(receipt.failed))

    def _recover(self, tasks: InFlight | StopCheck, error: BaseException) -> None:
        """Handle a task that raised: find the realization that kills workers, or stop the run for any other error.

        When a worker dies, Dask blames every task that it had. So a suspect is tried again, one realization per task,
        and finally alone on the cluster, before it is recorded as failed.
        """
        if isinstance(error, StoreDamaged | LockLost):
            raise error  # the message already says what to do
        if not isinstance(error, KilledWorker):
            text = error if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
            raise RunError(f"{text}; what has landed is safe, run again to continue") from error
        if isinstance(tasks, StopCheck):
            if tasks.alone:
                raise RunError("workers die while they judge a point; what has landed is safe, run again") from error
            self.suspects.append(tasks.group)
            return
        item = tasks.order
        if not tasks.parts or item.batch > 1:
            for each in (replace(item, others=()), *item.others):
                for slot in each.slots:
                    self._submit(replace(each, slots=(slot,), batch=1, split=True, alone=False))
            return
        (slot,) = item.slots
        lost = {index for index, part in zip(slot.indices, tasks.parts, strict=True) if part.status == "error"}
        if item.alone and not lost:
            raise RunError(
                "workers die while they land a chunk; what has landed is safe, give them more memory and run again"
            ) from error
        if item.alone:
            self._write_rest(item, {index: [Outcome((index,), None, f"{_KILLED}\n\n{error}")] for index in lost})
            return
        blamed = lost or set(slot.indices)  # if no part is lost, the write ran on a dying worker: suspect all
        self.suspects += [
            replace(item, slots=(replace(slot, indices=(index,)),), alone=True) for index in sorted(blamed)
        ]
        kept = {index: part for index, part in zip(slot.indices, tasks.parts, strict=True) if index not in blamed}
        if kept:
            self._write_rest(item, kept)

    def _write_rest(self, item: WorkItem, parts: "Mapping[int, Sequence[Outcome] | Future[Any]]") -> None:
        """Write the realizations of a chunk that are left after others were lost."""
        (slot,) = item.slots
        rest = replace(slot, indices=tuple(parts))
        landing = self.client.submit(write_chunks, item.job, rest, *parts.values(), key=f"land-{self._name()}")
        self._track(InFlight(landing, (), replace(item, slots=(rest,))))
