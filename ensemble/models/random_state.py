"""Random pure states of N spins, as a reference for ergodic dynamics: Appendix C of PRB 103, 214205 (2021).

A realization is a batch of states. Means over states and pairs decay like exp(-a 2^(b N)), with a about 0.127 and b
about 1.01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.model import Model, Observable, parameter
from ensemble.models.rules import checked, integer
from ensemble.physics import random_pair_concurrences

_RULES = {"N": integer(2, 16), "states": integer(1, 10**6)}


@final
@dataclass(frozen=True)
class RandomState(Model):
    """`states` Haar-random states of N spins, in each realization."""

    N: int = parameter(long_name="number of spins")
    states: int = parameter(1000, long_name="random states in one realization")

    observables: ClassVar[Mapping[str, Observable]] = {
        "concurrence": Observable("mean concurrence of a pair in a random state", dims=()),
        "entangled": Observable("fraction of the pairs that are entangled", dims=()),
    }
    axes: ClassVar[tuple[str, ...]] = ("N",)
    draw_fields: ClassVar[tuple[str, ...]] = ("N", "states")

    def __post_init__(self) -> None:
        for name, value in checked(_RULES, {name: getattr(self, name) for name in _RULES}).items():
            object.__setattr__(self, name, value)

    def draw(self, rng: np.random.Generator) -> NDArray[np.uint64]:
        """Draw a key of 128 bits, (2,). `measure` draws the states from it; stored, they would fill 1 GB at N = 16."""
        return rng.integers(0, 2**64, size=2, dtype=np.uint64)

    def measure(self, disorder: NDArray[np.uint64]) -> dict[str, float]:
        """Return averages over the states that follow from the key, and over their pairs of spins."""
        rng = np.random.Generator(np.random.Philox(key=disorder))
        concurrences = random_pair_concurrences(rng, self.N, self.states)
        return {"concurrence": float(concurrences.mean()), "entangled": float(np.mean(concurrences > 0.0))}
