"""Couplings, rates and initial state from random numbers: Eqs. (11), (21) and (22), in each convention.

    ħν_i = 2 sqrt(ε_i² + Δ_i²)                                                                    Eq. (11)
    Y_i  = epsilon Δ_i² γ² ħν_i Tr(D_i²) / (12π ρ ħ⁴ v⁵)                                          Eq. (21)
    J_ij = eta γ² ε_i ε_j / (ħν_i ħν_j) D_ij / (4π ρ v² nm³) (nm / r_ij)^power                    Eq. (22)

with 3 / v³ = 1 / v_L³ + 2 / v_T³, Eq. (A9), and power = 3 for phonons. D_ij and Tr(D_i²) depend on the convention:

    published, gaussian   a standard normal number for each pair, the square of one for each site (Sec. IV A)
    published, elastic    both from one random tensor for each site, Eq. (A27): `kernels.elastic_dipole`
    preprint, gaussian    one number for each polarization α = L, T, and other prefactors:
                              J_ij = -eta γ² ε_i ε_j / (ħν_i ħν_j) / (8π ρ r_ij³) [g_L / v_L² + g_T / v_T²]
                              Y_i  = epsilon Δ_i² γ² ħν_i / (30π ρ ħ⁴) [χ_L / v_L⁵ + χ_T / v_T⁵]
                          which is D_ij = -v² [...] / 2 and Tr(D_i²) = 2 v⁵ [...] / 5 in the formulas above.

The text of the preprint has (ħν_i)³ in Y_i, which does not have the dimension of a rate; ħν_i as in Eq. (21) has. The
box of the preprint has L0 = 10 nm and is shrunk by 10³ to make the interaction strong, which is the same as
L0 = 0.01 nm with eta = 1.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.models.tls_glass.draw import TLSDraw
from ensemble.models.tls_glass.kernels import elastic_dipole
from ensemble.physics import disorder as disorder_of

if TYPE_CHECKING:
    from ensemble.models.tls_glass.model import TLSGlass

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class TLSDisorder:
    """The couplings, rates and initial state of one realization for one set of parameters.

    `TLSGlass.scale` makes it from a `TLSDraw`, and `TLSGlass.evolve` takes it.
    """

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
    """r_i in nm, (N, d)."""


def scale(glass: "TLSGlass", draw: TLSDraw) -> TLSDisorder:
    """Return the physical disorder from random numbers, with the parameters of `glass`."""
    tunnelling = disorder_of.log_uniform(draw.tunnelling, glass.delta_bar, glass.n_delta)
    frequency = 2.0 * np.sqrt(draw.splitting**2 + tunnelling**2)
    position = glass.side * draw.position[:, : glass.d]
    distance = disorder_of.minimum_image_distances(position, glass.side)
    np.fill_diagonal(distance, np.inf)
    dipole, dipole_trace = _dipoles(glass, draw, position)
    tilt = draw.splitting / frequency
    coupling = glass.eta * _coupling_prefactor(glass) * np.outer(tilt, tilt) * dipole / distance**glass.power
    rate = glass.epsilon * _rate_prefactor(glass) * tunnelling**2 * frequency * dipole_trace
    return TLSDisorder(coupling, rate, frequency, _polar_angles(glass, draw.polar), draw.phi, position)


def _dipoles(glass: "TLSGlass", draw: TLSDraw, position: Array) -> tuple[Array, Array]:
    """Return D_ij (N, N), zero on the diagonal, and Tr(D_i²) (N,)."""
    if glass.dipoles == "elastic":
        tensors = elastic_dipole.tensors(draw.dipole_tensor)
        i, j = np.triu_indices(glass.N, k=1)
        direction = disorder_of.minimum_image_separations(position, glass.side)[i, j]
        direction /= np.sqrt(np.sum(direction**2, axis=-1, keepdims=True))
        pairs = elastic_dipole.contraction(tensors[i], tensors[j], direction, glass.v_L, glass.v_T)
        trace = elastic_dipole.trace_of_square(tensors)
    elif glass.convention == "preprint":
        L, T = glass.v / glass.v_L, glass.v / glass.v_T
        pairs = -(L**2 * draw.dipole + T**2 * draw.dipole_T) / 2.0
        trace = (L**5 * draw.dipole_trace + T**5 * draw.dipole_trace_T) * 2.0 / 5.0
    else:
        pairs, trace = draw.dipole, draw.dipole_trace
    return disorder_of.symmetric(pairs, glass.N), trace


def _polar_angles(glass: "TLSGlass", polar: Array) -> Array:
    """Return θ_i (N,), uniform on the sphere, or uniform on (0, π), which favours the poles.

    Both decrease with `polar`.
    """
    if glass.angles == "uniform":
        return math.pi * (1.0 - polar)
    theta: Array = np.arccos(2.0 * polar - 1.0)
    return theta


def _coupling_prefactor(glass: "TLSGlass") -> float:
    """Return W γ² / (4π ρ v² nm³), the coupling in units of W at a distance of 1 nm and unit angles and dipoles."""
    density = glass.density * constants.gram / constants.centi**3
    stiffness = density * (glass.v * constants.kilo) ** 2
    volume = constants.nano**3
    return glass.W * constants.e * glass.gamma**2 / (4.0 * math.pi * stiffness * volume)


def _rate_prefactor(glass: "TLSGlass") -> float:
    """Return W⁴ γ² / (12π ρ ħ³ v⁵), the rate in units of W/ħ for unit energies and dipoles."""
    speed, density = glass.v, glass.density * constants.gram / constants.centi**3
    energy, wave = glass.W * constants.e, constants.hbar * speed * constants.kilo
    return (energy / wave) ** 3 * energy * glass.gamma**2 / (12.0 * math.pi * density * (speed * constants.kilo) ** 2)
