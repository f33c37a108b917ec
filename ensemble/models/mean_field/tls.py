"""The model `MeanFieldTLSGlass`: two-level systems in three dimensions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ensemble.errors import ParameterError
from ensemble.models.arrays import evenly_spaced
from ensemble.models.mean_field import averages, observables
from ensemble.models.mean_field.disorder import TLSDraw
from ensemble.models.mean_field.glass import RULES, MeanFieldGlass, scale, window
from ensemble.models.model import FunctionOfMeans, Observable, parameter
from ensemble.models.rules import Rule, increasing_from_zero

TIMES = tuple(evenly_spaced(1.0, 1e17, 69, log=True))
"""Default times: 69 logarithmically spaced values from 1 to 1e17."""


@final
@dataclass(frozen=True)
class MeanFieldTLSGlass(MeanFieldGlass):
    """N two-level systems in three dimensions, coupled by random u / r³; each relaxes by one phonon.

    Notes
    -----
    In mean field the asymmetry energies x obey

        x_i = W e_i + c Σ_j u_ij tanh(x_j / 2T) / r_ij³

    with standard normal e_i and u_ij / J. The excitation energies are E = sgn(x) √(x² + Δ0²), the rates
    λ = a Δ0² E coth(E / 2T) with a = 1. Model of Asban, Amir, Imry and Schechter, PRB 95, 144207 (2017).
    """

    c: float = parameter(0.5, long_name="factor of the interaction in the mean field; 1/4 counts every pair once")
    amplitude_min: float = parameter(1e-7, long_name="smallest tunnelling amplitude")
    amplitude_max: float = parameter(1e-1, long_name="largest tunnelling amplitude")
    time_window: tuple[float, ...] = parameter((1e4, 1e11), long_name="times between which the relaxation is fitted")
    t: tuple[float, ...] = parameter(TIMES, long_name="time, times a")

    observables: ClassVar[Mapping[str, Observable]] = observables.TLS
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = averages.TLS
    dimension: ClassVar[int] = 3
    rules: ClassVar[Mapping[str, Rule]] = {
        **RULES,
        "c": scale,
        "amplitude_min": scale,
        "amplitude_max": scale,
        "time_window": window,
        "t": increasing_from_zero,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.amplitude_max > self.amplitude_min:
            raise ParameterError(
                f"amplitude_max must be above amplitude_min, got {self.amplitude_max:g} and {self.amplitude_min:g}"
            )

    def memory(self, measured: Collection[str]) -> int:
        """Return the memory in bytes: the couplings; for coupled rates also the rate matrix and work space."""
        return (8 if observables.COUPLED.keys() & measured else 1) * 8 * self.N**2

    def draw(self, rng: np.random.Generator) -> TLSDraw:
        """Draw the random numbers of one realization."""
        return TLSDraw.of(rng, self.N)

    def measure(self, disorder: TLSDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        return observables.of_tls(self, disorder)
