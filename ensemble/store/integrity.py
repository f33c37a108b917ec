"""Read arrays of a store; an error names the damaged file and the command that repairs it."""

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import StoreDamaged, StoreError, StoreUnreachable
from ensemble.store.location import Location, for_writing, for_zarr, location_of, map_in_threads
from ensemble.store.resource_limits import check_shortage
from ensemble.sweep.units import format_bytes as told_size

WHOLE = "all_chunks_written"
"""Attribute of observables and digests that marks arrays with all chunks written, see `is_intact`."""

_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
"""Memory of this machine, in bytes."""

Region = tuple[int | slice, ...]
"""Part of an array: an index or a slice for each of the first dimensions, and all of the other dimensions."""


def read(array: zarr.Array[Any], region: Region = ()) -> NDArray[Any]:
    """Read a part of an array; an error names the chunk that cannot be read."""
    _check_memory(array, region)
    try:
        with map_in_threads(array):
            return np.asarray(array[region or ...])
    except (MemoryError, StoreUnreachable):
        raise
    except Exception as error:  # codecs raise exceptions of any type for invalid bytes
        raise _read_error(array, region, error) from error


def read_done(array: zarr.Array[Any], cell: tuple[int, ...], start: int, done: NDArray[np.bool_]) -> NDArray[Any]:
    """Read consecutive realizations of one observable at a point, from `start` on; chunks with done ones must exist.

    Zarr reads a missing chunk as fill values: zeros for integers, which would count in averages.
    """
    rows = read(array, (*cell, slice(start, start + len(done))))
    length = array.chunks[len(cell)]
    for number in range(start // length, -(-(start + len(done)) // length)) if is_intact(array) else ():
        inside = slice(max(0, number * length - start), (number + 1) * length - start)
        if done[inside].any() and _may_be_absent(array, rows[inside]):
            check_chunk(array, cell, number)
    return rows


def check_chunk(array: zarr.Array[Any], cell: tuple[int, ...], number: int) -> None:
    """Raise a StoreDamaged error if a chunk with realizations that are done does not exist."""
    file = file_of(array, (*cell, number, *(0 for _ in array.shape[len(cell) + 1 :])))
    if not file.exists():
        raise StoreDamaged(
            f"{file} must hold realizations that are done, but it is not there: "
            f"`ensemble verify {location_of(array).parent} --repair` has them computed again"
        )


def is_intact(array: zarr.Array[Any]) -> bool:
    """Return whether every chunk with realizations is written to disk, including chunks with only zeros.

    The result is False for stores of older versions.
    """
    return bool(array.metadata.attributes.get(WHOLE))


def _may_be_absent(array: zarr.Array[Any], rows: NDArray[Any]) -> bool:
    """Return whether rows begin with the fill value, as those of a missing chunk do."""
    first = np.asarray(rows.flat[:1])
    return bool((first == array.fill_value).any() or (first != first).any())


def damage_of_chunk(array: zarr.Array[Any], chunk: Sequence[int]) -> str:
    """Return what is wrong with a chunk of an array; "" if it can be read, or was never written."""
    problem, _ = try_chunk(array, chunk)
    return problem


def try_chunk(array: zarr.Array[Any], chunk: Sequence[int]) -> tuple[str, NDArray[Any]]:
    """Read a chunk of an array; return what is wrong with it ("" if nothing) and its values."""
    region = region_of(array, chunk)
    _check_memory(array, region)
    try:
        return "", np.asarray(array[region])
    except (MemoryError, PermissionError, StoreUnreachable):
        raise
    except Exception as error:
        check_shortage(location_of(array), error)
        return _describe_error(error), np.empty(0)


def region_of(array: zarr.Array[Any], chunk: Sequence[int]) -> tuple[slice, ...]:
    """Return the part of an array that a chunk holds."""
    ends = zip(chunk, array.chunks, array.shape, strict=True)
    return tuple(slice(at * size, min((at + 1) * size, length)) for at, size, length in ends)


def file_of(array: zarr.Array[Any], chunk: Sequence[int]) -> Location:
    """Return the file of a chunk, which exists if the chunk has been written."""
    return location_of(array) / array.metadata.encode_chunk_key(tuple(chunk))


def open_array(store: Location, name: str, mode: Literal["r", "r+"] = "r") -> zarr.Array[Any]:
    """Open one array of a store without its group; an error names the metadata file that cannot be read."""
    try:
        at = store / name
        opened = zarr.open_array(for_zarr(at) if mode == "r" else for_writing(at), mode=mode, zarr_format=3)
        return check_codecs(opened)
    except (PermissionError, StoreError):
        raise
    except Exception as error:  # Zarr raises exceptions of any type for invalid metadata
        check_shortage(store / name, error)
        raise damaged_error(store, name) from error


def check_codecs(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Return an array if its codecs are those of a store; decoding with other codecs might run code."""
    codecs = getattr(array.metadata, "codecs", ())
    first, *others = [str(codec.to_dict()["name"]) for codec in codecs] or [f"format {array.metadata.zarr_format}"]
    if first not in ("bytes", "vlen-utf8") or others not in (["zstd"], ["zstd", "crc32c"]):
        raise StoreError(
            f"{location_of(array)} must be encoded as `ensemble run` does it, "
            f"but it is by {', '.join([first, *others])}"
        )
    return array


def memory_of(array: zarr.Array[Any], shape: Sequence[int]) -> int:
    """Return the bytes in memory of an array with this dtype and a given shape."""
    return math.prod(shape) * max(1, array.dtype.itemsize)


def _check_memory(array: zarr.Array[Any], region: Region) -> None:
    """Raise a StoreError if a part of an array takes more memory than this machine has."""
    whole = (slice(None),) * (array.ndim - len(region))
    lengths = zip((*region, *whole), array.shape, strict=True)
    shape = [len(range(length)[each]) if isinstance(each, slice) else 1 for each, length in lengths]
    if (taken := memory_of(array, shape)) > _MEMORY:
        raise StoreError(
            f"{location_of(array)} takes {told_size(taken)} to be read, but this machine has {told_size(_MEMORY)}"
        )


def damaged_error(store: Location, name: str = "", why: str = "it cannot be read") -> StoreDamaged:
    """Create the error for unreadable metadata of an array, or of the store."""
    file = (store / name if name else store) / "zarr.json"
    return StoreDamaged(f"{file} must be as it was written, but {why}: `ensemble verify {store}` tells what to do")


def _read_error(array: zarr.Array[Any], region: Region, error: Exception) -> StoreError:
    """Create the error that names the first chunk of a region that cannot be read."""
    check_shortage(location_of(array), error)
    if isinstance(error, PermissionError):
        return StoreError(f"{location_of(array)} must be readable, but: {error.strerror}")
    troubles = ((file_of(array, chunk), damage_of_chunk(array, chunk)) for chunk in _chunks_of_region(array, region))
    file, problem = next((pair for pair in troubles if pair[1]), (location_of(array), _describe_error(error)))
    return StoreDamaged(
        f"{file} must be as it was written, but {problem}: "
        f"`ensemble verify {location_of(array).parent} --repair` has it computed again"
    )


def _chunks_of_region(array: zarr.Array[Any], region: Region) -> Iterator[tuple[int, ...]]:
    """Iterate over the chunks that a region touches."""
    along = []
    for each, length, size in itertools.zip_longest(region, array.shape, array.chunks, fillvalue=slice(None)):
        assert isinstance(length, int)
        assert isinstance(size, int)
        positions = range(length)[each] if isinstance(each, slice) else range(each, each + 1)
        along.append(range(positions[0] // size, positions[-1] // size + 1) if positions else range(0))
    return itertools.product(*along)


def _describe_error(error: Exception) -> str:
    text = " ".join(str(error).split())
    return "its checksum is wrong" if "checksum" in text else f"it cannot be read: {type(error).__name__}: {text}"
