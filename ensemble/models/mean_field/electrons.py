"""The model `ElectronGlass`: electrons on localized states in two dimensions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ensemble.errors import ParameterError
from ensemble.models.arrays import evenly_spaced
from ensemble.models.mean_field import averages, observables
from ensemble.models.mean_field.disorder import SiteDraw
from ensemble.models.mean_field.glass import RULES, MeanFieldGlass, scale
from ensemble.models.model import FunctionOfMeans, Observable, parameter
from ensemble.models.rules import Rule, increasing_from_zero, truth

TIMES = tuple(evenly_spaced(1e-2, 1e14, 65, log=True))
"""Default times: 65 logarithmically spaced values from 1e-2 to 1e14."""


@final
@dataclass(frozen=True)
class ElectronGlass(MeanFieldGlass):
    """Electrons on half of N localized states in two dimensions, coupled by J / r; they hop by one phonon.

    Notes
    -----
    In mean field the energies obey

        E_i = W e_i - (J / 2) Σ_j tanh(E_j / 2T) / r_ij

    with e_i uniform from -1/2 to 1/2. `kernels.hopping` has the equations of the rates. Model of Asban, Amir, Imry and
    Schechter, PRB 95, 144207 (2017).
    """

    gap_width: float = parameter(
        0.05, long_name="energies that count as zero; two to three times that are the shoulder"
    )
    slowest: float = parameter(-14.0, long_name="log10 of the rate from which on rates are counted")
    fastest: float = parameter(4.0, long_name="log10 of the rate up to which rates are counted")
    gap_window: tuple[float, ...] = parameter((0.2, 0.6), long_name="energies between which the gap is fitted")
    rate_window: tuple[float, ...] = parameter((-5.0, -2.0), long_name="log10 of rates between which they are fitted")
    length: float = parameter(0.1, long_name="localization length")
    precise: bool = parameter(True, long_name="each rate to its last digits; otherwise to those of the largest")
    t: tuple[float, ...] = parameter(TIMES, long_name="time, times Γ0")

    observables: ClassVar[Mapping[str, Observable]] = observables.ELECTRONS
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = averages.BOTH
    dimension: ClassVar[int] = 2
    rules: ClassVar[Mapping[str, Rule]] = {**RULES, "length": scale, "precise": truth, "t": increasing_from_zero}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.W and not self.J:
            raise ParameterError("W or J must be positive, got 0 for both: all energies would be the same")

    def memory(self, measured: Collection[str]) -> int:
        """Return the memory in bytes: the couplings; for rates also distances, the rate matrix and work space."""
        return (1 if observables.ENERGIES.keys() >= set(measured) else 12) * 8 * self.N**2

    def draw(self, rng: np.random.Generator) -> SiteDraw:
        """Draw the random numbers of one realization."""
        return SiteDraw.of(rng, self.N)

    def measure(self, disorder: SiteDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        return observables.of_electrons(self, disorder)
