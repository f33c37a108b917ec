"""Block sums over the first realizations of points, for the stop rule.

A stop rule cuts the first realizations of a point into blocks of consecutive ones. The sums are kept from one
checkpoint to the next, and several tasks can sum new data. The sum of a block depends only on the block, so the same
realizations give the same bits, however the work is divided.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.store.integrity import open_array, read_done
from ensemble.store.location import parse_location
from ensemble.sweep.stop_rule import StopRule

_READ_BYTES = 16 * 2**20
"""Bytes that are read at once, approximately."""
_TASK_BYTES = 64 * 2**20
"""Bytes that one task reads, approximately, if several tasks share the work."""


@final
@dataclass(frozen=True)
class PrefixSums:
    """Sums over consecutive blocks of realizations of one point."""

    sums: NDArray[np.float64]
    """Sum of each block: (blocks, times...)."""
    counts: NDArray[np.int64]
    """Realizations in each block, without failed ones: (blocks,)."""

    def doubled(self) -> "PrefixSums":
        """Merge pairs of neighbouring blocks."""
        return PrefixSums(self.sums[0::2] + self.sums[1::2], self.counts[0::2] + self.counts[1::2])


@final
@dataclass(frozen=True)
class BlockRange:
    """Consecutive blocks of realizations of one point."""

    cell: tuple[int, ...]
    """Grid indices of the point in the store."""
    edges: tuple[int, ...]
    """First realization of each block, and one past the last realization: (blocks + 1,)."""


@final
@dataclass(frozen=True)
class Source:
    """The data that is summed."""

    store: str
    """Path or URL of the store, as the worker sees it."""
    observable: str
    failed: frozenset[int]
    """Realizations that are excluded at all points."""


def ahead(stop: StopRule, cells: Sequence[tuple[int, ...]], most: int, known_at: int, number: int) -> list[BlockRange]:
    """The block ranges to sum for checkpoint `number`: for each checkpoint after `known_at`, for each point.

    `known_at` is -1 if no sums are known.
    """
    edges = {each: tuple(min(edge, most) for edge in stop.edges(each)) for each in range(known_at + 1, number + 1)}
    return [BlockRange(cell, edges[each][_before(stop, each) :]) for each in edges for cell in cells]


def portions(ranges: Sequence[BlockRange], size: int) -> list[list[BlockRange]]:
    """Divide block ranges into lists, one per task; `size` is the number of values in a realization."""
    divided: list[list[BlockRange]] = []
    bytes_left = 0
    for block_range in ranges:
        if bytes_left <= 0:
            divided.append([])
            bytes_left = _TASK_BYTES
        divided[-1].append(block_range)
        bytes_left -= 8 * size * (block_range.edges[-1] - block_range.edges[0])
    return divided


def total(source: Source, ranges: Sequence[BlockRange]) -> list[PrefixSums]:
    """Sum the blocks of some ranges; the data is read in parts that fit into memory."""
    array = open_array(parse_location(source.store), source.observable)
    failed = np.array(sorted(source.failed), np.int64)
    return [_total(array, block_range, failed) for block_range in ranges]


def extended(
    stop: StopRule, known: tuple[PrefixSums, ...], known_at: int, new: Sequence[PrefixSums], points: int
) -> tuple[PrefixSums, ...]:
    """Combine the known sums of `points` points with the new sums over the ranges of `ahead`."""
    for number, at in enumerate(range(0, len(new), points), known_at + 1):
        more = tuple(new[at : at + points])
        pairs = zip(known, more, strict=True)
        known = tuple(_joined(a.doubled() if stop.doubles(number) else a, b) for a, b in pairs) if known else more
    return known


def _before(stop: StopRule, number: int) -> int:
    """Number of blocks of a checkpoint that the checkpoint before it already contains."""
    if number == 0:
        return 0
    before = len(stop.edges(number - 1)) - 1
    return before // 2 if stop.doubles(number) else before


def _joined(sums: PrefixSums, more: PrefixSums) -> PrefixSums:
    return PrefixSums(np.concatenate([sums.sums, more.sums]), np.concatenate([sums.counts, more.counts]))


def _total(array: "zarr.Array[Any]", block_range: BlockRange, failed: NDArray[np.int64]) -> PrefixSums:
    """Sum the blocks of a range; each sum depends only on its block."""
    shape = array.shape[len(block_range.cell) + 1 :]
    blocks = list(itertools.pairwise(block_range.edges))
    sums, counts = np.zeros((len(blocks), *shape)), np.zeros(len(blocks), np.int64)
    for first, last, start, stop in _parts(block_range.edges, max(1, _READ_BYTES // (8 * math.prod(shape)))):
        kept = np.ones(stop - start, bool)
        kept[failed[(start <= failed) & (failed < stop)] - start] = False
        rows = read_done(array, block_range.cell, start, kept)
        for block in range(first, last):
            inside = slice(max(0, block_range.edges[block] - start), block_range.edges[block + 1] - start)
            chosen = rows[inside] if kept[inside].all() else rows[inside][kept[inside]]
            sums[block] += chosen.sum(axis=0, dtype=np.float64)
            counts[block] += len(chosen)
    return PrefixSums(sums, counts)


def _parts(edges: Sequence[int], length: int) -> Iterator[tuple[int, int, int, int]]:
    """What to read at once: several whole blocks, or part of a long one, as (first block, end block, start, stop)."""
    first = 0
    while first < len(edges) - 1:
        last = first + 1
        while last < len(edges) - 1 and edges[last + 1] - edges[first] <= length:
            last += 1
        for start in range(edges[first], edges[last], length):
            yield first, last, start, min(start + length, edges[last])
        first = last
