"""Random stream of each realization, from the seed, the point and the index; no other module uses the seed.

The stream depends on the sweep's seed, on the *values* of the model's draw fields and on the index of the realization.
It does not depend on the position in the grid, on the worker or on the batch. An axis can therefore grow without
changing existing realizations, and points that differ only in other fields (a coupling strength, a temperature) share
their disorder.

`random_stream` defines the stream with NumPy's public functions. `random_streams` creates the same generators for many
indices. NumPy hashes a seed word by word, and the index is the last word. So the words before it are hashed only once,
and the indices of all realizations are hashed together as an array.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence
from numpy.typing import NDArray

from ensemble.models.model import Model, fields

_POOL = 4
"""Words in the pool of a `SeedSequence`; NumPy's stream compatibility guarantee fixes this and the next constants."""
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)
_WORD = 2**32


def random_stream(seed: int, model: Model, index: int) -> np.random.Generator:
    """Create the generator of realization `index`: counter-based (Philox), keyed by seed, draw fields and index."""
    return np.random.Generator(np.random.Philox(_sequence(seed, spawn_key(model, index))))


def random_streams(seed: int, model: Model, indices: Sequence[int]) -> Iterator[np.random.Generator]:
    """Create the generators of many realizations, the same as from `random_stream`, at a quarter of the cost."""
    words = _words(model)
    if max(indices, default=0) >= _WORD:
        yield from (random_stream(seed, model, index) for index in indices)
        return
    keys = _philox_keys(seed, words, np.array(indices, dtype=np.uint32))
    for index, key in zip(indices, keys, strict=True):
        sequence: Any = _Keyed(key, seed, (*words, index))  # NumPy's type stubs accept only SeedSequence
        yield np.random.Generator(np.random.Philox(sequence))


@final
class _Keyed(ISpawnableSeedSequence):
    """Seed sequence with a precomputed Philox key; anything else comes from the NumPy `SeedSequence`."""

    def __init__(self, key: NDArray[np.uint64], seed: int, spawn_key: tuple[int, ...]) -> None:
        self._key, self._seed, self._spawn_key = key, seed, spawn_key

    @functools.cached_property
    def _real(self) -> np.random.SeedSequence:
        return _sequence(self._seed, self._spawn_key)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        """Return the precomputed key, or what the `SeedSequence` generates for any other request."""
        if n_words == len(self._key) and dtype is np.uint64:
            return self._key
        return self._real.generate_state(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        """Return the children that the `SeedSequence` spawns."""
        return self._real.spawn(n_children)


def _sequence(seed: int, spawn_key: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=spawn_key)


def _philox_keys(seed: int, words: tuple[int, ...], indices: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the Philox keys for these seed words and indices, two words of 64 bits each, shape (indices, 2).

    NumPy multiplies a running constant once for each hashed word. The pool's own words are hashed once each and then
    with one another, which makes four times each. Every later word is also hashed four times, once into each word of
    the pool.
    """
    before = max(_POOL, -(-seed.bit_length() // 32)) + len(words)
    constant = _INIT_A * pow(_MULT_A, _POOL * before, _WORD) % _WORD
    state = np.empty((len(indices), _POOL), dtype="<u4")
    output = _INIT_B
    for number, word in enumerate(_sequence(seed, words).pool[:, np.newaxis]):
        hashed, constant = _hashed(indices, constant, _MULT_A)
        mixed = word * _MIX_L - hashed * _MIX_R
        state[:, number], output = _hashed(mixed ^ mixed >> _SHIFT, output, _MULT_B)
    return state.view("<u8").astype(np.uint64)


def _hashed(words: NDArray[np.uint32], constant: int, factor: int) -> tuple[NDArray[np.uint32], int]:
    """Hash words with a running constant; return the hashes and the next constant."""
    following = constant * factor % _WORD
    hashed = (words ^ np.uint32(constant)) * np.uint32(following)
    return hashed ^ hashed >> _SHIFT, following


def _words(model: Model) -> tuple[int, ...]:
    """Return four 32-bit words, a hash of the names and values of the model's draw fields."""
    return _digest(tuple((name, getattr(model, name)) for name in sorted(model.draw_fields)))


def spawn_key(model: Model, index: int) -> tuple[int, ...]:
    """Return the `spawn_key` of NumPy's `SeedSequence` for realization `index`."""
    return (*_words(model), index)


def realization_key(seed: int, model: Model, index: int) -> str:
    """Return one line with all that is needed to recompute a realization; tuples such as the time grid are omitted."""
    values = {name: getattr(model, name) for name in fields(type(model))}
    given = ", ".join(f"{name}={value!r}" for name, value in values.items() if not isinstance(value, tuple))
    return f"realization {index} of {type(model).__name__}({given}), seed {seed}, spawn key {spawn_key(model, index)}"


@functools.lru_cache(maxsize=4096)
def _digest(values: tuple[tuple[str, Any], ...]) -> tuple[int, ...]:
    text = json.dumps([[name, _canonical(value)] for name, value in values])
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))


def _canonical(value: Any) -> Any:
    """Return the same value for equal numbers such as 1 and 1.0; other floats are exact, in hexadecimal."""
    if isinstance(value, bool | str):
        return [type(value).__name__, value]
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    number = float(value)
    return int(value) if number.is_integer() else number.hex()
