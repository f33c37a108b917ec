"""A model whose curves follow known laws: a store of it is what families of fits are tried on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble import Model, Observable, Sweep, parameter, run_sweep
from tests.support.ensembles import T, rise_decay_plateau

DECAY = f"{Path(__file__)}:Decay"
FLOOR, ALPHA, BETA, TAU, DELTA = 0.1, 0.2, 1.0, 100.0, 0.4


@final
@dataclass(frozen=True)
class Decay(Model):
    """Up to t = 10, down with 1 / t to a plateau 0.1 exp(-0.2 size), which a strength above zero lets decay."""

    size: int = parameter(long_name="size")
    strength: float = parameter(0.0, long_name="strength of what ends the plateau")
    kind: str = parameter("plain", long_name="a name")
    t: tuple[float, ...] = parameter(tuple(T.tolist()), long_name="time")

    observables = {
        "signal": Observable("signal"),
        "number": Observable("number at a point", dims=()),
        "wave": Observable("complex signal", dtype="complex", on_request=True),
        "pairs": Observable("signal of each pair", dims=("pair", "t"), on_request=True),
    }
    draw_fields = ("size",)

    def coords(self) -> dict[str, NDArray[Any]]:
        return {**super().coords(), "pair": np.arange(2)}

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.standard_normal(1 + len(self.t))

    def measure(self, disorder: NDArray[np.float64]) -> Mapping[str, Any]:
        t = np.asarray(self.t)
        factor = np.exp(0.3 * disorder[0] - 0.045)
        law = rise_decay_plateau(t, BETA, FLOOR * np.exp(-ALPHA * self.size))
        ends = np.exp(-((t / TAU) ** DELTA)) if self.strength else 1.0
        signal = law * ends * factor * np.exp(0.05 * disorder[1:])
        return {"signal": signal, "number": factor, "wave": 1j * signal, "pairs": np.array([signal, signal])}


def compute(store: Path, cluster: str) -> Path:
    """Four sizes at two strengths; of a fifth size one realization at one strength, and none at the other."""
    table: dict[str, Any] = {
        "model": DECAY,
        "seed": 1,
        "realizations": 40,
        "observables": ["signal", "number", "wave", "pairs"],
        "axes": {"size": [4, 6, 8, 10], "strength": [0.0, 1.0], "kind": ["plain"]},
        "store": {"chunk": 20},
    }
    run_sweep(Sweep.from_table(table), store, cluster=cluster)
    more = {"realizations": 1, "axes": {"size": [12], "strength": [0.0], "kind": ["plain"]}}
    run_sweep(Sweep.from_table({**table, **more}), store, cluster=cluster)
    return store
