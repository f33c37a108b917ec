"""Write one chunk, consecutive realizations of one point; no other worker writes the same chunk."""

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
from ensemble.store.integrity import check_chunk, file_of, is_intact, open_array, read
from ensemble.store.location import Location, read_each


@final
@dataclass(frozen=True)
class ChunkRegion:
    """A chunk of the store, and the realizations in it that are to be computed."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
    start: int
    """First realization of the chunk."""
    stop: int
    """One past the last realization of the chunk."""
    indices: Sequence[int]
    """Realizations to compute, in increasing order; a range if they are consecutive."""
    holds: bool = False
    """Whether other realizations in the chunk are done, so that the chunk must exist on disk."""


@final
@dataclass(frozen=True)
class Outcome:
    """Result of one realization, or of several that were measured together."""

    indices: Sequence[int]
    """The realizations, in increasing order."""
    arrays: Mapping[str, NDArray[Any]] | None
    """Their observables, shape (realization, ...); None if they failed."""
    exception: str = ""
    """For a failure: one line with the error, one line that identifies the realization, the traceback; else ""."""
    seconds: float = 0.0
    """Time that computing took, in seconds."""


def write_chunk(
    store: Location, slot: ChunkRegion, outcomes: Iterable[Outcome], observables: Iterable[str], token: str = ""
) -> None:
    """Write outcomes into their chunk and keep the other realizations of the chunk.

    Parameters
    ----------
    store
        Path or location of the store.
    slot
        The chunk.
    outcomes
        Results of some of its realizations, including failures.
    observables
        Names of the observables to write.
    token
        Token of the driver's lock; empty: not checked.

    Raises
    ------
    LockLost
        If the driver with this token no longer holds the store. Then nothing is written, because another driver may be
        writing the chunk, or there may be another store at this path.
    StoreDamaged
        If the other realizations of the chunk cannot be read.
    StoreError
        If the chunk cannot be written.

    Notes
    -----
    The function may be called twice with the same outcomes, at any time. What it writes depends only on the outcomes.
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
            (store / "zarr.json").stat()  # an error if the folder is gone, even if nothing had to be written
    except (LockLost, StoreDamaged):
        raise
    except (OSError, ValueError) as error:
        raise StoreError(f"a chunk of {store} could not be written: {type(error).__name__}: {error}") from error


def _write(
    array: zarr.Array[Any], slot: ChunkRegion, rows: Iterable[tuple[Sequence[int], Any]], clear: Collection[int]
) -> None:
    """Write rows into a chunk, and fill values into the rows to clear, in one atomic write of the chunk.

    The other rows of the chunk are read first, if there are any.
    """
    region: tuple[int | slice, ...] = (*slot.cell, slice(slot.start, slot.stop))
    rows = list(rows)
    if sum(len(indices) for indices, _ in rows) + len(clear) == slot.stop - slot.start:
        shape = (slot.stop - slot.start, *array.shape[len(region) :])
        block = np.full(shape, array.fill_value, dtype=array.dtype)
    else:
        if slot.holds and is_intact(array):
            check_chunk(array, slot.cell, slot.start // array.chunks[len(slot.cell)])
        block = read(array, region)
        block[[index - slot.start for index in clear]] = array.fill_value
    for indices, values in rows:
        block[_places(slot, indices)] = values
    array[region] = block


def _places(slot: ChunkRegion, indices: Sequence[int]) -> slice | list[int]:
    """Return the positions of realizations in their chunk, as a slice if they are consecutive."""
    first, last = indices[0] - slot.start, indices[-1] - slot.start
    return slice(first, last + 1) if last - first < len(indices) else [index - slot.start for index in indices]


def _is_on_disk(array: zarr.Array[Any], slot: ChunkRegion) -> bool:
    """Return whether the chunk exists; a chunk of texts with only fill values is not written."""
    return file_of(array, (*slot.cell, slot.start // array.chunks[-1])).is_file()


def _open(store: Location, names: Sequence[str]) -> list[zarr.Array[Any]]:
    """Open arrays for writing; an array is reused if its metadata have not changed since it was opened."""
    written = read_each([store / name / "zarr.json" for name in names])
    for each in written:
        if isinstance(each, OSError):
            raise each
    return [_opened(store, name, metadata) for name, metadata in zip(names, written, strict=True)]


@functools.lru_cache(maxsize=64)
def _opened(store: Location, name: str, _metadata: bytes) -> zarr.Array[Any]:
    array = open_array(store, name, "r+")
    return array.with_config({"write_empty_chunks": True}) if is_intact(array) else array
