"""Limit the decompressed size of a chunk, computed from the compressed bytes before memory is allocated.

Zstandard compresses 1.5 GB of zeros to 46 kB, so a small file from an untrusted store could fill the memory of its
reader. The decompressed size of every chunk is therefore computed first. If it exceeds 16 MiB, it is compared with the
array's metadata: a chunk may become as large as the chunk shape and dtype say, and no larger.

A compressed file is a sequence of frames, and a frame is a sequence of blocks (RFC 8878). A frame may declare its size,
which the decoder then allocates; a block decompresses to 128 KiB at most.
"""

import json
import math
import re

import numpy as np

from ensemble.errors import MAX_TEXT_LENGTH
from ensemble.sweep.units import format_bytes as told_size

METADATA = "zarr.json"
"""Name of the metadata files of a store; all other files are chunks."""
FREE = 16 * 2**20
"""Decompressed bytes up to which a chunk is not compared with its metadata; most chunks are smaller."""

_TEXTS = 256 * 2**20
"""Largest decompressed size of a chunk of texts, in bytes."""
_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_BLOCK = 128 * 2**10
_RAW, _REPEATED = 0, 1
"""Types of blocks that are not compressed: raw bytes, or one repeated byte."""


def decompressed_size(data: bytes | memoryview) -> int:
    """Return an upper limit on the decompressed bytes of the frames at the beginning of `data`; 0 if there are none."""
    data, at, size = memoryview(data), 0, 0
    while True:
        magic = bytes(data[at : at + 4])
        if _SKIPPED.fullmatch(magic):
            at += 8 + _integer(data, at + 4, 4)
        elif magic == _FRAME:
            declared, blocks, at = _frame(data, at + 4)
            size += blocks if declared is None else declared
        else:
            return size


def compare(size: int, metadata: bytes) -> None:
    """Raise a ValueError if a chunk decompresses to more than the metadata of its array allow."""
    array = json.loads(metadata)
    entries = math.prod(array["chunk_grid"]["configuration"]["chunk_shape"])
    if array["data_type"] == "string":
        most = min(_TEXTS, entries * 4 * (1 + MAX_TEXT_LENGTH))
    else:
        most = entries * np.dtype(array["data_type"]).itemsize
    if size > most:
        raise ValueError(
            f"it becomes {told_size(size)} when it is read, but a chunk of its array has {told_size(most)}"
        )


def metadata_of(chunk: str) -> str:
    """Return the metadata key of an array from the key of one of its chunks, such as `walk/c/0/0`."""
    return re.sub(r"(^|(?<=/))c(/\d+)*$", "", chunk) + METADATA


def _frame(data: memoryview, at: int) -> tuple[int | None, int, int]:
    """Return the declared size of a frame, the largest size of its blocks, and the position of its end."""
    descriptor = _integer(data, at, 1)
    is_single = descriptor >> 5 & 1
    at += 1 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    length = (is_single, 2, 4, 8)[descriptor >> 6]
    declared = _integer(data, at, length) + 256 * (length == 2) if length else None
    at += length
    size, is_last = 0, False
    while not is_last and at < len(data):
        header = _integer(data, at, 3)
        is_last, kind, block = bool(header & 1), header >> 1 & 3, header >> 3
        size += block if kind in (_RAW, _REPEATED) else _BLOCK
        at += 3 + (1 if kind == _REPEATED else block)
    return declared, size, at + 4 * (descriptor >> 2 & 1)


def _integer(data: memoryview, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
