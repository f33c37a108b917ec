"""The model `TLSGlass`: its parameters, and the observables of a realization.

The dynamics are exact for any number of sites: see `kernels.dissipative_ising`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.models.arrays import evenly_spaced
from ensemble.models.model import FunctionOfParameters, Model, Observable, parameter
from ensemble.models.tls_glass import couplings, derived, materials, observables
from ensemble.models.tls_glass.couplings import TLSDisorder
from ensemble.models.tls_glass.draw import TLSDraw, draw
from ensemble.models.tls_glass.kernels.elastic_dipole import average_speed
from ensemble.models.tls_glass.validation import accepted

Array = NDArray[Any]

DEFAULT_TIMES = tuple(evenly_spaced(1e-3, 1e6, 91, log=True))
"""Default times in ħ/W: 91 logarithmically spaced values from 1e-3 to 1e6."""


@final
@dataclass(frozen=True)
class TLSGlass(Model):
    """N two-level systems in a periodic box, coupled by phonons and damped by them.

    Notes
    -----
    The equation for couplings J_ij, rates Y_i, frequencies ν_i and Bose functions f_i of the phonons (ħ = 1):

        dρ/dt = -i [H, ρ] + Σ_i Y_i (1 + f_i) L[S_i^+] ρ + Σ_i Y_i f_i L[S_i^-] ρ,   L[A] ρ = A ρ A† - {A†A, ρ} / 2
        H = -1/2 Σ_i ν_i S_i^z + 2 Σ_{i<j} J_ij S_i^z S_j^z,                         S^+ = 2 |↑><↓|,  ↑ the ground state
        ρ(0) = product of cos(θ_i/2) |↑> + exp(i φ_i) sin(θ_i/2) |↓>

    Model of Artiaco, Balducci and Scardicchio, PRB 103, 214205 (2021).
    """

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
    functions_of_parameters: ClassVar[Mapping[str, FunctionOfParameters]] = derived.DERIVED

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
        """Draw one realization: random numbers, see `draw.TLSDraw`."""
        return draw(rng, self.N)

    def scale(self, draw: TLSDraw) -> TLSDisorder:
        """Return the physical couplings and rates of a draw, see `couplings`."""
        return couplings.scale(self, draw)

    def coords(self) -> dict[str, Array]:
        """Return the coordinates of all observables, see `observables.coords`."""
        return observables.coords(self)

    def check(self, names: Collection[str]) -> None:
        """Raise a `ParameterError` for observables that are too expensive at this N or undefined for these values."""
        observables.check(self, names)

    def evolve(self, disorder: Any) -> Mapping[str, Any]:
        """Return the observables at the times `self.t` of any object with the arrays of `TLSDisorder`.

        The number of sites is arbitrary. Each observable is computed when it is read with []. Observables that use no
        distances need no positions.
        """
        return observables.measured(self, disorder)

    def occupation(self, disorder: Any) -> Array:
        """Return the phonons at each site's frequency: the Bose function 1 / (exp(ħν_i / k_B T) - 1), 0 at T = 0."""
        if self.temperature == 0.0:
            return np.zeros(len(disorder.rate))
        kelvin = self.W * constants.e / constants.k
        x = np.asarray(disorder.frequency) * (kelvin / self.temperature)
        return np.exp(-x) / -np.expm1(-x)

    def measure(self, disorder: TLSDraw) -> Mapping[str, Any]:
        """Return the observables of one realization, each computed when it is read with []."""
        return self.evolve(self.scale(disorder))
