"""The model `SpinGlassSpectrum`: level statistics and Edwards-Anderson order of eigenstates."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.model import Coordinate, FunctionOfMeans, LazyObservables, Observable, parameter
from ensemble.models.rules import Rule, integer, not_negative, one_of, parts
from ensemble.models.spin_glass.chain import RULES, SpinGlassChain
from ensemble.models.spin_glass.disorder import ChainDraw
from ensemble.models.spin_glass.kernels.sectors import Sector
from ensemble.models.spin_glass.kernels.spectrum import BLOCK_BYTES, Levels, parts_of_spectrum, whole_spectrum
from ensemble.models.spin_glass.levels import OBSERVABLES, OF_MEANS, measured
from ensemble.physics.one_blas_thread import one_blas_thread

_PARITIES: Mapping[str, tuple[int, ...]] = {"both": (1, -1), "plus": (1,), "minus": (-1,)}

LARGEST, LARGEST_WHOLE, SMALLEST_WHOLE = 16, 14, 8
"""Largest L; largest L whose whole spectrum can be computed; up to the third, the whole spectrum always is."""


def _tens(name: str, value: Any) -> int:
    number: int = integer(10, 10_000)(name, value)
    if number % 10:
        raise ParameterError(
            f"{name} must be a multiple of 10, so that the ends and the middle have some, got {value!r}"
        )
    return number


@final
@dataclass(frozen=True)
class SpinGlassSpectrum(SpinGlassChain):
    """All eigenstates of up to 14 spins in both sectors of the parity, or some of those of up to 16.

    Notes
    -----
    The Hamiltonian is H = Σ_{i<j} J_ij Z_i Z_j + h Σ_i X_i; it commutes with the parity Π_i X_i. The gap
    ratio and the Edwards-Anderson order are averaged in bins of the scaled energy, which is 0 for the ground state of a
    sector and 1 for its highest state.
    """

    h: float = parameter(0.3, long_name="transverse field")
    sectors: str = parameter("both", long_name="both: sectors of even and odd parity; plus, minus: one of them")
    whole: int = parameter(LARGEST_WHOLE, long_name="number of spins up to which all levels are found")
    targets: tuple[float, ...] = parameter((0.05, 0.5, 0.95), long_name="scaled energy around which others are found")
    levels: int = parameter(100, long_name="levels around each of these, at most")
    bins: int = parameter(10, long_name="bins of the scaled energy")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha", "h")
    observables: ClassVar[Mapping[str, Observable]] = OBSERVABLES
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = OF_MEANS
    coordinates: ClassVar[Mapping[str, Coordinate]] = {
        "energy": Coordinate("scaled energy, from 0 to 1"),
        "depth": Coordinate("scaled energy, from the nearer end"),
    }

    rules: ClassVar[Mapping[str, Rule]] = {
        **RULES,
        "L": integer(2, LARGEST),
        "h": not_negative,
        "sectors": one_of(*_PARITIES),
        "whole": integer(SMALLEST_WHOLE, LARGEST_WHOLE),
        "targets": parts,
        "levels": integer(1, 1000),
        "bins": _tens,
    }

    def coords(self) -> dict[str, NDArray[Any]]:
        """Return the centres of the bins."""
        middles = (np.arange(self.bins) + 0.5) / self.bins
        return {"energy": middles, "depth": middles[: self.bins // 2]}

    def memory(self, measured: Collection[str]) -> int:  # noqa: ARG002 - all observables need the eigenstates
        """Return the memory in bytes.

        It counts a little more than three matrices, or the vectors of the Lanczos method; the signs of all pairs; and
        the squares of a block of states.
        """
        size = 1 << (self.L - 1)
        columns = 13 * size // 4 if self._small else 8 * self.levels
        return 8 * size * (columns + self.L**2) + BLOCK_BYTES

    def measure(self, disorder: ChainDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        found = functools.cache(lambda: measured(self._spectra(disorder), self.bins))
        return LazyObservables(**{name: functools.partial(lambda each: found()[each], name) for name in OBSERVABLES})

    def _spectra(self, disorder: ChainDraw) -> list[list[Levels]]:
        coupling = self.coupling(disorder)
        with one_blas_thread:
            return [self._of_sector(Sector.of(coupling, self.h, parity)) for parity in _PARITIES[self.sectors]]

    def _of_sector(self, sector: Sector) -> list[Levels]:
        return [whole_spectrum(sector)] if self._small else parts_of_spectrum(sector, self.targets, self.levels)

    @property
    def _small(self) -> bool:
        """Whether all levels are computed."""
        return self.whole >= self.L
