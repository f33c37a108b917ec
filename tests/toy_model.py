"""A model without physics: fast, exact, and able to fail on demand."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble import Model, Observable, parameter


@final
@dataclass(frozen=True)
class ToyModel(Model):
    """A random walk with a drift: its mean at step t is `drift * t`, its variance `size * (t + 1) / 12`."""

    size: int = parameter(long_name="number of walkers")
    drift: float = parameter(0.0, long_name="drift of a walker per step", units="m")
    raises_below: float = parameter(-1.0, long_name="a realization whose first number is below raises")
    kills_below: float = parameter(-1.0, long_name="a realization whose first number is below kills its worker")
    unless: str = parameter("", long_name="a file; while it exists, nothing raises and nothing kills")
    seconds: float = parameter(0.0, long_name="how long a measurement sleeps", units="s")
    t: tuple[float, ...] = parameter((0.0, 1.0, 2.0, 3.0), long_name="step")

    observables = {
        "walk": Observable("position", dims=("t",), units="m"),
        "final": Observable("sign of the last position", dims=(), dtype="int64"),
    }
    draw_fields = ("size",)

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.random((self.size, len(self.t)))

    def measure(self, disorder: NDArray[np.float64]) -> Mapping[str, NDArray[np.generic]]:
        first = disorder[0, 0]
        if not (self.unless and Path(self.unless).exists()):
            if first < self.raises_below:
                raise ValueError(f"the first number is {first:.3f}")
            if first < self.kills_below:
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        walk = np.cumsum(disorder - 0.5, axis=1).sum(axis=0) + self.drift * np.asarray(self.t)
        return {"walk": walk, "final": np.asarray(int(np.sign(walk[-1])))}
