"""The model `SpinGlassPairs`: pairs of spins in resonance where no single spin is, and pairs that are not stable."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ensemble.models.model import LazyObservables, Observable, parameter
from ensemble.models.rules import Rule, positive
from ensemble.models.spin_glass.chain import RULES, STATE, STATE_MEANS, SpinGlassChain
from ensemble.models.spin_glass.disorder import ChainDraw
from ensemble.models.spin_glass.kernels.pairs import resonant_pairs, unstable_pairs


@final
@dataclass(frozen=True)
class SpinGlassPairs(SpinGlassChain):
    """Resonances of second order among L spins with random couplings that fall off as a power of their distance.

    Notes
    -----
    `kernels.pairs` has the amplitude of second order. A pair is resonant if this amplitude is larger than 1 and neither
    spin is resonant alone.
    """

    h: float = parameter(0.1, long_name="transverse field")
    state: str = parameter("stable", long_name=STATE_MEANS)
    p: float = parameter(1.0, long_name="factor of the amplitude; 1/4 is second order in the transverse field")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha", "h", "state")
    observables: ClassVar[Mapping[str, Observable]] = {
        "resonant_pairs": Observable("resonant pairs", (), dtype="int64"),
        "resonant_spins": Observable("spins that are resonant alone", (), dtype="int64"),
        "unstable_pairs": Observable("pairs of a spin that gain together but not alone", ()),
    }
    rules: ClassVar[Mapping[str, Rule]] = {**RULES, "h": positive, "state": STATE, "p": positive}

    def measure(self, disorder: ChainDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        sample = functools.cache(lambda: self.sample(disorder, self.state))
        return LazyObservables(
            resonant_pairs=lambda: resonant_pairs(sample().coupling, sample().spins, sample().field, self.h, self.p),
            resonant_spins=lambda: np.count_nonzero(np.abs(sample().field) < self.h),
            unstable_pairs=lambda: unstable_pairs(sample().coupling, sample().spins, sample().field, self.h) / self.L,
        )
