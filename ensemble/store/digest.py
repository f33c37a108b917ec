"""Digests of the content of a store, which detect data in the wrong place.

    digest        (N, epsilon, eta, realization)   32 bits for each realization that is done: a hash of its observables
                                                   and its code version, combined with the key of its point, its index
                                                   and the names of the observables
    coordinates   attribute                        a digest of the values of each coordinate
    attributes    attribute `digest`               a digest of the store's other attributes, including `coordinates`

The key of a point is a hash of the model, the seed, the parameters, the coordinates and the values of the axes. So the
digest does not match if two chunks are exchanged, an axis is reordered, or an entry comes from another realization,
although the checksum of every file is right. The digest of a realization is a sum over its observables. It does not
depend on chunks or batches, nor on other realizations in the same chunk.

Rows are hashed by a multilinear function of 32-bit words with fixed odd factors (the high half of a sum modulo 2^64).
Two different rows have the same hash with probability 2^-32. The digests protect from accidents, not from an attacker,
who can compute digests as well.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_DIGEST = 0
"""Digest of a realization that is not done, or that an older version recorded."""
ATTRIBUTE = "digest"
"""Name of the attribute with the digest of the other attributes."""
COORDINATES = "coordinates"
"""Name of the attribute with the digests of the coordinates."""
_BOUND = (
    "ensemble_format", "model", "seed", "parameters", "asked", "sweep", "provenance", COORDINATES, "repairs",
)  # fmt: skip
"""Attributes that the digest covers; users may add others."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def key_of(*parts: Any) -> int:
    """Return a 64-bit hash of values that JSON can hold."""
    return int.from_bytes(hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:8], "little")


def of_rows(key: int, name: str, indices: Sequence[int] | NDArray[np.int64], rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return one observable's part of the digests of realizations of a point; rows are in the order of `indices`."""
    words = _words(rows)
    sums = np.einsum("ij,j->i", words, _factors(words.shape[1]))  # five times as fast as a matrix product
    numbers = np.arange(indices.start, indices.stop) if isinstance(indices, range) else np.asarray(indices)
    places = numbers.astype(np.uint64) * _GOLDEN + np.uint64(_key_of_name(key, name))
    return (_mixed((sums >> _HALF) + _mixed(places)) >> _HALF).astype(np.uint32)


@functools.lru_cache(maxsize=1024)
def _key_of_name(key: int, name: str) -> int:
    return key_of(key, name)


def of_realizations(
    key: int, indices: Sequence[int] | NDArray[np.int64], parts: NDArray[np.uint32], provenance: NDArray[np.int16]
) -> NDArray[np.uint32]:
    """Return the digests of realizations from the sums of the observables' parts and their code versions."""
    digests = parts + of_rows(key, "provenance", indices, provenance)
    return np.where(digests == NO_DIGEST, np.uint32(1), digests)


def of_values(values: NDArray[Any]) -> str:
    """Return the digest of the values of a coordinate."""
    if values.dtype.kind in "biuf":
        content = f"{values.dtype.newbyteorder('<').str}{values.shape}".encode() + values.tobytes()
    else:
        content = json.dumps(values.tolist()).encode()
    return hashlib.sha256(content).hexdigest()[:32]


def of_attributes(attributes: Mapping[str, Any]) -> str:
    """Return the digest of the attributes of a store."""
    bound = {name: attributes[name] for name in _BOUND if name in attributes}
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:32]


def _words(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the bytes of every row as 32-bit words, padded with zeros."""
    count = len(rows)
    width = rows.dtype.itemsize * (rows.size // count if count else 0)
    raw = np.ascontiguousarray(rows).reshape(count, -1).view(np.uint8) if width else np.zeros((count, 0), np.uint8)
    if width % 4:
        raw = np.pad(raw, ((0, 0), (0, -width % 4)))
    return raw.view(np.uint32)


@functools.lru_cache(maxsize=8)
def _factors(count: int) -> NDArray[np.uint64]:
    """Return fixed random odd factors, one for each word."""
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN) | np.uint64(1)


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply the finalizer of SplitMix64: every bit of the result depends on every bit of a word."""
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)
