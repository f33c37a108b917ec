"""The electron glass as the framework sees it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ensemble.errors import ParameterError
from ensemble.models.mean_field import averages, observables
from ensemble.models.mean_field.disorder import SiteDraw
from ensemble.models.mean_field.glass import RULES, MeanFieldGlass, scale
from ensemble.models.model import Observable, OfMeans, parameter
from ensemble.models.rules import Rule, increasing_from_zero, truth
from ensemble.values import evenly_spaced

TIMES = tuple(evenly_spaced(1e-2, 1e14, 65, log=True))


@final
@dataclass(frozen=True)
class ElectronGlass(MeanFieldGlass):
    """Electrons on half of N localized states in two dimensions, coupled by J / r; they hop by one phonon."""

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
    of_means: ClassVar[Mapping[str, OfMeans]] = averages.BOTH
    dimension: ClassVar[int] = 2
    rules: ClassVar[Mapping[str, Rule]] = {**RULES, "length": scale, "precise": truth, "t": increasing_from_zero}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.W and not self.J:
            raise ParameterError("W or J must be positive, got 0 for both: all energies would be the same")

    def memory(self, measured: Collection[str]) -> int:
        """Couplings; where rates are asked for, also distances, the rate matrix and what its spectrum needs."""
        return (1 if observables.ENERGIES.keys() >= set(measured) else 12) * 8 * self.N**2

    def draw(self, rng: np.random.Generator) -> SiteDraw:
        """Bare random numbers."""
        return SiteDraw.of(rng, self.N)

    def measure(self, disorder: SiteDraw) -> Mapping[str, Any]:
        """The observables of one draw."""
        return observables.of_electrons(self, disorder)
