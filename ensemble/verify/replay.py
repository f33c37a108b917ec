"""Replay one realization in this process, for debugging: its random key, its stored data, and its values now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ensemble.errors import PointError, StoreDamaged
from ensemble.models.stored import Named
from ensemble.realization.comparison import Difference, compare_arrays, different_versions
from ensemble.realization.compute import ComputeTask, measure_disorder
from ensemble.realization.random_streams import spawn_key
from ensemble.store import Layout, Status
from ensemble.store.group import attributes, open_group
from ensemble.store.integrity import open_array, read, read_done
from ensemble.store.location import Location, parse_location
from ensemble.store.provenance import code_origin, current_code
from ensemble.store.select import parse_point
from ensemble.sweep import Point


@final
@dataclass(frozen=True)
class Replay:
    """One realization of a store, which can be computed again in this process."""

    path: Location
    """Location of the store."""
    layout: Layout
    """Layout of the store."""
    cell: tuple[int, ...]
    """Grid indices of the point."""
    point: Point
    """The point, with its model."""
    index: int
    """Index of the realization."""

    @classmethod
    def of(
        cls,
        store: str | Location,
        point: str,
        index: int,
        model: Named | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Find a realization of a store.

        Parameters
        ----------
        store
            Path or URL of the store.
        point
            The point as AXIS=VALUE,AXIS=VALUE. Axes with a single value may be omitted.
        index
            Index of the realization.
        model
            Class of the model, or where it is: FILE.py, FILE.py:CLASS or MODULE:CLASS. Default: an installed model.
        say
            Called with one line of text before a file or a module of the user is imported.

        Returns
        -------
        Replay
            The realization.

        Raises
        ------
        PointError
            If the store has no such point or realization.
        ModelNotNamed
            If the model of the store is not installed and `model` is not given.
        """
        path = parse_location(store).absolute()
        layout = Layout.read(path)
        cell = parse_point(layout, point)
        if not 0 <= index < layout.realizations:
            raise PointError(
                f"INDEX must be one of the {layout.realizations} realizations of {store}, "
                f"from 0 to {layout.realizations - 1}, got {index}"
            )
        (found,) = layout.at(cell, layout.find_model(path, model, say), path).points
        return cls(path, layout, cell, found, index)

    @property
    def spawn_key(self) -> tuple[int, ...]:
        """The `spawn_key` argument of `numpy.random.SeedSequence` for this realization; the seed is `layout.seed`."""
        return spawn_key(self.point.model, self.index)

    @cached_property
    def status(self) -> Status:
        """Status of the realization: todo, done or failed. Raises StoreDamaged if the stored value is not valid."""
        value = self._stored("status").item()
        if value not in set(Status):
            raise StoreDamaged(
                f"the status of realization {self.index} at {self.point} must be one of {[*map(int, Status)]}, "
                f"got {value}: `ensemble verify {self.path} --repair` has it computed again"
            )
        return Status(value)

    @cached_property
    def exception(self) -> str:
        """Stored error text and traceback of a failed realization; empty if it did not fail."""
        return str(self._stored("exception").item())

    @cached_property
    def code(self) -> Mapping[str, str] | None:
        """Code version and machine that computed the realization; None if it is not computed yet."""
        row = self._stored("provenance").item()
        codes: list[dict[str, str]] = attributes(open_group(self.path))["provenance"]
        return codes[row] if 0 <= row < len(codes) else None

    @property
    def libraries(self) -> tuple[str, ...]:
        """Differences between the code version that computed the realization and that of this process."""
        return different_versions(self.code, current_code(code_origin(type(self.point.model)))) if self.code else ()

    def compute(self) -> dict[str, NDArray[Any]]:
        """Draw and measure the realization, with one thread, as a worker does.

        Returns
        -------
        dict
            Arrays of the observables, by name.

        Notes
        -----
        Errors of the model are not caught.
        """
        job = ComputeTask.at(self.path, self.point.model, self.layout.seed, self.layout.observables)
        with threadpool_limits(limits=1):
            return measure_disorder(job, self.index)

    def deviations(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Difference | None]:
        """Compare computed observables with the stored ones.

        Parameters
        ----------
        arrays
            Arrays of observables by name, from `compute`.

        Returns
        -------
        dict
            The `Difference` of each observable by name; None if it has the same bits as the stored one.
        """
        known = self.point.model.observables
        return {name: compare_arrays(array, self._stored(name), known[name].accuracy) for name, array in arrays.items()}

    def _stored(self, name: str) -> NDArray[Any]:
        """The entry of this realization in an array of the store."""
        array = open_array(self.path, name)
        if name in self.layout.observables and self.status == Status.DONE:
            return np.asarray(read_done(array, self.cell, self.index, np.ones(1, bool))[0])
        return np.asarray(read(array, (*self.cell, self.index)))
