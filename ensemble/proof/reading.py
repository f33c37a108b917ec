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
from ensemble.proof.digests import DigestCheck
from ensemble.reduce.reading import mapped
from ensemble.run import Watch
from ensemble.store import Status, digest
from ensemble.store.damage import file_of, is_whole, region_of, try_chunk
from ensemble.store.group import ABSENT
from ensemble.values import Value

_TASK_BYTES = 32 * 2**20
_TASK_CHUNKS = 256
"""One task reads so many chunks, or so much of them if they are large."""

Chunk = tuple[int, ...]
Look = tuple[Chunk, int | None, NDArray[np.int64]]
"""A chunk to be read, the key of its point if its digests are wanted, and which realizations must tell why they failed.
"""


@final
@dataclass(frozen=True)
class Read:
    """One chunk, as it was read."""

    chunk: Chunk
    """Which chunk."""
    said: str
    """What is wrong with it."""
    parts: NDArray[np.uint32] | None
    """Its part in the digest of each of its realizations; None if that was not asked for."""


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
    digests: DigestCheck | None,
    client: Client | None,
    watch: Watch,
) -> list[Absent]:
    """Read all chunks; what is damaged goes into the book. Gives those that may have to be there, and are not.

    The digests of what is read are added to `digests`.
    """
    rank, absent = len(axes), []
    watch.begin(sum(math.prod(array.cdata_shape) for array in arrays.values()), 0)
    try:
        for name, found, count in mapped(client, _look, _tasks(arrays, book, digests, rank)):
            for each in found:
                chunk, said = each.chunk, each.said
                place = _place(arrays[name], chunk, rank)
                if digests and each.parts is not None:
                    digests.parts[place] += each.parts
                if not said:
                    continue
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
    arrays: Mapping[str, zarr.Array[Any]], book: Book, digests: DigestCheck | None, rank: int
) -> Iterator[tuple[str, zarr.Array[Any], list[Look], int]]:
    """What tasks are to read: some chunks of an array each."""
    nothing = np.empty(0, np.int64)
    for name, array in arrays.items():
        each = math.prod(array.chunks) * max(1, array.dtype.itemsize)
        length = max(1, min(_TASK_CHUNKS, _TASK_BYTES // each))
        chunks = iter(np.ndindex(array.cdata_shape))
        while some := list(itertools.islice(chunks, length)):
            if name == "exception":
                failed = (book.status[_place(array, chunk, rank)] == Status.FAILED for chunk in some)
                texts = ((chunk, None, np.flatnonzero(each)) for chunk, each in zip(some, failed, strict=True))
                yield name, array, list(texts), rank
            else:
                yield name, array, [(chunk, digests and digests.key(chunk[:rank]), nothing) for chunk in some], rank


def _look(name: str, array: zarr.Array[Any], chunks: Sequence[Look], rank: int) -> tuple[str, list[Read], int]:
    """The task: the chunks with which something is wrong, or that have a part in digests; and how many were read."""
    found = [_read(name, array, *each, rank) for each in chunks]
    return name, [each for each in found if each.said or each.parts is not None], len(found)


def _read(
    name: str, array: zarr.Array[Any], chunk: Chunk, key: int | None, failed: NDArray[np.int64], rank: int
) -> Read:
    """Read a chunk, and tell what is wrong with it."""
    if key is None and not file_of(array, chunk).exists():
        return Read(chunk, ABSENT, None)
    said, rows = try_chunk(array, chunk)
    if said:
        return Read(chunk, said, None)
    if len(failed) and not all(rows.ravel()[failed]):
        return Read(chunk, "it does not tell why realizations failed", None)
    if key is None:
        return Read(chunk, "", None)
    first = chunk[rank] * array.chunks[rank]
    block = rows.reshape(rows.shape[rank:])
    parts = digest.of_rows(key, name, range(first, first + len(block)), block)
    return Read(chunk, "" if file_of(array, chunk).exists() else ABSENT, parts)


def _place(array: zarr.Array[Any], chunk: Chunk, rank: int) -> tuple[int | slice, ...]:
    """The point and the realizations that a chunk holds."""
    return (*chunk[:rank], region_of(array, chunk)[rank])
