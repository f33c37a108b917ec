"""The model `DrivenSpins`: its parameters, and the observables of a realization."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.errors import ParameterError
from ensemble.models.arrays import evenly_spaced
from ensemble.models.driven_spins import observables
from ensemble.models.driven_spins.averages import OF_MEANS
from ensemble.models.driven_spins.disorder import SpinDisorder, SpinDraw
from ensemble.models.driven_spins.kernels.bath import Bath
from ensemble.models.driven_spins.times import PRESETS, time
from ensemble.models.model import Coordinate, FunctionOfMeans, FunctionOfParameters, Model, Observable, parameter
from ensemble.models.rules import Rule, checked, finite, increasing, integer, not_negative, one_of, positive

Array = NDArray[Any]

FREQUENCIES = tuple(evenly_spaced(-10.0, 10.0, 401, log=False))
"""Default frequencies in MHz, relative to that of the spins: 401 evenly spaced values from -10 to 10."""

NARROWEST = 1e-3
"""Smallest line width in MHz. The grid has sixteen nodes per width, so a smaller one would fill the memory."""
LARGEST_TOLERANCE = 1e-3
"""Largest tolerance of the stationary state. With 1 even the zero matrix would pass as a solution."""


@final
@dataclass(frozen=True)
class DrivenSpins(Model):
    """N electron spins in a strong field, in the stationary state of microwaves and bath.

    Notes
    -----
    In the frame that rotates with the microwaves, H = H' + δ S^z + ω_1 S^x with δ = ω_e - ω_MW and

        H' = Σ_i Δ_i S_i^z + Σ_{i<j} U_ij (S_i^+ S_j^- + S_i^- S_j^+ - 4 S_i^z S_j^z).

    The stationary state solves 0 = -i [H, ρ] + Σ_A A ρ A^† - {A^† A, ρ} / 2. The jumps A are those of `kernels.bath`
    for `dynamics` = "nonsecular", and jumps between eigenstates of H' for "hilbert" (`kernels.secular`). Model of
    Maimbourg, Basko, Holzmann and Rosso, PRL 126, 120603 (2021).
    """

    N: int = parameter(long_name="number of spins")
    temperature: float = parameter(long_name="temperature of the bath", units="K")
    drive: float = parameter(0.628, long_name="amplitude of the microwaves", units="MHz")
    dynamics: str = parameter("nonsecular", long_name="nonsecular: jumps of single spins; hilbert: between eigenstates")
    microwave: float = parameter(-1.2, long_name="frequency of the microwaves, from that of the spins", units="MHz")
    larmor: float = parameter(93.9, long_name="frequency of the spins", units="GHz")
    spread: float = parameter(5.0, long_name="width of the distribution of the spins' frequencies", units="MHz")
    coupling: float = parameter(0.75, long_name="dipolar coupling, times the root of N", units="MHz")
    T_1: float = parameter(0.0, long_name="longitudinal relaxation time; 0 for that of Table I", units="us")
    T_star: float = parameter(0.0, long_name="time of other transitions; 0 for that of Table I", units="us")
    T_0: float = parameter(0.0, long_name="time within an eigenstate; 0 for that of Table I", units="us")
    width: float = parameter(0.1, long_name="Gaussian width of a spectral line", units="MHz")
    kept: int = parameter(4, long_name="spins on one side of a cut, at most half of them")
    ranks: int = parameter(256, long_name="bins of the rank of an eigenstate, a power of two")
    bins: int = parameter(40, long_name="bins of the polarization of a spin")
    spins: int = parameter(10, long_name="spins that are kept one by one, the first ones")
    tolerance: float = parameter(1e-8, long_name="residual of the stationary state, at most")
    frequency: tuple[float, ...] = parameter(FREQUENCIES, long_name="frequency, from that of the spins", units="MHz")

    observables: ClassVar[Mapping[str, Observable]] = observables.OBSERVABLES
    axes: ClassVar[tuple[str, ...]] = ("N", "temperature", "drive", "dynamics")
    draw_fields: ClassVar[tuple[str, ...]] = ("N",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = {
        "gap": FunctionOfParameters("Zeeman gap over temperature", lambda spins: spins.gap),
        "equilibrium": FunctionOfParameters("polarization without a drive", lambda spins: spins.equilibrium),
    }
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = OF_MEANS
    coordinates: ClassVar[Mapping[str, Coordinate]] = {
        "spin": Coordinate("number of a spin"),
        "rank": Coordinate("rank of an eigenstate by energy, from 0 to 1"),
        "sz": Coordinate("<S_z> of a spin"),
    }

    def __post_init__(self) -> None:
        for name, value in checked(_RULES, {field.name: getattr(self, field.name) for field in fields(self)}).items():
            object.__setattr__(self, name, value)
        _ = self.bath

    @property
    def gap(self) -> float:
        """β ω_e, the Zeeman gap over the temperature."""
        return constants.h * constants.giga / constants.k * self.larmor / self.temperature

    @property
    def equilibrium(self) -> float:
        """P0, the polarization of every spin without a drive; it is negative, since spins point down."""
        return -math.tanh(self.gap / 2)

    @property
    def bath(self) -> Bath:
        """The rates of the jumps of every spin."""
        times = {name: time(name, getattr(self, name), self.temperature) for name in ("T_1", "T_star", "T_0")}
        return Bath.of(**times, gap=self.gap)

    def memory(self, _: Collection[str]) -> int:
        """Return the memory in bytes: twenty-five density matrices."""
        return 200 * (1 << 2 * self.N)

    def draw(self, rng: np.random.Generator) -> SpinDraw:
        """Draw the random numbers of one realization."""
        return SpinDraw.of(rng, self.N)

    def scale(self, draw: SpinDraw) -> SpinDisorder:
        """Return frequencies and couplings in MHz."""
        return draw.scaled(self.spread, self.coupling)

    def coords(self) -> dict[str, Array]:
        """Return the coordinates of all observables, see `observables.coords`."""
        return observables.coords(self)

    def evolve(self, disorder: SpinDisorder) -> Mapping[str, Any]:
        """Return the observables of the stationary state for given frequencies and couplings.

        Each observable is computed when it is read.
        """
        return observables.measured(self, disorder)

    def measure(self, disorder: SpinDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        return self.evolve(self.scale(disorder))


def _power_of_two(name: str, value: Any) -> int:
    number: int = integer(1, 2**12)(name, value)
    if number & (number - 1):
        raise ParameterError(f"{name} must be a power of two, as the number of eigenstates is, got {value!r}")
    return number


def _wide(name: str, value: Any) -> float:
    number: float = positive(name, value)
    if number < NARROWEST:
        raise ParameterError(f"{name} must be at least {NARROWEST:g} MHz, got {number!r}: it would fill the memory")
    return number


def _small(name: str, value: Any) -> float:
    number: float = positive(name, value)
    if number > LARGEST_TOLERANCE:
        raise ParameterError(f"{name} must be at most {LARGEST_TOLERANCE:g}, got {number!r}: nothing would be solved")
    return number


_RULES: Mapping[str, Rule] = {
    "N": integer(2, 12),
    "temperature": positive,
    "drive": not_negative,
    "dynamics": one_of("nonsecular", "hilbert"),
    "microwave": finite,
    "larmor": positive,
    "spread": not_negative,
    "coupling": not_negative,
    "T_1": not_negative,
    "T_star": not_negative,
    "T_0": not_negative,
    "width": _wide,
    "kept": integer(1, 12),
    "ranks": _power_of_two,
    "bins": integer(1, 1000),
    "spins": integer(0, 12),
    "tolerance": _small,
    "frequency": increasing,
}
