"""A model whose realizations need memory, and say so."""

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ensemble import Model, Observable, parameter


@final
@dataclass(frozen=True)
class Hungry(Model):
    """The number of the process that computes it, which takes memory for a moment."""

    size: int = parameter(2, long_name="what the disorder depends on")
    says: int = parameter(0, long_name="memory that a realization is said to take", units="B")
    takes: int = parameter(0, long_name="memory that it takes", units="B")
    seconds: float = parameter(0.1, long_name="how long a measurement sleeps", units="s")
    nonsense: str = parameter("", long_name="what memory() returns in the place of a number")

    observables = {"process": Observable("number of the process", dims=(), dtype="int64")}
    draw_fields = ("size",)

    def memory(self, measured: Collection[str]) -> int:
        assert set(measured) <= set(self.observables)
        return eval(self.nonsense) if self.nonsense else self.says

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.random())

    def measure(self, disorder: float) -> Mapping[str, Any]:
        taken = np.ones(self.takes, np.uint8)
        time.sleep(self.seconds + 0 * disorder)
        return {"process": os.getpid() + 0 * taken[:1].sum()}
