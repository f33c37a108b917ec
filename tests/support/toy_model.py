"""A model without physics: fast, exact, and able to fail on demand."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble import LazyObservables, Model, Observable, parameter
from ensemble.models.model import FunctionOfParameters

TOY, QUICK = (f"{Path(__file__)}:{name}" for name in ("ToyModel", "QuickModel"))


@final
@dataclass(frozen=True)
class ToyModel(Model):
    """A random walk with a drift: its mean at step t is `drift * t`, its variance `size * (t + 1) / 12`.

    `paths` needs `walkers`, the list of walkers that it tells apart; those beyond `size` are padded with NaN.
    """

    size: int = parameter(long_name="number of walkers")
    drift: float = parameter(0.0, long_name="drift of a walker per step", units="m")
    raises_below: float = parameter(-1.0, long_name="a realization whose first number is below raises")
    kills_below: float = parameter(-1.0, long_name="a realization whose first number is below kills its worker")
    unless: str = parameter("", long_name="a file; while it exists, nothing raises and nothing kills")
    seconds: float = parameter(0.0, long_name="how long a measurement sleeps", units="s")
    raises_in: str = parameter("", long_name="an observable that raises when it is computed")
    walkers: tuple[int, ...] = parameter((), long_name="number of a walker")
    t: tuple[float, ...] = parameter((0.0, 1.0, 2.0, 3.0), long_name="step")

    observables = {
        "walk": Observable("position", dims=("t",), units="m"),
        "final": Observable("sign of the last position", dims=(), dtype="int64"),
        "paths": Observable("way of each walker", dims=("walkers", "t"), units="m", on_request=True),
        "wave": Observable("wave from each position", dtype="complex", on_request=True),
    }
    draw_fields = ("size",)
    functions_of_parameters = {
        "slowness": FunctionOfParameters("half of the drift", lambda toy: toy.drift / 2),
        "walkers_each": FunctionOfParameters("half of the walkers", lambda toy: toy.size / 2),
    }
    presets = {"gale": {"drift": 8, "seconds": 0.001}, "breeze": {"drift": 0.25}, "crowd": {"size": 40}}

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.random((self.size, len(self.t)))

    def measure(self, disorder: NDArray[np.float64]) -> Mapping[str, Any]:
        first = disorder[0, 0]
        if not (self.unless and Path(self.unless).exists()):
            if first < self.raises_below:
                raise ValueError(f"the first number is {first:.3f}")
            if first < self.kills_below:
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        paths = np.cumsum(disorder - 0.5, axis=1)
        walk = paths.sum(axis=0) + self.drift * np.asarray(self.t)
        return LazyObservables(
            walk=lambda: self._told("walk", walk),
            final=lambda: self._told("final", int(np.sign(walk[-1]))),
            paths=lambda: self._told("paths", self._padded(paths)),
            wave=lambda: self._told("wave", np.exp(1j * walk)),
        )

    def _padded(self, paths: NDArray[np.float64]) -> NDArray[np.float64]:
        found = [paths[walker] if walker < self.size else np.full(len(self.t), np.nan) for walker in self.walkers]
        return np.array(found)

    def _told(self, name: str, value: Any) -> Any:
        if name == self.raises_in:
            raise ValueError(f"{name} was computed")
        return value


@final
@dataclass(frozen=True)
class QuickModel(Model):
    """The way of one walker with a drift, alone or of many walkers at a time: a microsecond each."""

    drift: float = parameter(0.0, long_name="drift of a walker per step", units="m")
    raises_below: float = parameter(-1.0, long_name="a realization whose first number is below raises")
    t: tuple[float, ...] = parameter(tuple(float(step) for step in range(91)), long_name="step")

    observables = {
        "walk": Observable("position", units="m"),
        "final": Observable("last position", dims=(), units="m", on_request=True),
    }
    draw_fields = ()

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.random(len(self.t))

    def measure(self, disorder: NDArray[np.float64]) -> Mapping[str, Any]:
        if disorder[0] < self.raises_below:
            raise ValueError(f"the first number is {disorder[0]:.3f}")
        walk = np.cumsum(disorder - 0.5) + self.drift * np.asarray(self.t)
        return LazyObservables(walk=lambda: walk, final=lambda: walk[-1])

    def measure_all(self, disorders: Sequence[NDArray[np.float64]]) -> Mapping[str, Any]:
        numbers = np.array(disorders)
        if (numbers[:, 0] < self.raises_below).any():
            raise ValueError("one of the first numbers is too small")
        walks = np.cumsum(numbers - 0.5, axis=1) + self.drift * np.asarray(self.t)
        return LazyObservables(walk=lambda: walks, final=lambda: walks[:, -1])
