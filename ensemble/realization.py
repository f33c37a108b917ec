"""From a point and an index to a stream of random numbers; nothing else in the package knows about seeds.

The stream depends on the sweep's seed, on the *values* of the model's draw fields and on the index, never on the
position in a grid, on a worker or on a batch. So a grid can grow along any axis without changing a realization
that it had, and points that differ only in other fields (a coupling strength, a temperature) share their disorder.

`stream` says in NumPy's own words which stream that is; `streams` makes the same generators for many indices. NumPy
hashes a seed word by word and the index comes last, so whatever precedes it is hashed once, and the index of all
realizations at a time.
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
"""Words in the pool of a `SeedSequence`; what follows are its other constants, fixed by NumPy's promise of streams."""
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)
_WORD = 2**32


def stream(seed: int, model: Model, index: int) -> np.random.Generator:
    """The random numbers of realization `index`: a counter-based generator, keyed by content."""
    return np.random.Generator(np.random.Philox(_sequence(seed, spawn_key(model, index))))


def streams(seed: int, model: Model, indices: Sequence[int]) -> Iterator[np.random.Generator]:
    """The `stream` of each of many realizations, at a quarter of the cost."""
    words = _words(model)
    if max(indices, default=0) >= _WORD:
        yield from (stream(seed, model, index) for index in indices)
        return
    keys = _philox_keys(seed, words, np.array(indices, dtype=np.uint32))
    for index, key in zip(indices, keys, strict=True):
        sequence: Any = _Keyed(key, seed, (*words, index))  # NumPy's own stubs know no other seed sequence than its own
        yield np.random.Generator(np.random.Philox(sequence))


@final
class _Keyed(ISpawnableSeedSequence):
    """A seed sequence that knows the key that Philox will ask for; all else it looks up in the real one."""

    def __init__(self, key: NDArray[np.uint64], seed: int, spawn_key: tuple[int, ...]) -> None:
        self._key, self._seed, self._spawn_key = key, seed, spawn_key

    @functools.cached_property
    def _real(self) -> np.random.SeedSequence:
        return _sequence(self._seed, self._spawn_key)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        """The key, or whatever else a `SeedSequence` generates."""
        if n_words == len(self._key) and dtype is np.uint64:
            return self._key
        return self._real.generate_state(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        """The children that a `SeedSequence` spawns."""
        return self._real.spawn(n_children)


def _sequence(seed: int, spawn_key: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=spawn_key)


def _philox_keys(seed: int, words: tuple[int, ...], indices: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The keys of the streams with these spawn words and indices, two words of 64 bits each, (indices, 2).

    Hashing a word multiplies a running constant once. The pool's own words are hashed once each and then with one
    another, which makes four times each; every later word is hashed four times too, once into each word of the pool.
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
    """Words hashed with a running constant, and the constant that is next."""
    following = constant * factor % _WORD
    hashed = (words ^ np.uint32(constant)) * np.uint32(following)
    return hashed ^ hashed >> _SHIFT, following


def _words(model: Model) -> tuple[int, ...]:
    """Four 32-bit words that stand for the draw fields of a model and their values."""
    return _digest(tuple((name, getattr(model, name)) for name in sorted(model.draw_fields)))


def spawn_key(model: Model, index: int) -> tuple[int, ...]:
    """What `numpy.random.SeedSequence` takes, besides the seed, for realization `index`."""
    return (*_words(model), index)


def key(seed: int, model: Model, index: int) -> str:
    """All that it takes to compute a realization again, in one line; grids such as the times are left out."""
    given = {name: getattr(model, name) for name in fields(type(model))}
    told = ", ".join(f"{name}={value!r}" for name, value in given.items() if not isinstance(value, tuple))
    return f"realization {index} of {type(model).__name__}({told}), seed {seed}, spawn key {spawn_key(model, index)}"


@functools.lru_cache(maxsize=4096)
def _digest(values: tuple[tuple[str, Any], ...]) -> tuple[int, ...]:
    text = json.dumps([[name, _canonical(value)] for name, value in values])
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))


def _canonical(value: Any) -> Any:
    """One spelling for equal values: 1 and 1.0 are the same number, and a float is exact in hexadecimal."""
    if isinstance(value, bool | str):
        return [type(value).__name__, value]
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    number = float(value)
    return int(value) if number.is_integer() else number.hex()
