"""Averages over realizations, with their standard errors: from a store of trajectories to a small Dataset.

    chunk      count, mean and sum of squared deviations of the done realizations in a run of store chunks
    combine    two such moments into one, without cancellation (Chan, Golub and LeVeque)
    finalize   mean, standard error of the mean, count

Runs of chunks are Dask tasks where a client is given. They are cut and combined in a fixed order, so the result
does not depend on the number of workers; memory does not grow with the number of realizations.

Errors of anything averaged over time, such as the late-time plateau, come from averaging every trajectory first:
the points of one trajectory are correlated, different realizations are not.

The mean of complex numbers is complex, its error real: that of the distance in the plane. Where an observable is
padded with NaN, so are its averages.
"""

import functools
import itertools
import math
import operator
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import xarray as xr
import zarr
from distributed import Client, Future
from numpy.typing import NDArray

from ensemble.store import Layout, Status
from ensemble.store.group import member, open_group

_RUN_BYTES = 64 * 2**20
"""One task reads about this much; fixed, because it decides the order of the sums."""
_AHEAD = 256
"""Tasks submitted ahead of the one whose result is combined next."""
_LATE = 0.1
"""The plateau is the mean over this last part of the time grid."""


@final
@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of some realizations."""

    count: int
    mean: NDArray[Any]
    """Real, or complex if the realizations are."""
    squares: NDArray[np.float64]
    """Sum of the squared distances from the mean."""

    @classmethod
    def of(cls, rows: NDArray[Any]) -> Self:
        """Chunk: the moments over the first dimension."""
        values = rows.astype(np.complex128 if rows.dtype.kind == "c" else np.float64)
        if not len(values):
            return cls(0, np.zeros(values.shape[1:], values.dtype), np.zeros(values.shape[1:]))
        mean = values.mean(axis=0)
        return cls(len(values), mean, _squared(values - mean).sum(axis=0))

    def __add__(self, other: Self) -> "Moments":
        """Combine: the moments of both together."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + _squared(step) * (self.count * other.count / count)
        return Moments(count, mean, squares)

    def finalize(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The mean and its standard error; without realizations no mean, with a single one no error."""
        if self.count < 2:
            return (self.mean if self.count else np.full_like(self.mean, np.nan)), np.full_like(self.squares, np.nan)
        return self.mean, np.sqrt(self.squares / (self.count - 1) / self.count)


def average(store: str | Path, *, client: Client | None = None) -> xr.Dataset:
    """Averages of every observable over the realizations done so far, over (axes..., observable dims...).

    For an observable `C`: `C` (mean), `C_error` (standard error) and, if it is a function of t, `C_late` and
    `C_late_error`, the plateau: the mean over the last tenth of the time grid. `count` is the number of
    realizations. With a client the reading is done on its cluster.
    """
    store = Path(store).absolute()
    layout = Layout.read(store)
    done = np.asarray(member(open_group(store), "status")[...]) == Status.DONE
    raw = xr.open_zarr(store)
    axes = tuple(layout.axes)
    result = xr.Dataset(
        {"count": (axes, done.sum(axis=-1), {"long_name": "number of finished realizations", "units": "1"})},
        coords={name: raw[name] for name in (*axes, *layout.coords)},
        attrs=raw.attrs,
    )
    for name, observable in layout.observables.items():
        late = observable.dims.index("t") if "t" in observable.dims else None
        means, lates = zip(*_reduced(store, name, layout, done, late, client), strict=True)
        said, units = observable.long_name, observable.units
        _put(result, name, f"mean {said}", units, (*axes, *observable.dims), means)
        if late is not None:
            rest = tuple(dim for dim in observable.dims if dim != "t")
            _put(result, f"{name}_late", f"late-time mean {said}", units, (*axes, *rest), lates)
    return result.sortby(list(axes))


def curves(averages: xr.Dataset) -> list[str]:
    """The averages that are real functions of a single coordinate, a number, and so can be drawn as lines."""
    points = averages["count"].ndim
    return [
        name
        for name in map(str, averages.data_vars)
        if f"{name}_error" in averages
        and averages[name].ndim == points + 1
        and averages[name].dtype.kind == "f"
        and averages[averages[name].dims[-1]].dtype.kind in "iuf"
    ]


def _squared(values: NDArray[Any]) -> NDArray[np.float64]:
    """|x|² of real or complex numbers."""
    squares: NDArray[np.float64] = values.real**2 + values.imag**2 if np.iscomplexobj(values) else values**2
    return squares


def _reduced(
    store: Path, name: str, layout: Layout, done: NDArray[np.bool_], late: int | None, client: Client | None
) -> Iterator[tuple[Moments, Moments]]:
    """The moments of one observable, and of its late-time mean, for every point in the grid's order."""
    array = member(open_group(store), name)
    bytes_each = max(1, array.dtype.itemsize * math.prod(array.shape[done.ndim :]))
    length = layout.chunk * max(1, _RUN_BYTES // (bytes_each * layout.chunk))
    runs = [
        (cell, start)
        for cell in np.ndindex(done.shape[:-1])
        for start in range(0, max(1, done.shape[-1]), length)
        if start == 0 or done[cell][start : start + length].any()
    ]
    parts = _mapped(
        client,
        ((str(store), name, cell, start, done[cell][start : start + length], late) for cell, start in runs),
    )
    for _, group in itertools.groupby(zip(runs, parts, strict=True), key=lambda pair: pair[0][0]):
        full, tail = zip(*(part for _, part in group), strict=True)
        yield functools.reduce(operator.add, full), functools.reduce(operator.add, tail)


def _mapped(client: Client | None, arguments: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Moments, Moments]]:
    """`_moments` of all arguments in order: here, or as tasks of which a bounded number is in flight."""
    if client is None:
        yield from itertools.starmap(_moments, arguments)
        return
    ahead: deque[Future[Any]] = deque()
    for each in arguments:
        ahead.append(client.submit(_moments, *each, pure=False))
        if len(ahead) > _AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _moments(
    store: str, name: str, cell: tuple[int, ...], start: int, done: NDArray[np.bool_], late: int | None
) -> tuple[Moments, Moments]:
    """Read one run of realizations, keep those that are done, take their moments and those of their late mean."""
    array: zarr.Array[Any] = zarr.open_array(f"{store}/{name}", mode="r")
    region: tuple[int | slice, ...] = (*cell, slice(start, start + len(done)))
    rows = np.asarray(array[region])[done]
    if late is None:
        return Moments.of(rows), Moments.of(rows[:0])
    last = math.ceil(rows.shape[late + 1] * _LATE)
    tail = np.take(rows, np.arange(rows.shape[late + 1] - last, rows.shape[late + 1]), axis=late + 1)
    return Moments.of(rows), Moments.of(tail.mean(axis=late + 1))


def _put(
    result: xr.Dataset, name: str, said: str, units: str, dims: tuple[str, ...], moments: Sequence[Moments]
) -> None:
    """Add mean and standard error of one quantity to the result."""
    means, errors = zip(*(each.finalize() for each in moments), strict=True)
    shape = tuple(result.sizes[dim] for dim in dims)
    for suffix, prefix, values in (("", "", means), ("_error", "standard error of the ", errors)):
        label = {"long_name": prefix + said, "units": units}
        result[name + suffix] = (dims, np.stack(values).reshape(shape), label)
