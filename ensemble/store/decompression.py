"""How large a chunk becomes when it is read; found out from the compressed bytes, before memory is taken.

Zstandard makes 46 kB of 1.5 GB of zeros. Whoever reads a store that comes from elsewhere would have to hold them before
anything could be wrong with them. So a chunk that becomes larger than 16 MiB is compared with the metadata of its array
first: it may become as large as a chunk is there, and no larger.

A compressed file is a sequence of frames, and a frame a sequence of blocks (RFC 8878). A frame may tell its size, which
the decoder then allocates; a block becomes 128 KiB at most.
"""

import json
import math
import re

import numpy as np

from ensemble.failure import LONGEST_TEXT
from ensemble.wording import size as told_size

METADATA = "zarr.json"
"""What the files of a store are called that are no chunks."""
FREE = 16 * 2**20
"""Any chunk may become so large, in bytes: more than most, so that the metadata of its array are seldom read for it."""

_TEXTS = 256 * 2**20
"""A chunk of texts may become so large, in bytes."""
_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_BLOCK = 128 * 2**10
_RAW, _REPEATED = 0, 1
"""Kinds of blocks that are not compressed: bytes as they are, or one byte for all."""


def decompressed_size(data: bytes | memoryview) -> int:
    """Return the most bytes that the frames at the beginning of some data become; 0 if there is none."""
    data, at, size = memoryview(data), 0, 0
    while True:
        magic = bytes(data[at : at + 4])
        if _SKIPPED.fullmatch(magic):
            at += 8 + _integer(data, at + 4, 4)
        elif magic == _FRAME:
            told, blocks, at = _frame(data, at + 4)
            size += blocks if told is None else told
        else:
            return size


def compare(size: int, metadata: bytes) -> None:
    """Refuse a chunk that becomes larger than the metadata of its array say."""
    array = json.loads(metadata)
    entries = math.prod(array["chunk_grid"]["configuration"]["chunk_shape"])
    if array["data_type"] == "string":
        most = min(_TEXTS, entries * 4 * (1 + LONGEST_TEXT))
    else:
        most = entries * np.dtype(array["data_type"]).itemsize
    if size > most:
        raise ValueError(
            f"it becomes {told_size(size)} when it is read, but a chunk of its array has {told_size(most)}"
        )


def metadata_of(chunk: str) -> str:
    """Return the key of the metadata of an array, from that of a chunk of it, such as `walk/c/0/0`."""
    return re.sub(r"(^|(?<=/))c(/\d+)*$", "", chunk) + METADATA


def _frame(data: memoryview, at: int) -> tuple[int | None, int, int]:
    """The size that a frame tells, the most that its blocks become, and where it ends."""
    descriptor = _integer(data, at, 1)
    is_single = descriptor >> 5 & 1
    at += 1 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    length = (is_single, 2, 4, 8)[descriptor >> 6]
    told = _integer(data, at, length) + 256 * (length == 2) if length else None
    at += length
    size, is_last = 0, False
    while not is_last and at < len(data):
        header = _integer(data, at, 3)
        is_last, kind, block = bool(header & 1), header >> 1 & 3, header >> 3
        size += block if kind in (_RAW, _REPEATED) else _BLOCK
        at += 3 + (1 if kind == _REPEATED else block)
    return told, size, at + 4 * (descriptor >> 2 & 1)


def _integer(data: memoryview, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
