"""Two-level systems in a glass: Ising couplings and relaxation through phonons, started from a product state.

The model of Artiaco, Balducci and Scardicchio, PRB 103, 214205 (2021); its equation numbers are quoted below.
Energies are in units of W and times in ħ/W, so that ħ = 1; lengths are in nm. W itself, in eV, enters only the
prefactors of J and Y. The dynamics are exact for any number of sites: see `physics.dissipative_ising`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.errors import ParameterError
from ensemble.models.model import Model, Observable, parameter
from ensemble.physics import average_concurrence
from ensemble.physics import disorder as disorder_of
from ensemble.values import evenly_spaced

Array = NDArray[np.float64]

DEFAULT_TIMES = tuple(evenly_spaced(1e-3, 1e6, 91, log=True))


@dataclass(frozen=True, eq=False)
class TLSDraw:
    """One realization as bare random numbers, from which `TLSGlass.scale` makes the disorder of any point."""

    splitting: Array
    """ε_i / W, uniform on (0, 1), (N,)."""
    tunnelling: Array
    """Exponent of Δ_i, uniform on (-1/2, 1/2), (N,)."""
    position: Array
    """r_i in units of the side of the box, uniform on the unit cube, (N, 3)."""
    dipole: Array
    """D_ij, standard normal, symmetric, zero on the diagonal, (N, N)."""
    dipole_trace: Array
    """Tr(D_i²), squares of standard normal numbers, (N,)."""
    theta: Array
    """Polar angles of the initial Bloch vectors, (N,)."""
    phi: Array
    """Azimuthal angles of the initial Bloch vectors, (N,)."""


@dataclass(frozen=True, eq=False)
class TLSDisorder:
    """The couplings, rates and initial state of one realization at one point of parameters."""

    coupling: Array
    """J_ij in units of W, symmetric, zero on the diagonal, (N, N)."""
    rate: Array
    """ħ Y_i / W, (N,)."""
    frequency: Array
    """ħ ν_i / W, (N,)."""
    theta: Array
    """Polar angles of the initial Bloch vectors, (N,)."""
    phi: Array
    """Azimuthal angles of the initial Bloch vectors, (N,)."""
    position: Array
    """r_i in nm, (N, 3)."""


@final
@dataclass(frozen=True)
class TLSGlass(Model):
    """N two-level systems in a periodic cube, coupled by phonons and damped by them."""

    N: int = parameter(long_name="number of two-level systems")
    epsilon: float = parameter(long_name="factor on the dissipation rates")
    eta: float = parameter(long_name="factor on the interactions")
    delta_bar: float = parameter(0.1, long_name="typical tunnelling amplitude", units="W")
    n_delta: float = parameter(2.0, long_name="decades of tunnelling amplitudes")
    L0: float = parameter(1.0, long_name="side of the volume per two-level system", units="nm")
    W: float = parameter(1.0, long_name="width of the distribution of energy splittings", units="eV")
    gamma: float = parameter(1.0, long_name="coupling to phonons", units="W")
    density: float = parameter(2.0, long_name="mass density", units="g/cm^3")
    v: float = parameter(5.0, long_name="speed of sound", units="km/s")
    temperature: float = parameter(0.0, long_name="temperature of the phonons", units="K")
    t: tuple[float, ...] = parameter(DEFAULT_TIMES, long_name="time", units="hbar/W")

    observables: ClassVar[Mapping[str, Observable]] = {
        "concurrence": Observable("concurrence per two-level system", dims=("t",), units="1"),
    }
    axes: ClassVar[tuple[str, ...]] = ("N", "epsilon", "eta")
    draw_fields: ClassVar[tuple[str, ...]] = ("N",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "N", _number_of_sites(self.N))
        for field in fields(self):
            if field.type is float:
                object.__setattr__(self, field.name, _finite(field.name, getattr(self, field.name)))
        for name in ("epsilon", "n_delta", "temperature"):
            if getattr(self, name) < 0.0:
                raise ParameterError(f"{name} must not be negative, got {getattr(self, name)!r}")
        for name in ("delta_bar", "L0", "W", "gamma", "density", "v"):
            if getattr(self, name) <= 0.0:
                raise ParameterError(f"{name} must be positive, got {getattr(self, name)!r}")
        object.__setattr__(self, "t", _increasing_times(self.t))

    def draw(self, rng: np.random.Generator) -> TLSDraw:
        """Draw one realization, in the order of the fields of `TLSDraw`."""
        splitting = disorder_of.uniform(rng, self.N)
        tunnelling = disorder_of.centred_uniform(rng, self.N)
        position = disorder_of.positions(rng, self.N)
        dipole = disorder_of.symmetric_gaussian(rng, self.N)
        dipole_trace = disorder_of.chi_square(rng, self.N)
        theta, phi = disorder_of.bloch_angles(rng, self.N)
        return TLSDraw(splitting, tunnelling, position, dipole, dipole_trace, theta, phi)

    def scale(self, draw: TLSDraw) -> TLSDisorder:
        """Physical couplings and rates of a draw.

        ħν_i = 2 sqrt(ε_i² + Δ_i²)                                                      Eq. (11)
        Y_i  = epsilon Δ_i² γ² ħν_i Tr(D_i²) / (12π ρ ħ⁴ v⁵)                            Eq. (21)
        J_ij = eta γ² ε_i ε_j / (ħν_i ħν_j) D_ij / (4π ρ v² r_ij³)                      Eq. (22)
        """
        tunnelling = disorder_of.log_uniform(draw.tunnelling, self.delta_bar, self.n_delta)
        frequency = 2.0 * np.sqrt(draw.splitting**2 + tunnelling**2)
        side = self.L0 * self.N ** (1.0 / 3.0)
        position = side * draw.position
        distance = disorder_of.minimum_image_distances(position, side)
        np.fill_diagonal(distance, np.inf)
        tilt = draw.splitting / frequency
        coupling = self.eta * self._coupling_prefactor() * np.outer(tilt, tilt) * draw.dipole / distance**3
        rate = self.epsilon * self._rate_prefactor() * tunnelling**2 * frequency * draw.dipole_trace
        return TLSDisorder(coupling, rate, frequency, draw.theta, draw.phi, position)

    def evolve(self, disorder: Any) -> dict[str, Array]:
        """The observables over `self.t` of any object with the arrays of `TLSDisorder`, of any number of sites."""
        concurrence = average_concurrence(
            disorder.coupling,
            disorder.rate,
            disorder.theta,
            np.asarray(self.t),
            occupation=self.occupation(disorder),
        )
        return {"concurrence": concurrence}

    def occupation(self, disorder: Any) -> Array:
        """Phonons at each site's frequency: the Bose function 1 / (exp(ħν_i / k_B T) - 1), 0 at T = 0."""
        if self.temperature == 0.0:
            return np.zeros(len(disorder.rate))
        kelvin = self.W * constants.e / constants.k
        x = np.asarray(disorder.frequency) * (kelvin / self.temperature)
        return np.exp(-x) / -np.expm1(-x)

    def measure(self, disorder: TLSDraw) -> dict[str, Array]:
        """The observables of one draw."""
        return self.evolve(self.scale(disorder))

    def _coupling_prefactor(self) -> float:
        """W γ² / (4π ρ v² nm³), the coupling in units of W at a distance of 1 nm and unit angles and dipoles."""
        stiffness = self.density * constants.gram / constants.centi**3 * (self.v * constants.kilo) ** 2
        volume = constants.nano**3
        return self.W * constants.e * self.gamma**2 / (4.0 * math.pi * stiffness * volume)

    def _rate_prefactor(self) -> float:
        """W⁴ γ² / (12π ρ ħ³ v⁵), the rate in units of W/ħ for unit energies and dipoles."""
        density = self.density * constants.gram / constants.centi**3
        wave = constants.hbar * self.v * constants.kilo
        energy = self.W * constants.e
        return (
            (energy / wave) ** 3 * energy * self.gamma**2 / (12.0 * math.pi * density * (self.v * constants.kilo) ** 2)
        )


def _number_of_sites(N: Any) -> int:
    if isinstance(N, bool) or not isinstance(N, Integral) or int(N) < 2:
        raise ParameterError(f"N must be an integer of at least 2, got {N!r}")
    return int(N)


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ParameterError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def _increasing_times(t: Any) -> tuple[float, ...]:
    try:
        times = np.asarray(t, dtype=np.float64)
    except (TypeError, ValueError):
        times = np.empty(())
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ParameterError(f"t must be a sequence of finite numbers, got {t!r}")
    if times[0] < 0.0 or np.any(np.diff(times) <= 0.0):
        raise ParameterError(f"t must be strictly increasing and not negative, got {t!r}")
    return tuple(times.tolist())
