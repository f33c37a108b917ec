"""A model whose realizations now and then need more memory than a worker has."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ensemble import Model, Observable, parameter

WORKER_BYTES = 2**29
"""What a worker may take; a third of it is there when nothing is computed."""


@final
@dataclass(frozen=True)
class Greedy(Model):
    """A number, and a lot of memory where it is small."""

    size: int = parameter(2, long_name="what the number depends on")
    eats: int = parameter(2 * WORKER_BYTES, long_name="memory that is taken", units="B")

    observables = {"number": Observable("number", dims=())}
    draw_fields = ("size",)

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.random())

    def measure(self, disorder: float) -> Mapping[str, Any]:
        time.sleep(0.05)
        if disorder < 0.1 and self.eats:
            eaten = np.ones(self.eats, np.uint8)
            time.sleep(60.0)
            assert not eaten.any(), "there is more memory than there was to be"
        return {"number": disorder}
