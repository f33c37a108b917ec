"""What is under way: an order or a judgement, as the tasks that make it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from distributed import Future

from ensemble.run.group import Group, Order


@dataclass(frozen=True)
class Tasks:
    """What is under way: a last task, and those that feed it."""

    landing: "Future[Any]"
    parts: "tuple[Future[Any], ...]"

    @property
    def tasks(self) -> int:
        """Those that are not over: what waits for its landing gives no worker anything to do."""
        return sum(not future.done() for future in self.futures)

    @property
    def futures(self) -> "list[Future[Any]]":
        """All of them."""
        return [self.landing, *self.parts]


@final
@dataclass(frozen=True)
class Flight(Tasks):
    """An order under way."""

    order: Order
    workers: Sequence[str] = ()
    """Those that may compute it; where none is named, all."""


@final
@dataclass(frozen=True)
class Hearing(Tasks):
    """A judgement under way."""

    group: Group
    alone: bool
    """Whether nothing else is in flight."""
