"""Tasks in flight: the futures of a work item or of a stop-rule evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from distributed import Future

from ensemble.run.targets import PointGroup, WorkItem


@dataclass(frozen=True)
class Tasks:
    """A final task, and the tasks that it depends on."""

    landing: "Future[Any]"
    """The final task: it writes the chunk, or evaluates the stop rule."""
    parts: "tuple[Future[Any], ...]"
    """The tasks whose results it needs."""

    @property
    def tasks(self) -> int:
        """Number of tasks that have not finished; finished parts keep no worker busy."""
        return sum(not future.done() for future in self.futures)

    @property
    def futures(self) -> "list[Future[Any]]":
        """All futures, the final one first."""
        return [self.landing, *self.parts]


@final
@dataclass(frozen=True)
class InFlight(Tasks):
    """A work item in flight."""

    order: WorkItem
    workers: Sequence[str] = ()
    """Addresses of the workers that may compute it; empty for all workers."""


@final
@dataclass(frozen=True)
class StopCheck(Tasks):
    """A stop-rule evaluation in flight."""

    group: PointGroup
    alone: bool
    """Whether no other task is in flight."""
