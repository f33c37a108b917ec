"""Read a store for a reduction: one task for each run of chunks, results in the order of the realizations.

When a reduction begins, three things are fixed: the committed grid of points, the selected points, and the
realizations whose status is done. Workers write data before the driver writes its status. So the data of all these
realizations exist, even while a run continues to write.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar, final

import numpy as np
import xarray as xr
import zarr
from distributed import Client, Future, KilledWorker
from numpy.typing import NDArray

from ensemble.errors import ReductionError, RunError, SweepError, remedy
from ensemble.models.model import Observable
from ensemble.store import Layout, Status
from ensemble.store.group import member, open_group
from ensemble.store.integrity import open_array, read, read_done
from ensemble.store.layout import LEDGER_ARRAYS
from ensemble.store.location import Location, for_zarr, parse_location
from ensemble.sweep.toml_values import Value, coerce

RUN_BYTES = 16 * 2**20
"""Bytes that one task reads, approximately. The value is fixed because it determines the order of the sums."""
_AHEAD = 256
"""Number of tasks that are in flight ahead of the next result."""

Part = TypeVar("Part")

Select = Mapping[str, Value | Sequence[Value]]
"""Values of axes, such as {"N": [8, 10], "epsilon": 0}: only points with these values are reduced."""


@final
@dataclass(frozen=True)
class ChunkRun:
    """Consecutive chunks of one point, which one task reads."""

    cell: tuple[int, ...]
    """Grid indices of the point in the store."""
    start: int
    """Index of the first realization."""
    done: NDArray[np.bool_]
    """Mask of the done realizations among those from `start` on."""
    before: int
    """Number of done realizations of the point before `start`."""
    total: int
    """Number of done realizations of the point."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """Indices of the done realizations in this run."""
        return self.start + np.flatnonzero(self.done)

    def read(self, array: "zarr.Array[Any]") -> NDArray[Any]:
        """One observable of the done realizations: (realizations, dims...)."""
        if not self.done.any():
            return np.empty((0, *array.shape[len(self.cell) + 1 :]), array.dtype)
        rows = read_done(array, self.cell, self.start, self.done)
        return rows if self.done.all() else rows[self.done]


@final
@dataclass(frozen=True)
class StoreReader:
    """The selected points of a store, and the realizations that were done when a reduction began."""

    path: Location
    """Absolute location of the store, so that workers in any working directory find it."""
    layout: Layout
    """Layout of the store, with only the selected values of the axes."""
    places: tuple[list[int], ...]
    """Indices of the selected values along each axis of the store."""
    done: NDArray[np.bool_]
    """Mask of the done realizations of the selected points: (axes..., realization)."""

    @classmethod
    def of(cls, store: str | Location, select: Select | None = None, first: int | None = None) -> Self:
        """Read the status of a store now.

        `select` restricts the points to values of axes; `first` uses only realizations with an index below it.
        """
        path = parse_location(store).absolute()
        layout = Layout.read(path)
        places = _selected_indices(path, layout, select or {})
        status = read(member(open_group(path), "status"), tuple(slice(length) for length in layout.shape))
        axes = {
            name: tuple(values[place] for place in along)
            for (name, values), along in zip(layout.axes.items(), places, strict=True)
        }
        return cls(path, replace(layout, axes=axes), places, status[np.ix_(*places)][..., :first] == Status.DONE)

    def observable(self, name: str) -> Observable:
        """The observable with this name; an error lists the names that the store has."""
        known = self.layout.observables
        if name not in known:
            hint = remedy(name, known, "it has")
            raise ReductionError(f"the observable must be one that {self.path} has, got {name!r}: {hint}")
        return known[name]

    def frame(self, dims: Iterable[str]) -> xr.Dataset:
        """A Dataset to which results are added: the axes and `dims` as coordinates, and the variable `count`."""
        ledger = LEDGER_ARRAYS  # no result needs the ledger, and xarray would read its times
        raw = xr.open_zarr(for_zarr(self.path), drop_variables=ledger, zarr_format=3)
        axes = dict(zip(self.layout.axes, self.places, strict=True))
        counted = {"long_name": "number of finished realizations", "units": "1"}
        return xr.Dataset(
            {"count": (tuple(axes), self.done.sum(axis=-1), counted)},
            coords={
                **{name: raw[name].isel({name: places}) for name, places in axes.items()},
                **{dim: raw[dim] for dim in dims},
            },
            attrs=raw.attrs,
        )

    def array(self, name: str) -> "zarr.Array[Any]":
        """The array of one observable, opened once for all tasks."""
        return open_array(self.path, name)

    def runs(self, name: str) -> Iterator[list[ChunkRun]]:
        """The chunk runs in which one observable is read: a list for every point, in grid order, at least one run."""
        chunk = self.layout.chunk
        length = chunk * max(1, RUN_BYTES // (self.bytes_each(name) * chunk))
        for at, cell in zip(np.ndindex(self.done.shape[:-1]), itertools.product(*self.places), strict=True):
            done = self.done[at]
            before = np.concatenate([[0], np.cumsum(done)])
            yield [
                ChunkRun(cell, start, done[start : start + length], int(before[start]), int(before[-1]))
                for start in range(0, max(1, len(done)), length)
                if start == 0 or done[start : start + length].any()
            ]

    def bytes_each(self, name: str) -> int:
        """Bytes of memory that one observable of one realization takes."""
        observable = self.layout.observables[name]
        lengths = (len(self.layout.coords[dim]) for dim in observable.dims)
        return max(1, np.dtype(observable.dtype).itemsize * math.prod(lengths))

    def reduced(
        self, name: str, chunk: Callable[..., Part], client: Client | None, *more: Any
    ) -> Iterator[Iterator[Part]]:
        """Call `chunk(rows, run, *more)` for every chunk run; yields an iterator over the results for every point."""
        array = self.array(name)
        tasks = [[(chunk, array, run, *more) for run in runs] for runs in self.runs(name)]
        yield from self.by_point(client, _on_run, tasks)

    def by_point(
        self, client: Client | None, function: Callable[..., Part], tasks: Sequence[Sequence[tuple[Any, ...]]]
    ) -> Iterator[Iterator[Part]]:
        """Call a function with the arguments of all tasks; yields an iterator over the results for every point.

        For points without done realizations the function is called in this process, not on the cluster.
        """
        filled = [bool(self.done[at].any()) for at in np.ndindex(self.done.shape[:-1])]
        parts = map_chunks(client, function, (task for point in itertools.compress(tasks, filled) for task in point))
        for point, has_done in zip(tasks, filled, strict=True):
            yield itertools.islice(parts, len(point)) if has_done else itertools.starmap(function, point)


def map_chunks(
    client: Client | None, function: Callable[..., Part], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[Part]:
    """Results of a function for all arguments, in order.

    Without a client the function is called in this process. With a client each call is a Dask task, and the number of
    tasks in flight is bounded.
    """
    if client is None:
        yield from itertools.starmap(function, arguments)
        return
    in_flight: deque[Future[Part]] = deque()
    for each in arguments:
        in_flight.append(client.submit(function, *each, pure=False))
        if len(in_flight) > _AHEAD:
            yield _result(in_flight.popleft())
    while in_flight:
        yield _result(in_flight.popleft())


def _result(future: "Future[Part]") -> Part:
    """The result of a task; raises a RunError if the cluster was lost or its workers died."""
    try:
        return future.result()
    except CancelledError as error:
        raise RunError("the cluster was lost while it read; the store is as it was, try again") from error
    except KilledWorker as error:
        raise RunError("workers die while they read; the store is as it was, give them more memory") from error


def put(
    result: xr.Dataset, name: str, dims: tuple[str, ...], values: Iterable[Any], said: str, units: str = "1"
) -> None:
    """Add one variable to a result, from its values at every point in grid order."""
    shape = tuple(result.sizes[dim] for dim in dims)
    result[name] = (dims, np.stack(list(values)).reshape(shape), {"long_name": said, "units": units})


def _on_run(chunk: Callable[..., Part], array: "zarr.Array[Any]", run: ChunkRun, *more: Any) -> Part:
    """The task: read one chunk run and call `chunk` with its rows."""
    return chunk(run.read(array), run, *more)


def _selected_indices(path: Location, layout: Layout, select: Select) -> tuple[list[int], ...]:
    """Indices of the selected values along each axis, in the order of the store; all indices by default."""
    for name in select:
        if name not in layout.axes:
            hint = remedy(name, layout.axes, "it has")
            raise ReductionError(f"points must be selected by axes that {path} has, got {name!r}: {hint}")
    places = []
    for name, values in layout.axes.items():
        selected = _selected_values(path, name, values, select[name]) if name in select else values
        places.append([place for place, value in enumerate(values) if value in selected])
    return tuple(places)


def _selected_values(path: Location, name: str, values: Sequence[Value], given: Value | Sequence[Value]) -> list[Value]:
    """The selected values of one axis, converted to its type; an error lists the values that the store has."""
    given_values = [
        each.item() if isinstance(each, np.generic) else each for each in np.asarray(given, dtype=object).ravel()
    ]
    known = f"it has {', '.join(map(repr, sorted(values)))}"
    if not given_values:
        raise ReductionError(f"{name} must be selected by at least one value of {path}, but its list is empty: {known}")
    selected: list[Value] = []
    for each in given_values:
        try:
            value = coerce(name, type(values[0]), each)
        except SweepError:
            value = None
        if value not in values:
            raise ReductionError(f"{name} must be one of the values that {path} has, got {each!r}: {known}")
        selected.append(value)
    return selected
