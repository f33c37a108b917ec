"""From a point and an index to a stream of random numbers; nothing else in the package knows about seeds.

The stream depends on the sweep's seed, on the *values* of the model's draw fields and on the index, never on the
position in a grid, on a worker or on a batch. So a grid can grow along any axis without changing a realization
that it had, and points that differ only in other fields (a coupling strength, a temperature) share their disorder.
"""

import functools
import hashlib
import json
from typing import Any

import numpy as np

from ensemble.models.model import Model


def stream(seed: int, model: Model, index: int) -> np.random.Generator:
    """The random numbers of realization `index`: a counter-based generator, keyed by content."""
    values = tuple((name, getattr(model, name)) for name in sorted(model.draw_fields))
    sequence = np.random.SeedSequence(seed, spawn_key=(*_words(values), index))
    return np.random.Generator(np.random.Philox(sequence))


@functools.lru_cache(maxsize=4096)
def _words(values: tuple[tuple[str, Any], ...]) -> tuple[int, ...]:
    """Four 32-bit words that stand for the draw fields and their values."""
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
