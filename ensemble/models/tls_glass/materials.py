"""Measured glasses as presets, and the ratio of dissipation to interaction in them.

Table I: fused quartz (SiO2), borosilicate glass (BK7) and plexiglass (PMMA). Its Δ_bar is a power of ten: the geometric
mean of its Δ_min and Δ_max is 1.1 (SiO2), 0.8 (BK7) and 1.7 (PMMA) times that. The presets take Δ_bar of the table, and
log10(Δ_max / Δ_min) decades around it.

The axes of the phase diagram, Fig. 2, are Δ_bar / W and W / (ħ/τ), where τ = r / v is the time that sound takes from
one two-level system to the next. With v of Eq. (A9) and r = ρ_TLS^(-1/3), ħ/τ is 1.83, 1.61 and 0.44 meV. The table has
1.8, 1.7 and 0.45, and gives ρ_TLS to one digit. Local relaxation is slower than dephasing if the ratio (24) is
small: 2.1e-5, 1.7e-5 and 3.6e-6. The ratio is proportional to r³, so "1e-5 to 1e-4" at Δ_bar = 1e-5 W and W = 0.1 eV
means ħ/τ = 1 to 2 meV, that is r = 1.6 to 3.3 nm at 5 km/s; at r = 10 nm it would be 3e-3. In realizations of 60 sites
the median of ħY_i / max_j |J_ij| is about a sixth of the estimate, and depends on Δ_bar and W in the same way.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy import constants

from ensemble.models.tls_glass.couplings import TLSDisorder
from ensemble.models.tls_glass.kernels.elastic_dipole import average_speed


@final
@dataclass(frozen=True)
class Material:
    """One column of Table I."""

    W: float
    """Width of the distribution of energy splittings, meV."""
    delta_max: float
    """Largest tunnelling amplitude, meV."""
    delta_bar: float
    """Typical tunnelling amplitude, meV."""
    delta_min: float
    """Smallest tunnelling amplitude, meV."""
    gamma: float
    """Coupling to phonons, eV."""
    density: float
    """Mass density ρ, g/cm³."""
    v_L: float
    """Speed of longitudinal sound, km/s."""
    v_T: float
    """Speed of transverse sound, km/s."""
    number_density: float
    """Number density of two-level systems, ρ_TLS, nm⁻³."""

    @property
    def distance(self) -> float:
        """Typical distance r = ρ_TLS^(-1/3) of two-level systems, nm."""
        return float(self.number_density ** (-1.0 / 3.0))

    @property
    def flight_energy(self) -> float:
        """ħ/τ in eV, at the typical distance."""
        return flight_energy(average_speed(self.v_L, self.v_T), self.distance)

    @property
    def ratio(self) -> float:
        """ħY / J by Eq. (24)."""
        return dissipation_ratio(self.delta_bar / self.W, self.W * constants.milli, self.flight_energy)

    def preset(self) -> dict[str, Any]:
        """Return the fields of `TLSGlass` for this material, with elastic dipoles."""
        values = {
            "W": self.W * constants.milli,
            "delta_bar": self.delta_bar / self.W,
            "n_delta": math.log10(self.delta_max / self.delta_min),
            "gamma": self.gamma / (self.W * constants.milli),
            "density": self.density,
            "v_L": self.v_L,
            "v_T": self.v_T,
            "L0": self.distance,
        }
        # rounded to 12 digits, because stores record these numbers and compare them
        return {name: float(f"{value:.12g}") for name, value in values.items()} | {"dipoles": "elastic"}


MATERIALS: Mapping[str, Material] = {
    "SiO2": Material(130.0, 13.0, 1e-3, 1e-7, 0.8, 2.2, 5.8, 3.8, 0.3),
    "BK7": Material(70.0, 7.0, 1e-3, 1e-7, 0.7, 2.5, 6.2, 3.8, 0.2),
    "PMMA": Material(30.0, 3.0, 1e-4, 1e-8, 0.3, 1.2, 3.2, 1.6, 0.05),
}
"""The materials of Table I by name."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    **{name: material.preset() for name, material in MATERIALS.items()},
    # a box of 10 nm per site, shrunk by 10³; the figures of the preprint have eta = 1
    "preprint": {"convention": "preprint", "L0": 0.01},
}
"""Sets of parameters by name: the materials, and the convention of the preprint."""


def flight_energy(v: float, r: float) -> float:
    """Return ħ/τ = ħ v / r in eV, for sound at v km/s over r nm."""
    return constants.hbar / constants.e * (v * constants.kilo) / (r * constants.nano)


def dissipation_ratio(delta_bar: float, W: float, flight_energy: float) -> float:
    """Return ħY / J ~ Δ_bar² (W / (ħ/τ))³, Eq. (24), with Δ_bar in units of W, W and ħ/τ in eV."""
    return delta_bar**2 * (W / flight_energy) ** 3


def measured_ratio(disorder: TLSDisorder) -> float:
    """Return the median over sites of ħY_i / max_j |J_ij| of a realization, which Eq. (24) estimates."""
    return float(np.median(disorder.rate / np.abs(disorder.coupling).max(axis=1)))
