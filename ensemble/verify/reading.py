"""Read every chunk of every observable and of the error texts, in tasks; a bounded number is in flight."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr
from distributed import Client
from numpy.typing import NDArray

from ensemble.reduce.reading import map_chunks
from ensemble.run import Watch
from ensemble.store import Status, digest
from ensemble.store.group import ABSENT
from ensemble.store.integrity import file_of, is_intact, region_of, try_chunk
from ensemble.sweep.toml_values import Value
from ensemble.verify.digests import DigestCheck
from ensemble.verify.file_checks import check_chunk_file
from ensemble.verify.ledger_blocks import LedgerBlocks

_TASK_BYTES = 32 * 2**20
_TASK_CHUNKS = 256
"""One task reads at most this number of chunks, and at most about `_TASK_BYTES` of data if chunks are large."""

Chunk = tuple[int, ...]
Look = tuple[Chunk, int | None, NDArray[np.int64]]
"""A chunk to read, the key of its point (None: no digests), and the realizations that must have an error text."""


@final
@dataclass(frozen=True)
class Read:
    """The result of reading one chunk."""

    chunk: Chunk
    """Index of the chunk in its array."""
    said: str
    """What is wrong with the chunk; empty if nothing is wrong."""
    parts: NDArray[np.uint32] | None
    """Its part in the digest of each of its realizations; None if digests are not computed."""


@final
@dataclass(frozen=True)
class MissingChunk:
    """A chunk of an observable whose file does not exist, although realizations in it are done.

    Older versions did not write a chunk that contains only the fill value. In their stores, only recomputing a
    realization shows whether the chunk should exist.
    """

    name: str
    """Name of the observable."""
    chunk: Chunk
    """Index of the chunk in the array."""
    cell: tuple[int, ...]
    """Grid indices of the point."""
    number: int
    """Index of the chunk along the realizations of the point."""


def read_all(
    arrays: Mapping[str, zarr.Array[Any]],
    axes: Mapping[str, Sequence[Value]],
    ledger: LedgerBlocks,
    digests: DigestCheck | None,
    client: Client | None,
    watch: Watch,
) -> list[MissingChunk]:
    """Read all chunks, and return the missing chunks that may have to exist.

    Damages and lost realizations are added to `ledger`, and digests of the data to `digests`.
    """
    rank, absent = len(axes), []
    watch.begin(sum(math.prod(array.cdata_shape) for array in arrays.values()), 0)
    try:
        for name, found, count in map_chunks(client, _read_chunks, _tasks(arrays, ledger, digests, rank)):
            for each in found:
                chunk, said = each.chunk, each.said
                where = _chunk_index(arrays[name], chunk, rank)
                if digests and each.parts is not None:
                    digests.parts[where] += each.parts
                if not said:
                    continue
                held = ledger.status[where] == (Status.FAILED if name == "exception" else Status.DONE)
                if said != ABSENT or (held.any() and (name == "exception" or is_intact(arrays[name]))):
                    ledger.damages.append(check_chunk_file(arrays[name], chunk, axes, said))
                    ledger.lost[where] |= held
                elif held.any():
                    absent.append(MissingChunk(name, chunk, chunk[:rank], chunk[rank]))
            watch.landed(count, 0)
            watch.tick()
    finally:
        watch.end()
    return absent


def _tasks(
    arrays: Mapping[str, zarr.Array[Any]], ledger: LedgerBlocks, digests: DigestCheck | None, rank: int
) -> Iterator[tuple[str, zarr.Array[Any], list[Look], int]]:
    """Arguments of the tasks: each task reads some chunks of one array."""
    nothing = np.empty(0, np.int64)
    for name, array in arrays.items():
        each = math.prod(array.chunks) * max(1, array.dtype.itemsize)
        length = max(1, min(_TASK_CHUNKS, _TASK_BYTES // each))
        chunks = iter(np.ndindex(array.cdata_shape))
        while batch := list(itertools.islice(chunks, length)):
            if name == "exception":
                failed = (ledger.status[_chunk_index(array, chunk, rank)] == Status.FAILED for chunk in batch)
                texts = ((chunk, None, np.flatnonzero(each)) for chunk, each in zip(batch, failed, strict=True))
                yield name, array, list(texts), rank
            else:
                yield name, array, [(chunk, digests and digests.key(chunk[:rank]), nothing) for chunk in batch], rank


def _read_chunks(name: str, array: zarr.Array[Any], chunks: Sequence[Look], rank: int) -> tuple[str, list[Read], int]:
    """The task: read chunks. Returns those that are wrong or have digests, and the number of chunks that were read."""
    found = [_read_chunk(name, array, *each, rank) for each in chunks]
    return name, [each for each in found if each.said or each.parts is not None], len(found)


def _read_chunk(
    name: str, array: zarr.Array[Any], chunk: Chunk, key: int | None, failed: NDArray[np.int64], rank: int
) -> Read:
    """Read one chunk and find what is wrong with it."""
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


def _chunk_index(array: zarr.Array[Any], chunk: Chunk, rank: int) -> tuple[int | slice, ...]:
    """Index of the point and slice of the realizations that a chunk holds."""
    return (*chunk[:rank], region_of(array, chunk)[rank])
