"""One realization in this process, to be looked at: its key, what the store says of it, what comes out now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ensemble.agreement import Deviation, deviation, libraries
from ensemble.errors import PointError, StoreDamaged
from ensemble.models.stored import Named
from ensemble.provenance import here, origin
from ensemble.realization import spawn_key
from ensemble.selection import cell_of
from ensemble.store import Layout, Status
from ensemble.store.damage import open_array, read, read_done
from ensemble.store.group import attributes, open_group
from ensemble.store.place import Place, place
from ensemble.sweep import Point
from ensemble.task import Job, measured


@final
@dataclass(frozen=True)
class Replay:
    """A realization of a store, and the means to compute it here."""

    path: Place
    """The store."""
    layout: Layout
    """What it holds."""
    cell: tuple[int, ...]
    """Grid indices of the point."""
    point: Point
    """The point, with its model."""
    index: int
    """Which realization."""

    @classmethod
    def of(
        cls,
        store: str | Place,
        point: str,
        index: int,
        model: Named | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """A realization by its point, AXIS=VALUE,AXIS=VALUE, and its index; an error if the store has no such one.

        `model` is the class, or FILE.py, FILE.py:CLASS or MODULE:CLASS; by default only an installed model is found.
        `say` is called before a file or a module is imported.
        """
        path = place(store).absolute()
        layout = Layout.read(path)
        cell = cell_of(layout, point)
        if not 0 <= index < layout.realizations:
            raise PointError(
                f"INDEX must be one of the {layout.realizations} realizations of {store}, "
                f"from 0 to {layout.realizations - 1}, got {index}"
            )
        (found,) = layout.at(cell, layout.find_model(path, model, say), path).points
        return cls(path, layout, cell, found, index)

    @property
    def spawn_key(self) -> tuple[int, ...]:
        """What `numpy.random.SeedSequence` takes besides the seed."""
        return spawn_key(self.point.model, self.index)

    @cached_property
    def status(self) -> Status:
        """What became of it."""
        value = self._stored("status").item()
        if value not in set(Status):
            raise StoreDamaged(
                f"the status of realization {self.index} at {self.point} must be one of {[*map(int, Status)]}, "
                f"got {value}: `ensemble verify {self.path} --repair` has it computed again"
            )
        return Status(value)

    @cached_property
    def exception(self) -> str:
        """What the store keeps of how it failed."""
        return str(self._stored("exception").item())

    @cached_property
    def code(self) -> Mapping[str, str] | None:
        """The code that computed it, and where; None if none has yet."""
        row = self._stored("provenance").item()
        codes: list[dict[str, str]] = attributes(open_group(self.path))["provenance"]
        return codes[row] if 0 <= row < len(codes) else None

    @property
    def libraries(self) -> tuple[str, ...]:
        """What has another version here than where it was computed."""
        return libraries(self.code, here(origin(type(self.point.model)))) if self.code else ()

    def compute(self) -> dict[str, NDArray[Any]]:
        """Draw and measure, as a worker does, with one thread; what that raises goes on to the caller."""
        job = Job.at(self.path, self.point.model, self.layout.seed, self.layout.observables)
        with threadpool_limits(limits=1):
            return measured(job, self.index)

    def deviations(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Deviation | None]:
        """How far each observable is from the stored one; None for the same bits."""
        known = self.point.model.observables
        return {name: deviation(array, self._stored(name), known[name].accuracy) for name, array in arrays.items()}

    def _stored(self, name: str) -> NDArray[Any]:
        """One array of the store, of this realization."""
        array = open_array(self.path, name)
        if name in self.layout.observables and self.status == Status.DONE:
            return np.asarray(read_done(array, self.cell, self.index, np.ones(1, bool))[0])
        return np.asarray(read(array, (*self.cell, self.index)))
