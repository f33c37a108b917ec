"""Reading a store for a reduction: runs of chunks as tasks, their results in the order of the realizations.

What counts is fixed once, when a reduction begins: the grid as it was committed, the points of it that are selected,
and the realizations that the status calls done. Data land before their status does, so all of that is there, however
far a run has come since.
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

from ensemble.errors import ReductionError, RunError, SweepError, cure
from ensemble.models.model import Observable
from ensemble.store import Layout, Status
from ensemble.store.damage import open_array, read, read_done
from ensemble.store.group import member, open_group
from ensemble.store.layout import BOOK
from ensemble.store.place import Place, for_zarr, place
from ensemble.values import Value, coerce

RUN_BYTES = 16 * 2**20
"""One task reads about this much; fixed, because it decides the order of the sums."""
_AHEAD = 256
"""Tasks submitted ahead of the one whose result is combined next."""

Part = TypeVar("Part")

Select = Mapping[str, Value | Sequence[Value]]
"""Values of axes: only the points that have them are reduced."""


@final
@dataclass(frozen=True)
class Run:
    """Consecutive realizations of one point, cut at the borders of chunks: what a task reads at once."""

    cell: tuple[int, ...]
    """Where the point lies in the grid of the store."""
    start: int
    """Its first realization."""
    done: NDArray[np.bool_]
    """Which of its realizations count, from the first on."""
    before: int
    """Realizations of the point that count and come earlier."""
    total: int
    """All realizations of the point that count."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """The realizations that count."""
        return self.start + np.flatnonzero(self.done)

    def read(self, array: "zarr.Array[Any]") -> NDArray[Any]:
        """One observable of the realizations that count, one after the other."""
        if not self.done.any():
            return np.empty((0, *array.shape[len(self.cell) + 1 :]), array.dtype)
        rows = read_done(array, self.cell, self.start, self.done)
        return rows if self.done.all() else rows[self.done]


@final
@dataclass(frozen=True)
class Source:
    """A store as it was when a reduction began, and the points of it that are selected."""

    path: Place
    """Where it is, for workers in any folder."""
    layout: Layout
    """What it holds; of the axes only the values that are selected."""
    places: tuple[list[int], ...]
    """Where these values lie along each axis of the store."""
    done: NDArray[np.bool_]
    """Which realizations of which selected points are done."""

    @classmethod
    def of(cls, store: str | Place, select: Select | None = None, first: int | None = None) -> Self:
        """The store as it is now: all points or those with some values of axes, all realizations or the first ones."""
        path = place(store).absolute()
        layout = Layout.read(path)
        places = _places(path, layout, select or {})
        status = read(member(open_group(path), "status"), tuple(slice(length) for length in layout.shape))
        axes = {
            name: tuple(values[place] for place in along)
            for (name, values), along in zip(layout.axes.items(), places, strict=True)
        }
        return cls(path, replace(layout, axes=axes), places, status[np.ix_(*places)][..., :first] == Status.DONE)

    def observable(self, name: str) -> Observable:
        """One observable by name; an error tells which there are."""
        known = self.layout.observables
        if name not in known:
            told = cure(name, known, "it has")
            raise ReductionError(f"the observable must be one that {self.path} has, got {name!r}: {told}")
        return known[name]

    def frame(self, dims: Iterable[str]) -> xr.Dataset:
        """A Dataset over the axes and some of the observables' dimensions that holds only the count, for results."""
        book = BOOK  # no result needs it, and xarray would read the times in it
        raw = xr.open_zarr(for_zarr(self.path), drop_variables=book, zarr_format=3)
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
        """One observable, opened once for all tasks."""
        return open_array(self.path, name)

    def runs(self, name: str) -> Iterator[list[Run]]:
        """For every point in the grid's order the runs in which one observable of it is read: at least one."""
        chunk = self.layout.chunk
        length = chunk * max(1, RUN_BYTES // (self.bytes_each(name) * chunk))
        for at, cell in zip(np.ndindex(self.done.shape[:-1]), itertools.product(*self.places), strict=True):
            done = self.done[at]
            before = np.concatenate([[0], np.cumsum(done)])
            yield [
                Run(cell, start, done[start : start + length], int(before[start]), int(before[-1]))
                for start in range(0, max(1, len(done)), length)
                if start == 0 or done[start : start + length].any()
            ]

    def bytes_each(self, name: str) -> int:
        """What one observable of one realization takes in memory."""
        observable = self.layout.observables[name]
        lengths = (len(self.layout.coords[dim]) for dim in observable.dims)
        return max(1, np.dtype(observable.dtype).itemsize * math.prod(lengths))

    def reduced(
        self, name: str, chunk: Callable[..., Part], client: Client | None, *more: Any
    ) -> Iterator[Iterator[Part]]:
        """`chunk(rows, run, *more)` of every run of every point, to be combined as they come."""
        array = self.array(name)
        tasks = [[(chunk, array, run, *more) for run in runs] for runs in self.runs(name)]
        yield from self.by_point(client, _on_run, tasks)

    def by_point(
        self, client: Client | None, function: Callable[..., Part], tasks: Sequence[Sequence[tuple[Any, ...]]]
    ) -> Iterator[Iterator[Part]]:
        """What the tasks of every point make, in order; points without realizations cost no cluster anything."""
        filled = [bool(self.done[at].any()) for at in np.ndindex(self.done.shape[:-1])]
        parts = mapped(client, function, (task for point in itertools.compress(tasks, filled) for task in point))
        for point, some in zip(tasks, filled, strict=True):
            yield itertools.islice(parts, len(point)) if some else itertools.starmap(function, point)


def mapped(
    client: Client | None, function: Callable[..., Part], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[Part]:
    """A function of all arguments in order: here, or as tasks of which a bounded number is in flight."""
    if client is None:
        yield from itertools.starmap(function, arguments)
        return
    ahead: deque[Future[Part]] = deque()
    for each in arguments:
        ahead.append(client.submit(function, *each, pure=False))
        if len(ahead) > _AHEAD:
            yield _result(ahead.popleft())
    while ahead:
        yield _result(ahead.popleft())


def _result(future: "Future[Part]") -> Part:
    """What a task made; one sentence if its cluster has gone."""
    try:
        return future.result()
    except CancelledError as error:
        raise RunError("the cluster was lost while it read; the store is as it was, try again") from error
    except KilledWorker as error:
        raise RunError("workers die while they read; the store is as it was, give them more memory") from error


def put(
    result: xr.Dataset, name: str, dims: tuple[str, ...], values: Iterable[Any], said: str, units: str = "1"
) -> None:
    """Add one quantity to a result from its values at every point in the grid's order."""
    shape = tuple(result.sizes[dim] for dim in dims)
    result[name] = (dims, np.stack(list(values)).reshape(shape), {"long_name": said, "units": units})


def _on_run(chunk: Callable[..., Part], array: "zarr.Array[Any]", run: Run, *more: Any) -> Part:
    """The task: read one run, make something of it."""
    return chunk(run.read(array), run, *more)


def _places(path: Place, layout: Layout, select: Select) -> tuple[list[int], ...]:
    """Where the selected values lie along each axis, in the order of the store; all where none is named."""
    for name in select:
        if name not in layout.axes:
            told = cure(name, layout.axes, "it has")
            raise ReductionError(f"points must be selected by axes that {path} has, got {name!r}: {told}")
    places = []
    for name, values in layout.axes.items():
        wanted = _wanted(path, name, values, select[name]) if name in select else values
        places.append([place for place, value in enumerate(values) if value in wanted])
    return tuple(places)


def _wanted(path: Place, name: str, values: Sequence[Value], given: Value | Sequence[Value]) -> list[Value]:
    """Values of an axis as a sweep file would give them; an error tells which there are."""
    listed = [each.item() if isinstance(each, np.generic) else each for each in np.asarray(given, dtype=object).ravel()]
    there = f"it has {', '.join(map(repr, sorted(values)))}"
    if not listed:
        raise ReductionError(f"{name} must be selected by at least one value of {path}, but its list is empty: {there}")
    wanted: list[Value] = []
    for each in listed:
        try:
            value = coerce(name, type(values[0]), each)
        except SweepError:
            value = None
        if value not in values:
            raise ReductionError(f"{name} must be one of the values that {path} has, got {each!r}: {there}")
        wanted.append(value)
    return wanted
