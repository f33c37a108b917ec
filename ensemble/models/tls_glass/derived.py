"""Functions of the parameters of a glass: Table I, and the axes of the phase diagram, Fig. 2.

They are in the units of the table, for epsilon = eta = 1 and three dimensions. `delta_min` and `delta_max` are the ends
of the distribution of Δ at Δ_bar 10^(±n_delta / 2). They agree with the table up to a factor of 1.8, because Δ_bar in
the table is a power of ten.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scipy import constants

from ensemble.models.model import FunctionOfParameters
from ensemble.models.tls_glass import materials

if TYPE_CHECKING:
    from ensemble.models.tls_glass.model import TLSGlass


def _delta(glass: "TLSGlass", decades: float) -> float:
    """Return Δ_bar times 10^decades, in meV."""
    return float(glass.delta_bar * glass.W / constants.milli * 10.0**decades)


def _flight_energy(glass: "TLSGlass") -> float:
    """Return ħ/τ in eV, over the distance L0."""
    return materials.flight_energy(glass.v, glass.L0)


def _ratio(glass: "TLSGlass") -> float:
    return materials.dissipation_ratio(glass.delta_bar, glass.W, _flight_energy(glass))


DERIVED: Mapping[str, FunctionOfParameters] = {
    "width": FunctionOfParameters(
        "width of the distribution of energy splittings", lambda g: g.W / constants.milli, "meV"
    ),
    "delta_max": FunctionOfParameters("largest tunnelling amplitude", lambda g: _delta(g, g.n_delta / 2.0), "meV"),
    "delta_typical": FunctionOfParameters("typical tunnelling amplitude", lambda g: _delta(g, 0.0), "meV"),
    "delta_min": FunctionOfParameters("smallest tunnelling amplitude", lambda g: _delta(g, -g.n_delta / 2.0), "meV"),
    "tunnelling": FunctionOfParameters("typical tunnelling amplitude over W", lambda g: g.delta_bar),
    "spread": FunctionOfParameters(
        "standard deviation of log10(Delta)", lambda g: g.n_delta / math.sqrt(12.0), "decades"
    ),
    "coupling": FunctionOfParameters("coupling to phonons", lambda g: g.gamma * g.W, "eV"),
    "distance": FunctionOfParameters("typical distance of two-level systems", lambda g: g.L0, "nm"),
    "number_density": FunctionOfParameters("two-level systems in a volume", lambda g: g.L0**-3.0, "nm^-3"),
    "flight_energy": FunctionOfParameters(
        "hbar/tau of sound over L0", lambda g: _flight_energy(g) / constants.milli, "meV"
    ),
    "confinement": FunctionOfParameters("W over hbar/tau", lambda g: g.W / _flight_energy(g)),
    "ratio": FunctionOfParameters("dissipation over interaction, as Eq. (24) estimates it", _ratio),
}
"""The functions by name. Mass density and speeds of sound are parameters; the Debye temperature is not used."""
