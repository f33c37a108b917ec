"""The model `SpinGlassAvalanches`: avalanches of resonant spins, whose fields are smaller than the transverse field h.

`ever` counts the spins that have been resonant after a number of flips. Each flip takes a random spin that is resonant.
An avalanche has run away if this count exceeds a fraction of the chain. The branching number belongs to the first
flip: the number of spins that become resonant by the flip of one resonant spin of the initial state, averaged over the
resonant spins.
"""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.model import FunctionOfMeans, FunctionOfParameters, LazyObservables, Observable, parameter
from ensemble.models.rules import Rule, increasing_from_zero, positive, two
from ensemble.models.spin_glass.chain import RULES, STATE, STATE_MEANS, SpinGlassChain
from ensemble.models.spin_glass.disorder import ChainDraw
from ensemble.models.spin_glass.kernels.avalanche import avalanche, newly_resonant

Array = NDArray[np.float64]

STEPS = (0, *sorted({round(10 ** (eighths / 8)) for eighths in range(33)}))
"""Default numbers of flips: 0, and up to 8 values per decade from 1 to 10,000."""
MOST_STEPS = 10_000_000
"""Largest number of flips."""


def _growth(model: "SpinGlassAvalanches", ever: Array) -> float:
    """Return the slope of ln(ever) over ln(step) in the fit window; nan for fewer than two usable steps."""
    step = np.asarray(model.step, dtype=np.float64)
    first, last = model.growth_window
    chosen = (step >= first) & (step <= last) & (step > 0) & (ever > 0)
    if np.count_nonzero(chosen) < 2:
        return float("nan")
    return float(np.polynomial.polynomial.polyfit(np.log(step[chosen]), np.log(ever[chosen]), 1)[1])


def _steps(name: str, value: Any) -> tuple[int, ...]:
    numbers = increasing_from_zero(name, value)
    if not all(number.is_integer() for number in numbers) or numbers[-1] > MOST_STEPS:
        raise ParameterError(f"{name} must be whole numbers up to {MOST_STEPS}, got {value!r}")
    return tuple(int(number) for number in numbers)


def _part(name: str, value: Any) -> float:
    number = positive(name, value)
    if number > 1:
        raise ParameterError(f"{name} must be at most 1, got {number!r}")
    return number


@final
@dataclass(frozen=True)
class SpinGlassAvalanches(SpinGlassChain):
    """Avalanches of resonant spins among L with random couplings that fall off as a power of their distance.

    Notes
    -----
    A spin is resonant if abs(φ_i) < h, where φ_i = Σ_j J_ij Z_j is its local field. `kernels.avalanche` has
    the algorithm.
    """

    h: float = parameter(0.01, long_name="transverse field")
    state: str = parameter("stable", long_name=STATE_MEANS)
    runaway_from: float = parameter(0.02, long_name="part of the spins above which an avalanche has run away")
    growth_window: tuple[float, ...] = parameter((10.0, 1000.0), long_name="flips between which the growth is fitted")
    step: tuple[int, ...] = parameter(STEPS, long_name="flips of resonant spins")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha", "h", "state")
    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = {
        **SpinGlassChain.functions_of_parameters,
        "reduced_length": FunctionOfParameters("h^(1/alpha) L", lambda chain: chain.h ** (1 / chain.alpha) * chain.L),
    }
    observables: ClassVar[Mapping[str, Observable]] = {
        "ever": Observable("spins that have been resonant", ("step",), dtype="int64"),
        "initial": Observable("spins that are resonant at first", (), dtype="int64"),
        "final": Observable("spins that have been resonant at last", (), dtype="int64"),
        "runaway": Observable("avalanches that have run away", (), dtype="int64"),
        "flips": Observable("flips until none is resonant or all have been", (), dtype="int64"),
        "newly_resonant": Observable("spins made resonant by those that are, one at a time", (), dtype="int64"),
    }
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = {
        "fraction": FunctionOfMeans(
            "part of the spins that have been resonant", ("ever",), lambda model, ever: ever / model.L, dims=("step",)
        ),
        "growth": FunctionOfMeans("power of the flips that resonant spins grow as", ("ever",), _growth),
        "growth_beyond": FunctionOfMeans(
            "power of the flips that further resonant spins grow as",
            ("ever", "initial"),
            lambda model, ever, initial: _growth(model, ever - initial),
        ),
        "branching": FunctionOfMeans(
            "spins made resonant by one", ("newly_resonant", "initial"), lambda _, new, initial: np.divide(new, initial)
        ),
    }
    rules: ClassVar[Mapping[str, Rule]] = {
        **RULES,
        "h": positive,
        "state": STATE,
        "runaway_from": _part,
        "growth_window": two(increasing_from_zero),
        "step": _steps,
    }

    def memory(self, measured: Collection[str]) -> int:
        """Return the memory in bytes: the couplings, and two numbers for each flip."""
        return super().memory(measured) + 16 * self.step[-1]

    def measure(self, disorder: ChainDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        sample = functools.cache(lambda: self.sample(disorder, self.state))
        course = functools.cache(
            lambda: avalanche(
                sample().coupling, sample().spins, sample().field, self.h, self.step[-1], disorder.choices
            )
        )
        return LazyObservables(
            ever=lambda: course().ever[list(self.step)],
            initial=lambda: np.count_nonzero(np.abs(sample().field) < self.h),
            final=lambda: course().ever[-1],
            runaway=lambda: course().ever[-1] > self.runaway_from * self.L,
            flips=lambda: course().flips,
            newly_resonant=lambda: newly_resonant(sample().coupling, sample().spins, sample().field, self.h),
        )
