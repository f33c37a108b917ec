"""The glass as the framework sees it: its parameters, and what is measured of a realization.

The dynamics are exact for any number of sites: see `physics.dissipative_ising`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.models.model import Derived, Model, Observable, parameter
from ensemble.models.tls_glass import couplings, derived, materials, observables
from ensemble.models.tls_glass.couplings import TLSDisorder
from ensemble.models.tls_glass.draw import TLSDraw, draw
from ensemble.models.tls_glass.validation import accepted
from ensemble.physics.elastic_dipole import average_speed
from ensemble.values import evenly_spaced

Array = NDArray[Any]

DEFAULT_TIMES = tuple(evenly_spaced(1e-3, 1e6, 91, log=True))


@final
@dataclass(frozen=True)
class TLSGlass(Model):
    """N two-level systems in a periodic box, coupled by phonons and damped by them."""

    N: int = parameter(long_name="number of two-level systems")
    epsilon: float = parameter(long_name="factor on the dissipation rates")
    eta: float = parameter(long_name="factor on the interactions")
    delta_bar: float = parameter(0.1, long_name="typical tunnelling amplitude", units="W")
    n_delta: float = parameter(2.0, long_name="decades of tunnelling amplitudes")
    L0: float = parameter(1.0, long_name="side of the volume per two-level system", units="nm")
    W: float = parameter(1.0, long_name="width of the distribution of energy splittings", units="eV")
    gamma: float = parameter(1.0, long_name="coupling to phonons", units="W")
    density: float = parameter(2.0, long_name="mass density", units="g/cm^3")
    v_L: float = parameter(5.0, long_name="speed of longitudinal sound", units="km/s")
    v_T: float = parameter(5.0, long_name="speed of transverse sound", units="km/s")
    temperature: float = parameter(0.0, long_name="temperature of the phonons", units="K")
    dipoles: str = parameter("gaussian", long_name="dipoles: gaussian numbers or elastic tensors")
    convention: str = parameter("published", long_name="convention for J and Y: published or preprint")
    angles: str = parameter("sphere", long_name="initial Bloch vectors: on the sphere, or theta uniform")
    d: int = parameter(3, long_name="dimension of space")
    power: float = parameter(3.0, long_name="exponent of the interactions' decay with distance")
    bubbles: int = parameter(0, long_name="bubbles for the entropy, around the first sites; 0 for all")
    pairs: int = parameter(10, long_name="pairs that are kept one by one, the most strongly coupled")
    sites: int = parameter(10, long_name="sites that are kept one by one, the first ones")
    cluster: int = parameter(2, long_name="neighbours whose density matrix is kept")
    t: tuple[float, ...] = parameter(DEFAULT_TIMES, long_name="time", units="hbar/W")

    observables: ClassVar[Mapping[str, Observable]] = observables.OBSERVABLES
    axes: ClassVar[tuple[str, ...]] = ("N", "epsilon", "eta")
    draw_fields: ClassVar[tuple[str, ...]] = ("N",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = materials.PRESETS
    derived: ClassVar[Mapping[str, Derived]] = derived.DERIVED

    def __post_init__(self) -> None:
        for name, value in accepted({field.name: getattr(self, field.name) for field in fields(self)}).items():
            object.__setattr__(self, name, value)

    @property
    def side(self) -> float:
        """Side of the periodic box in nm: N volumes L0^d."""
        return float(self.L0 * self.N ** (1.0 / self.d))

    @property
    def v(self) -> float:
        """Speed of sound in km/s, averaged over polarizations: Eq. (A9)."""
        return average_speed(self.v_L, self.v_T)

    def draw(self, rng: np.random.Generator) -> TLSDraw:
        """Draw one realization: bare random numbers, see `draw.TLSDraw`."""
        return draw(rng, self.N)

    def scale(self, draw: TLSDraw) -> TLSDisorder:
        """Physical couplings and rates of a draw: see `couplings`."""
        return couplings.scale(self, draw)

    def coords(self) -> dict[str, Array]:
        """Coordinates of all observables: see `observables`."""
        return observables.coords(self)

    def check(self, names: Collection[str]) -> None:
        """Refuse observables that are out of reach at this N, or that these parameters leave undefined."""
        observables.check(self, names)

    def evolve(self, disorder: Any) -> Mapping[str, Any]:
        """The observables over `self.t` of any object with the arrays of `TLSDisorder`, of any number of sites.

        Each is computed when it is read with []; what reads no distances needs no positions.
        """
        return observables.measured(self, disorder)

    def occupation(self, disorder: Any) -> Array:
        """Phonons at each site's frequency: the Bose function 1 / (exp(ħν_i / k_B T) - 1), 0 at T = 0."""
        if self.temperature == 0.0:
            return np.zeros(len(disorder.rate))
        kelvin = self.W * constants.e / constants.k
        x = np.asarray(disorder.frequency) * (kelvin / self.temperature)
        return np.exp(-x) / -np.expm1(-x)

    def measure(self, disorder: TLSDraw) -> Mapping[str, Any]:
        """The observables of one draw, each computed when it is read with []."""
        return self.evolve(self.scale(disorder))
