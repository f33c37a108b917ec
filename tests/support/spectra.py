"""A model of lines in a spectrum: functions of a frequency, names and truths as parameters, quantities of means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble import Coordinate, FunctionOfMeans, LazyObservables, Model, Observable, Sweep, parameter, run_sweep
from ensemble.errors import ParameterError

LINES, WRONG = (f"{Path(__file__)}:{name}" for name in ("Lines", "Wrong"))
SHAPES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "gauss": lambda x: np.exp(-(x**2) / 2),
    "lorentz": lambda x: 1 / (1 + x**2),
    "slope": lambda x: -np.tanh(x),
}

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Lines(Model):
    """A line of some shape at a random place, and another beside it; all shapes and places share their disorder."""

    spread: float = parameter(1.0, long_name="standard deviation of the place", units="GHz")
    shape: str = parameter("gauss", long_name="shape of the line")
    mirrored: bool = parameter(False, long_name="whether frequencies count backwards")
    span: float = parameter(4.0, long_name="largest frequency", units="GHz")
    raises_below: float = parameter(-9.0, long_name="a realization whose first number is below raises")
    t: tuple[float, ...] = parameter((0.0, 0.5, 1.0, 2.0), long_name="time", units="ns")

    observables = {
        "line": Observable("intensity of the line", dims=("frequency",), units="V"),
        "beside": Observable("intensity of the line beside it", dims=("frequency",), units="V"),
        "place": Observable("place of the line", dims=(), units="GHz"),
        "square": Observable("its square", dims=(), units="GHz2"),
        "signal": Observable("signal of the line"),
        "wave": Observable("complex signal", dtype="complex", on_request=True),
    }
    functions_of_means = {
        "ratio": FunctionOfMeans(
            "ratio of the lines", ("beside", "line"), lambda _, beside, line: beside / line, dims=("frequency",)
        ),
        "contrast": FunctionOfMeans(
            "largest difference of the lines over the highest point",
            ("line", "beside"),
            lambda _, line, beside: np.abs(line - beside).max() / np.abs(line).max(),
        ),
        "variance": FunctionOfMeans(
            "variance of the place", ("place", "square"), lambda _, place, square: square - place**2, units="GHz2"
        ),
        "scaled": FunctionOfMeans(
            "variance over its own", ("place", "square"), lambda m, p, s: (s - p**2) / m.spread**2
        ),
        "zero": FunctionOfMeans("zero of the line", ("line",), lambda model, line: model.zero(line), units="GHz"),
        "phase": FunctionOfMeans("phase of the mean", ("wave",), lambda _, wave: np.angle(wave), dims=("t",)),
        "powers": FunctionOfMeans(
            "powers of the place", ("place",), lambda _, p: p ** np.arange(1, 4), dims=("power",)
        ),
        "table": FunctionOfMeans(
            "the line at all times", ("line",), lambda model, p: np.outer(p, model.t), dims=("frequency", "t")
        ),
    }
    coordinates = {"frequency": Coordinate("frequency offset", units="GHz"), "power": Coordinate("power")}
    draw_fields = ()

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ParameterError(f"shape must be one of {', '.join(SHAPES)}, got {self.shape!r}")

    def coords(self) -> dict[str, NDArray[Any]]:
        frequency = np.linspace(-self.span, self.span, 9)
        return {**super().coords(), "frequency": frequency, "power": np.arange(1, 4)}

    def zero(self, line: Array) -> float:
        """Where a straight line between points passes zero first; nan where none does."""
        after = np.flatnonzero(np.diff(np.sign(line)))
        if not len(after):
            return float("nan")
        k, x = after[0], self.coords()["frequency"]
        return float(x[k] - line[k] * (x[k + 1] - x[k]) / (line[k + 1] - line[k]))

    def draw(self, rng: np.random.Generator) -> Array:
        return rng.standard_normal(2)

    def measure(self, disorder: Array) -> Mapping[str, Any]:
        if disorder[0] < self.raises_below:
            raise ValueError(f"the first number is {disorder[0]:.3f}")
        place, other = self.spread * disorder
        x = self.coords()["frequency"] * (-1 if self.mirrored else 1)
        line = SHAPES[self.shape]
        wave = np.exp(1j * place * np.asarray(self.t))
        return LazyObservables(
            line=lambda: line(x - place),
            beside=lambda: line(x - place - 1) + 0.1 * other,
            place=lambda: place,
            square=lambda: place**2,
            signal=lambda: wave.real,
            wave=lambda: wave,
        )


@final
@dataclass(frozen=True)
class Wrong(Model):
    """Lines whose quantities of means are all wrong."""

    spread: float = parameter(1.0, long_name="standard deviation of the place")

    observables = {
        "line": Observable("intensity", dims=("frequency",)),
        "place": Observable("place of the line", dims=()),
        "wave": Observable("complex signal", dims=("frequency",), dtype="complex"),
    }
    functions_of_means = {
        "broken": FunctionOfMeans("what raises", ("place",), lambda _, place: [][int(place)]),
        "askew": FunctionOfMeans("of another shape", ("line",), lambda _, line: line[:-1], dims=("frequency",)),
        "many": FunctionOfMeans("no number", ("line",), lambda _, line: line),
        "complex": FunctionOfMeans("what is complex", ("wave",), lambda _, wave: wave[0]),
        "nowhere": FunctionOfMeans("over no coordinate", ("line",), lambda _, line: line, dims=("wavelength",)),
        "moving": FunctionOfMeans("over a grid that moves", ("line",), lambda _, line: line, dims=("place_grid",)),
    }
    draw_fields = ()

    def coords(self) -> dict[str, NDArray[Any]]:
        return {"frequency": np.arange(3.0), "place_grid": self.spread * np.arange(3.0)}

    def draw(self, rng: np.random.Generator) -> Array:
        return rng.standard_normal(3)

    def measure(self, disorder: Array) -> Mapping[str, Any]:
        return {"line": disorder, "place": disorder[0], "wave": 1j * disorder}


def table(**changes: Any) -> dict[str, Any]:
    """The table of a sweep of all that can be measured, at two spreads and two shapes."""
    return {
        "model": LINES,
        "seed": 1,
        "realizations": 24,
        "observables": ["line", "beside", "place", "square", "signal", "wave"],
        "axes": {"spread": [1.5, 0.5], "shape": ["slope", "gauss"]},
        "parameters": {"raises_below": -1.0},
        "store": {"chunk": 5},
        **changes,
    }


def compute(store: Path, cluster: str, **changes: Any) -> Path:
    """A store of that sweep; some realizations fail."""
    run_sweep(Sweep.from_table(table(**changes)), store, cluster=cluster)
    return store
