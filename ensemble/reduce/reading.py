"""Reading a store for a reduction: runs of chunks as tasks, their results in the order of the realizations.

What counts is fixed once, when a reduction begins: the grid as it was committed, and the realizations that the
status calls done. Data land before their status does, so all of that is there, however far a run has come since.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar, final

import numpy as np
import xarray as xr
import zarr
from distributed import Client, Future
from numpy.typing import NDArray

from ensemble.errors import ReductionError, cure
from ensemble.models.model import Observable
from ensemble.store import Layout, Status
from ensemble.store.group import member, open_group

RUN_BYTES = 64 * 2**20
"""One task reads about this much; fixed, because it decides the order of the sums."""
_AHEAD = 256
"""Tasks submitted ahead of the one whose result is combined next."""

Part = TypeVar("Part")


@final
@dataclass(frozen=True)
class Run:
    """Consecutive realizations of one point, cut at the borders of chunks: what a task reads at once."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
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

    def read(self, store: Path, name: str) -> NDArray[Any]:
        """One observable of the realizations that count, one after the other."""
        array: zarr.Array[Any] = zarr.open_array(str(store / name), mode="r")
        region: tuple[int | slice, ...] = (*self.cell, slice(self.start, self.start + len(self.done)))
        rows = np.asarray(array[region])
        return rows if self.done.all() else rows[self.done]


@final
@dataclass(frozen=True)
class Source:
    """A store as it was when a reduction began."""

    path: Path
    """Where it is, for workers in any folder."""
    layout: Layout
    """What it holds."""
    done: NDArray[np.bool_]
    """Which realizations of which points are done."""

    @classmethod
    def of(cls, store: str | Path) -> Self:
        """The store as it is now."""
        path = Path(store).absolute()
        layout = Layout.read(path)
        status = np.asarray(member(open_group(path), "status")[tuple(slice(length) for length in layout.shape)])
        return cls(path, layout, status == Status.DONE)

    def observable(self, name: str) -> Observable:
        """One observable by name; an error tells which there are."""
        known = self.layout.observables
        if name not in known:
            told = cure(name, known, "it has")
            raise ReductionError(f"the observable must be one that {self.path} has, got {name!r}: {told}")
        return known[name]

    def frame(self, dims: Iterable[str]) -> xr.Dataset:
        """A Dataset over the axes and some of the observables' dimensions that holds only the count, for results."""
        raw = xr.open_zarr(self.path)
        sizes = dict(zip(self.layout.axes, self.done.shape, strict=False))
        counted = {"long_name": "number of finished realizations", "units": "1"}
        return xr.Dataset(
            {"count": (tuple(sizes), self.done.sum(axis=-1), counted)},
            coords={
                **{name: raw[name].isel({name: slice(size)}) for name, size in sizes.items()},
                **{dim: raw[dim] for dim in dims},
            },
            attrs=raw.attrs,
        )

    def runs(self, name: str) -> Iterator[tuple[tuple[int, ...], list[Run]]]:
        """Every point in the grid's order, with the runs in which one observable of it is read."""
        chunk = self.layout.chunk
        length = chunk * max(1, RUN_BYTES // (self.bytes_each(name) * chunk))
        for cell in np.ndindex(self.done.shape[:-1]):
            done = self.done[cell]
            before = np.concatenate([[0], np.cumsum(done)])
            yield (
                cell,
                [
                    Run(cell, start, done[start : start + length], int(before[start]), int(before[-1]))
                    for start in range(0, max(1, len(done)), length)
                    if start == 0 or done[start : start + length].any()
                ],
            )

    def bytes_each(self, name: str) -> int:
        """What one observable of one realization takes in memory."""
        observable = self.layout.observables[name]
        lengths = (len(self.layout.coords[dim]) for dim in observable.dims)
        return max(1, np.dtype(observable.dtype).itemsize * math.prod(lengths))

    def reduced(
        self, name: str, chunk: Callable[..., Part], client: Client | None, *more: Any
    ) -> Iterator[tuple[tuple[int, ...], Iterator[Part]]]:
        """`chunk(rows, run, *more)` of every run of every point, to be combined as they come."""
        runs = [run for _, group in self.runs(name) for run in group]
        parts = mapped(client, _on_run, ((chunk, self.path, name, run, *more) for run in runs))
        pairs = zip((run.cell for run in runs), parts, strict=True)
        for cell, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            yield cell, (part for _, part in group)


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
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def put(
    result: xr.Dataset, name: str, dims: tuple[str, ...], values: Iterable[Any], said: str, units: str = "1"
) -> None:
    """Add one quantity to a result from its values at every point in the grid's order."""
    shape = tuple(result.sizes[dim] for dim in dims)
    result[name] = (dims, np.stack(list(values)).reshape(shape), {"long_name": said, "units": units})


def _on_run(chunk: Callable[..., Part], store: Path, name: str, run: Run, *more: Any) -> Part:
    """The task: read one run, make something of it."""
    return chunk(run.read(store, name), run, *more)
