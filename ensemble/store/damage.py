"""Reading with care: a file that is not as it was written is named, with the cure, whoever meets it."""

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import StoreDamaged, StoreError, StoreUnreachable
from ensemble.store.place import Place, at_once, for_writing, for_zarr, place_of
from ensemble.store.shortage import check_shortage
from ensemble.wording import size as told_size

WHOLE = "all_chunks_written"
"""The attribute of an observable, and of the digests, that tells so: see `is_whole`."""

_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
"""Bytes of memory that this machine has."""

Region = tuple[int | slice, ...]
"""A part of an array: along its first dimensions a place or a range, all of the others."""


def read(array: zarr.Array[Any], region: Region = ()) -> NDArray[Any]:
    """A part of an array; an error names the chunk that cannot be read."""
    _check_memory(array, region)
    try:
        with at_once(array):
            return np.asarray(array[region or ...])
    except (MemoryError, StoreUnreachable):
        raise
    except Exception as error:  # a codec raises whatever it likes where bytes make no sense
        raise _named(array, region, error) from error


def read_done(array: zarr.Array[Any], cell: tuple[int, ...], start: int, done: NDArray[np.bool_]) -> NDArray[Any]:
    """Consecutive realizations of a point, from `start` on, of one observable; those that are done must be there.

    Zarr reads a chunk that is not there as fill values: zeros for integers, which would count in averages.
    """
    rows = read(array, (*cell, slice(start, start + len(done))))
    length = array.chunks[len(cell)]
    for number in range(start // length, -(-(start + len(done)) // length)) if is_whole(array) else ():
        inside = slice(max(0, number * length - start), (number + 1) * length - start)
        if done[inside].any() and _may_be_absent(array, rows[inside]):
            check_chunk(array, cell, number)
    return rows


def check_chunk(array: zarr.Array[Any], cell: tuple[int, ...], number: int) -> None:
    """An error if a chunk of an observable is not there, although the status says that realizations in it are done."""
    file = file_of(array, (*cell, number, *(0 for _ in array.shape[len(cell) + 1 :])))
    if not file.exists():
        raise StoreDamaged(
            f"{file} must hold realizations that are done, but it is not there: "
            f"`ensemble verify {place_of(array).parent} --repair` has them computed again"
        )


def is_whole(array: zarr.Array[Any]) -> bool:
    """Whether all chunks of an observable that hold realizations are written, those of nothing but zeros as well.

    Not so in stores that older versions made.
    """
    return bool(array.metadata.attributes.get(WHOLE))


def _may_be_absent(array: zarr.Array[Any], rows: NDArray[Any]) -> bool:
    """Whether rows begin with the value that an absent chunk is read as."""
    first = np.asarray(rows.flat[:1])
    return bool((first == array.fill_value).any() or (first != first).any())


def trouble(array: zarr.Array[Any], chunk: Sequence[int]) -> str:
    """What is wrong with one chunk of an array; an empty text if it can be read, or was never written."""
    said, _ = try_chunk(array, chunk)
    return said


def try_chunk(array: zarr.Array[Any], chunk: Sequence[int]) -> tuple[str, NDArray[Any]]:
    """What is wrong with one chunk of an array, an empty text if nothing is; and what it holds."""
    region = region_of(array, chunk)
    _check_memory(array, region)
    try:
        return "", np.asarray(array[region])
    except (MemoryError, PermissionError, StoreUnreachable):
        raise
    except Exception as error:
        check_shortage(place_of(array), error)
        return _told(error), np.empty(0)


def region_of(array: zarr.Array[Any], chunk: Sequence[int]) -> tuple[slice, ...]:
    """The part of an array that a chunk holds."""
    ends = zip(chunk, array.chunks, array.shape, strict=True)
    return tuple(slice(at * size, min((at + 1) * size, length)) for at, size, length in ends)


def file_of(array: zarr.Array[Any], chunk: Sequence[int]) -> Place:
    """Where a chunk is on disk, if it has been written."""
    return place_of(array) / array.metadata.encode_chunk_key(tuple(chunk))


def open_array(store: Place, name: str, mode: Literal["r", "r+"] = "r") -> zarr.Array[Any]:
    """One array of a store, by itself; an error names the metadata that cannot be read."""
    try:
        at = store / name
        opened = zarr.open_array(for_zarr(at) if mode == "r" else for_writing(at), mode=mode, zarr_format=3)
        return check_codecs(opened)
    except (PermissionError, StoreError):
        raise
    except Exception as error:  # Zarr raises whatever it likes where metadata make no sense
        check_shortage(store / name, error)
        raise unreadable(store, name) from error


def check_codecs(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Return an array if it is encoded as those of a store are: others may run code to be decoded."""
    codecs = getattr(array.metadata, "codecs", ())
    first, *others = [str(codec.to_dict()["name"]) for codec in codecs] or [f"format {array.metadata.zarr_format}"]
    if first not in ("bytes", "vlen-utf8") or others not in (["zstd"], ["zstd", "crc32c"]):
        raise StoreError(
            f"{place_of(array)} must be encoded as `ensemble run` does it, but it is by {', '.join([first, *others])}"
        )
    return array


def memory_of(array: zarr.Array[Any], shape: Sequence[int]) -> int:
    """Bytes that a part of an array of some shape takes in memory."""
    return math.prod(shape) * max(1, array.dtype.itemsize)


def _check_memory(array: zarr.Array[Any], region: Region) -> None:
    """Refuse to read a part of an array that takes more memory than this machine has."""
    whole = (slice(None),) * (array.ndim - len(region))
    lengths = zip((*region, *whole), array.shape, strict=True)
    shape = [len(range(length)[each]) if isinstance(each, slice) else 1 for each, length in lengths]
    if (taken := memory_of(array, shape)) > _MEMORY:
        raise StoreError(
            f"{place_of(array)} takes {told_size(taken)} to be read, but this machine has {told_size(_MEMORY)}"
        )


def unreadable(store: Place, name: str = "", why: str = "it cannot be read") -> StoreDamaged:
    """The error for metadata that cannot be read: those of an array, or of the store."""
    file = (store / name if name else store) / "zarr.json"
    return StoreDamaged(f"{file} must be as it was written, but {why}: `ensemble verify {store}` tells what to do")


def _named(array: zarr.Array[Any], region: Region, error: Exception) -> StoreError:
    """The error for the first chunk of a region that cannot be read."""
    check_shortage(place_of(array), error)
    if isinstance(error, PermissionError):
        return StoreError(f"{place_of(array)} must be readable, but: {error.strerror}")
    troubles = ((file_of(array, chunk), trouble(array, chunk)) for chunk in _reached(array, region))
    file, said = next((pair for pair in troubles if pair[1]), (place_of(array), _told(error)))
    return StoreDamaged(
        f"{file} must be as it was written, but {said}: "
        f"`ensemble verify {place_of(array).parent} --repair` has it computed again"
    )


def _reached(array: zarr.Array[Any], region: Region) -> Iterator[tuple[int, ...]]:
    """The chunks that a region touches."""
    along = []
    for each, length, size in itertools.zip_longest(region, array.shape, array.chunks, fillvalue=slice(None)):
        assert isinstance(length, int)
        assert isinstance(size, int)
        places = range(length)[each] if isinstance(each, slice) else range(each, each + 1)
        along.append(range(places[0] // size, places[-1] // size + 1) if places else range(0))
    return itertools.product(*along)


def _told(error: Exception) -> str:
    said = " ".join(str(error).split())
    return "its checksum is wrong" if "checksum" in said else f"it cannot be read: {type(error).__name__}: {said}"
