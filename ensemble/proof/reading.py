"""Every chunk of every observable, and of the texts of failures: read as tasks, a bounded number at a time."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr
from distributed import Client
from numpy.typing import NDArray

from ensemble.proof.book import Book
from ensemble.proof.damage import of_chunk
from ensemble.reduce.reading import mapped
from ensemble.run import Watch
from ensemble.store import Status
from ensemble.store.damage import file_of, is_whole, region_of, trouble
from ensemble.store.group import ABSENT
from ensemble.values import Value

_TASK_BYTES = 32 * 2**20
_TASK_CHUNKS = 256
"""One task reads so many chunks, or so much of them if they are large."""

Chunk = tuple[int, ...]
Look = tuple[Chunk, NDArray[np.int64]]
"""A chunk to be read, and which of its realizations have to tell why they failed."""


@final
@dataclass(frozen=True)
class Absent:
    """A chunk of an observable that is not there, although realizations in it are done.

    In a store that an older version made, a chunk that holds nothing but the fill value of its array was never written,
    so only computing its realizations again tells whether it should be there.
    """

    name: str
    """The observable."""
    chunk: Chunk
    """Which chunk of it."""
    cell: tuple[int, ...]
    """Grid indices of its point."""
    number: int
    """Which chunk of its point."""


def read_all(
    arrays: Mapping[str, zarr.Array[Any]],
    axes: Mapping[str, Sequence[Value]],
    book: Book,
    client: Client | None,
    watch: Watch,
) -> list[Absent]:
    """Read all chunks; what is damaged goes into the book. Gives those that may have to be there, and are not."""
    rank, absent = len(axes), []
    watch.begin(sum(math.prod(array.cdata_shape) for array in arrays.values()), 0)
    try:
        for name, found, count in mapped(client, _look, _tasks(arrays, book, rank)):
            for chunk, said in found:
                place = _place(arrays[name], chunk, rank)
                held = book.status[place] == (Status.FAILED if name == "exception" else Status.DONE)
                if said != ABSENT or (held.any() and (name == "exception" or is_whole(arrays[name]))):
                    book.damages.append(of_chunk(arrays[name], chunk, axes, said))
                    book.lost[place] |= held
                elif held.any():
                    absent.append(Absent(name, chunk, chunk[:rank], chunk[rank]))
            watch.landed(count, 0)
            watch.tick()
    finally:
        watch.end()
    return absent


def _tasks(
    arrays: Mapping[str, zarr.Array[Any]], book: Book, rank: int
) -> Iterator[tuple[str, zarr.Array[Any], list[Look]]]:
    """What tasks are to read: some chunks of an array each."""
    nothing = np.empty(0, np.int64)
    for name, array in arrays.items():
        each = math.prod(array.chunks) * max(1, array.dtype.itemsize)
        length = max(1, min(_TASK_CHUNKS, _TASK_BYTES // each))
        chunks = iter(np.ndindex(array.cdata_shape))
        while some := list(itertools.islice(chunks, length)):
            if name == "exception":
                failed = (book.status[_place(array, chunk, rank)] == Status.FAILED for chunk in some)
                yield name, array, [(chunk, np.flatnonzero(each)) for chunk, each in zip(some, failed, strict=True)]
            else:
                yield name, array, [(chunk, nothing) for chunk in some]


def _look(name: str, array: zarr.Array[Any], chunks: Sequence[Look]) -> tuple[str, list[tuple[Chunk, str]], int]:
    """The task: the chunks with which something is wrong, and what; and how many were read."""
    found = [(chunk, _said(array, chunk, failed)) for chunk, failed in chunks]
    return name, [(chunk, said) for chunk, said in found if said], len(found)


def _said(array: zarr.Array[Any], chunk: Chunk, failed: NDArray[np.int64]) -> str:
    """What is wrong with a chunk; an empty text if nothing is."""
    if not file_of(array, chunk).exists():
        return ABSENT
    if said := trouble(array, chunk):
        return said
    if len(failed):
        texts = np.asarray(array[region_of(array, chunk)]).ravel()
        return "" if all(texts[failed]) else "it does not tell why realizations failed"
    return ""


def _place(array: zarr.Array[Any], chunk: Chunk, rank: int) -> tuple[int | slice, ...]:
    """The point and the realizations that a chunk holds."""
    return (*chunk[:rank], region_of(array, chunk)[rank])
