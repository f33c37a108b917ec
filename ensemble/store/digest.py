"""Digests that bind the content of a store to its place.

    digest        (N, epsilon, eta, realization)   32 bits for each realization that is done: its observables and which
                                                   code computed them, bound to the key of its point, to its index and
                                                   to the names of the observables
    coordinates   attribute                        a digest of the values of each coordinate
    attributes    attribute `digest`               a digest of the store's other attributes, `coordinates` among them

The key of a point stands for the model, the seed, the parameters, the coordinates and the values of the axes. So a
chunk that was swapped with another one, an axis in another order, or an entry of another realization does not agree
with its digest, although every file has a right checksum. The digest of a realization is a sum over its observables: it
depends neither on chunks nor on batches, and what else a chunk holds, of realizations that are not done yet, has no
part in it.

Rows are hashed by a multilinear function of 32-bit words with fixed odd factors (the high half of a sum modulo 2^64):
two different rows agree by chance once in 2^32. It protects from accidents and not from an adversary, who can compute
digests as well.
"""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_DIGEST = 0
"""The digest of a realization that has none: it is not done, or an older version recorded it."""
ATTRIBUTE = "digest"
"""The attribute with the digest of the others."""
COORDINATES = "coordinates"
"""The attribute with the digests of coordinates."""
_BOUND = (
    "ensemble_format", "model", "seed", "parameters", "asked", "sweep", "provenance", COORDINATES, "repairs",
)  # fmt: skip
"""The attributes that have a part in it; users may add others."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def key_of(*parts: Any) -> int:
    """64 bits that stand for values that JSON can hold."""
    return int.from_bytes(hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:8], "little")


def of_rows(key: int, name: str, indices: Sequence[int] | NDArray[np.int64], rows: NDArray[Any]) -> NDArray[np.uint32]:
    """The part of one observable in the digests of some realizations of a point; the rows are in their order."""
    words = _words(rows)
    sums = np.einsum("ij,j->i", words, _factors(words.shape[1]))  # five times as fast as a product of matrices
    numbers = np.arange(indices.start, indices.stop) if isinstance(indices, range) else np.asarray(indices)
    places = numbers.astype(np.uint64) * _GOLDEN + np.uint64(_key_of_name(key, name))
    return (_mixed((sums >> _HALF) + _mixed(places)) >> _HALF).astype(np.uint32)


@functools.lru_cache(maxsize=1024)
def _key_of_name(key: int, name: str) -> int:
    return key_of(key, name)


def of_realizations(
    key: int, indices: Sequence[int] | NDArray[np.int64], parts: NDArray[np.uint32], provenance: NDArray[np.int16]
) -> NDArray[np.uint32]:
    """The digests of some realizations: of the sums of their observables' parts, and of which code computed them."""
    digests = parts + of_rows(key, "provenance", indices, provenance)
    return np.where(digests == NO_DIGEST, np.uint32(1), digests)


def of_values(values: NDArray[Any]) -> str:
    """The digest of the values of a coordinate."""
    if values.dtype.kind in "biuf":
        content = f"{values.dtype.newbyteorder('<').str}{values.shape}".encode() + values.tobytes()
    else:
        content = json.dumps(values.tolist()).encode()
    return hashlib.sha256(content).hexdigest()[:32]


def of_attributes(attributes: Mapping[str, Any]) -> str:
    """The digest of the attributes of a store."""
    bound = {name: attributes[name] for name in _BOUND if name in attributes}
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:32]


def _words(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """The bytes of every row as 32-bit words, zeros behind them."""
    count = len(rows)
    width = rows.dtype.itemsize * (rows.size // count if count else 0)
    raw = np.ascontiguousarray(rows).reshape(count, -1).view(np.uint8) if width else np.zeros((count, 0), np.uint8)
    if width % 4:
        raw = np.pad(raw, ((0, 0), (0, -width % 4)))
    return raw.view(np.uint32)


@functools.lru_cache(maxsize=8)
def _factors(count: int) -> NDArray[np.uint64]:
    """Fixed random odd numbers, one for each word."""
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN) | np.uint64(1)


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64: every bit of the result depends on every bit of a word."""
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)
