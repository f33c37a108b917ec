"""A model that decays: stretched exponentials over a plateau, power laws, plateaus, with known parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble import Model, Observable, parameter


@final
@dataclass(frozen=True)
class Relaxation(Model):
    """C(t) = exp(-sqrt(epsilon t)) t^-beta, and how far a realization is from it.

    All epsilon and beta share their disorder: a common factor, and a little of its own at each time.
    """

    epsilon: float = parameter(0.0, long_name="rate of the decay")
    beta: float = parameter(0.0, long_name="exponent of the decay")
    spread: float = parameter(0.5, long_name="standard deviation of a realization")
    t: tuple[float, ...] = parameter(tuple(np.geomspace(0.1, 100.0, 25).tolist()), long_name="time")

    observables = {"signal": Observable("what is left", dims=("t",))}
    draw_fields = ()

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.standard_normal(1 + len(self.t))

    def measure(self, disorder: NDArray[np.float64]) -> Mapping[str, Any]:
        t = np.asarray(self.t)
        mean = np.exp(-np.sqrt(self.epsilon * t)) * t**-self.beta
        return {"signal": mean * (1.0 + self.spread * (0.3 * disorder[0] + disorder[1:]))}
