"""The base class of all models of the chain: its couplings and its classical states."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import zeta

from ensemble.errors import ParameterError
from ensemble.models.model import FunctionOfParameters, Model, parameter
from ensemble.models.rules import Rule, checked, finite, integer, one_of
from ensemble.models.spin_glass.disorder import ChainDraw
from ensemble.models.spin_glass.kernels import couplings, relaxation

Array = NDArray[np.float64]

_ORDERS: Mapping[str, str] = {
    "stable": "random",
    "stable_index": "index",
    "stable_greedy": "greedy",
    "stable_reluctant": "reluctant",
}
STATES = (*_ORDERS, "hot")
"""Stable against single flips, reached by four orders of flips; or the initial spins, at infinite temperature."""

STATE_MEANS = "stable: none gains by a flip, after sweeps at random or in the order of its name; hot: at random"

LARGEST = 50_000
"""Largest number of spins."""


@final
@dataclass(frozen=True)
class ChainSample:
    """Couplings and a classical state."""

    coupling: Array
    """(L, L), J_ij."""
    spins: Array
    """(L,), Z_i, -1 or 1."""
    field: Array
    """(L,), local fields φ_i."""
    flips: int
    """Number of flips from the initial spins to the state."""


@dataclass(frozen=True)
class SpinGlassChain(Model):
    """A ring of L spins whose random couplings fall off as the power alpha of their distance."""

    L: int = parameter(long_name="number of spins")
    alpha: float = parameter(0.7, long_name="power of the distance that couplings fall off as")
    distance: str = parameter("ring", long_name="ring: the shorter way along it; chord: straight through it")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha")
    draw_fields: ClassVar[tuple[str, ...]] = ("L",)
    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = {
        "threshold": FunctionOfParameters(
            "power of the density of fields at which they are marginal", lambda c: 1 / c.alpha - 1
        ),
        "correction": FunctionOfParameters(
            "power of 1/L that the variance of fields converges as", lambda c: 2 * c.alpha - 1
        ),
        "variance": FunctionOfParameters(
            "mean square of fields at infinite temperature",
            lambda chain: couplings.variance(chain.L, chain.alpha, chain.distance),
        ),
        "variance_infinite": FunctionOfParameters(
            "the same for infinitely many spins", lambda chain: 2 * zeta(2 * chain.alpha)
        ),
    }
    rules: ClassVar[Mapping[str, Rule]]
    """The validation rule of each parameter."""

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in checked(self.rules, values).items():
            object.__setattr__(self, name, value)

    def memory(self, measured: Collection[str]) -> int:  # noqa: ARG002 - all observables need the couplings
        """Return the memory in bytes: the couplings, the only large array."""
        return 8 * self.L**2

    def draw(self, rng: np.random.Generator) -> ChainDraw:
        """Draw the initial spins and the keys of the random streams."""
        return ChainDraw.of(rng, self.L)

    def coupling(self, draw: ChainDraw) -> Array:
        """Return the couplings J_ij of one realization, (L, L)."""
        return couplings.ring(self.L, self.alpha, self.distance, draw.pairs)

    def sample(self, draw: ChainDraw, state: str) -> ChainSample:
        """Return the couplings of one realization and one of the `STATES`."""
        coupling = self.coupling(draw)
        if state == "hot":
            return ChainSample(coupling, draw.start, relaxation.fields(coupling, draw.start), 0)
        found = relaxation.stable(coupling, draw.start, _ORDERS[state], draw.turns)
        return ChainSample(coupling, found.spins, found.field, found.flips)


def _power(name: str, value: Any) -> float:
    number = finite(name, value)
    if not 0.5 < number <= 50:
        raise ParameterError(
            f"{name} must be above 0.5 and at most 50, got {number!r}: at 0.5 and below, fields grow with L"
        )
    return number


RULES: Mapping[str, Rule] = {
    "L": integer(2, LARGEST),
    "alpha": _power,
    "distance": one_of(*couplings.DISTANCES),
}
"""Validation rules of the parameters of the chain."""

STATE: Rule = one_of(*STATES)
"""Validation rule of a parameter that chooses a state."""
