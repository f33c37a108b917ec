"""The unit of landing: one point, a run of realizations; a worker writes it whole, and nobody else does."""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import LockLost, StoreDamaged, StoreError
from ensemble.store import lock
from ensemble.store.damage import check_chunk, file_of, is_whole, open_array, read
from ensemble.store.place import Place, read_each


@final
@dataclass(frozen=True)
class Slot:
    """A chunk of the store, and which of its realizations are to be computed."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
    start: int
    """First realization of the chunk."""
    stop: int
    """One past its last."""
    indices: Sequence[int]
    """Realizations to compute, in increasing order; a range where none is left out."""
    holds: bool = False
    """Whether other realizations in the chunk are done, so that it must be there."""


@final
@dataclass(frozen=True)
class Outcome:
    """What became of one realization, or of some that were measured together."""

    indices: Sequence[int]
    """Which realizations, in increasing order."""
    arrays: Mapping[str, NDArray[Any]] | None
    """Their observables, the realization first; None if they failed."""
    exception: str = ""
    """If they failed: one line that says how, one that says which it is, and below them the traceback."""
    seconds: float = 0.0
    """What they took."""


def land(store: Place, slot: Slot, outcomes: Iterable[Outcome], observables: Iterable[str], token: str = "") -> None:
    """Write the outcomes into their chunk and keep what else the chunk holds.

    Nothing is written if the driver with this `token` no longer holds the store: another one may be writing the chunk,
    or another store may be there. May be called twice with the same outcomes, at any time: what it writes depends on
    nothing but them.
    """
    outcomes = list(outcomes)
    measured = [(outcome.indices, outcome.arrays) for outcome in outcomes if outcome.arrays is not None]
    failed = {index: each.exception for each in outcomes if each.arrays is None for index in each.indices}
    done = [index for indices, _ in measured for index in indices]
    try:
        names = tuple(observables)
        lock.check_token(store, token)
        *opened, texts = _open(store, (*names, "exception"))
        for name, array in zip(names, opened, strict=True):
            rows = [(indices, arrays[name]) for indices, arrays in measured]
            _write(array, slot, rows, clear=failed)
        if failed or _is_on_disk(texts, slot):
            _write(texts, slot, [((index,), text) for index, text in failed.items()], clear=done)
        if isinstance(store, Path):
            (store / "zarr.json").stat()  # to miss a folder that has gone also where nothing had to be written
    except (LockLost, StoreDamaged):
        raise
    except (OSError, ValueError) as error:
        raise StoreError(f"a chunk of {store} could not be written: {type(error).__name__}: {error}") from error


def _write(
    array: zarr.Array[Any], slot: Slot, rows: Iterable[tuple[Sequence[int], Any]], clear: Collection[int]
) -> None:
    """Put rows into a chunk and fill values where rows are to be cleared, in one atomic write of the chunk.

    What else the chunk holds is read first, unless there is nothing else.
    """
    region: tuple[int | slice, ...] = (*slot.cell, slice(slot.start, slot.stop))
    rows = list(rows)
    if sum(len(indices) for indices, _ in rows) + len(clear) == slot.stop - slot.start:
        shape = (slot.stop - slot.start, *array.shape[len(region) :])
        block = np.full(shape, array.fill_value, dtype=array.dtype)
    else:
        if slot.holds and is_whole(array):
            check_chunk(array, slot.cell, slot.start // array.chunks[len(slot.cell)])
        block = read(array, region)
        block[[index - slot.start for index in clear]] = array.fill_value
    for indices, values in rows:
        block[_places(slot, indices)] = values
    array[region] = block


def _places(slot: Slot, indices: Sequence[int]) -> slice | list[int]:
    """Where realizations lie in their chunk: a slice, if none between them is left out."""
    first, last = indices[0] - slot.start, indices[-1] - slot.start
    return slice(first, last + 1) if last - first < len(indices) else [index - slot.start for index in indices]


def _is_on_disk(array: zarr.Array[Any], slot: Slot) -> bool:
    """Whether the array's chunk is there; it is not while it would hold nothing but fill values."""
    return file_of(array, (*slot.cell, slot.start // array.chunks[-1])).is_file()


def _open(store: Place, names: Sequence[str]) -> list[zarr.Array[Any]]:
    """Arrays to write to: those that were opened before, unless the driver has given them another shape since."""
    written = read_each([store / name / "zarr.json" for name in names])
    for each in written:
        if isinstance(each, OSError):
            raise each
    return [_opened(store, name, metadata) for name, metadata in zip(names, written, strict=True)]


@functools.lru_cache(maxsize=64)
def _opened(store: Place, name: str, _metadata: bytes) -> zarr.Array[Any]:
    array = open_array(store, name, "r+")
    return array.with_config({"write_empty_chunks": True}) if is_whole(array) else array
