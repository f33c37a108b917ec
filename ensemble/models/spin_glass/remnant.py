"""The model `SpinGlassRemnant`: the polarization that the softest spins keep for all times, all other spins frozen."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.arrays import padded
from ensemble.models.model import Coordinate, FunctionOfMeans, LazyObservables, Observable, parameter
from ensemble.models.rules import Rule, integer, positive
from ensemble.models.spin_glass.chain import RULES, STATE, ChainSample, SpinGlassChain
from ensemble.models.spin_glass.disorder import ChainDraw
from ensemble.models.spin_glass.kernels import remnant
from ensemble.physics.one_blas_thread import one_blas_thread

Array = NDArray[np.float64]

_FOUND = 1e-6
"""Relative difference between processors of results from eigenstates, some of which are nearly degenerate."""


@final
@dataclass(frozen=True)
class SpinGlassRemnant(SpinGlassChain):
    """Polarizations that remain of the softest of L spins after any time in a transverse field.

    Notes
    -----
    The softest spins are those with the smallest abs(φ). `kernels.remnant` has the Hamiltonian and the time average.
    """

    h: float = parameter(0.1, long_name="transverse field")
    free: int = parameter(8, long_name="spins that are not frozen, those with the smallest fields")
    state: str = parameter("stable", long_name="stable: none gains by a flip, after random sweeps; hot: at random")
    ranks: int = parameter(6, long_name="spins that are told one by one, the softest first")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha", "h", "free")
    coordinates: ClassVar[Mapping[str, Coordinate]] = {"rank": Coordinate("number of a spin, the softest is 1")}
    observables: ClassVar[Mapping[str, Observable]] = {
        "polarization": Observable("polarization that remains, over that at the start", ("rank",), accuracy=_FOUND),
        "baseline": Observable("the same without couplings, φ² / (φ² + h²)", ("rank",)),
        "field": Observable("abs(φ)", ("rank",)),
        "mean_polarization": Observable("polarization that remains of these spins", (), accuracy=_FOUND),
        "mean_baseline": Observable("the same without couplings", ()),
    }
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = {
        "over_baseline": FunctionOfMeans(
            "polarization that remains, over that without couplings",
            ("mean_polarization", "mean_baseline"),
            lambda _, remains, baseline: np.divide(remains, baseline),
        )
    }
    rules: ClassVar[Mapping[str, Rule]] = {
        **RULES,
        "h": positive,
        "free": integer(1, 12),
        "state": STATE,
        "ranks": integer(1, 12),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.free > self.L:
            raise ParameterError(f"free must be at most L, got {self.free} of {self.L} spins")

    def coords(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of the spins, the softest is 1."""
        return {"rank": np.arange(1, self.ranks + 1)}

    def memory(self, measured: Collection[str]) -> int:
        """Return the memory in bytes: the couplings, and a little more than three matrices of the free spins."""
        return super().memory(measured) + 26 * (1 << 2 * self.free)

    def measure(self, disorder: ChainDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        sample = functools.cache(lambda: self.sample(disorder, self.state))
        remains = functools.cache(lambda: self._polarization(sample()))

        def field() -> Array:
            return padded(np.sort(np.abs(sample().field))[: self.free], self.ranks)

        def baseline() -> Array:
            return remnant.alone(field(), self.h)

        return LazyObservables(
            polarization=lambda: padded(remains(), self.ranks),
            baseline=baseline,
            field=field,
            mean_polarization=lambda: np.nanmean(padded(remains(), self.ranks)),
            mean_baseline=lambda: np.nanmean(baseline()),
        )

    def _polarization(self, sample: ChainSample) -> Array:
        """Return the remaining polarizations (free,), the softest spin first."""
        free = remnant.softest(sample.field, self.free)
        with one_blas_thread:
            frozen = remnant.frozen_fields(sample.coupling, sample.spins, free)
            return remnant.polarizations(sample.coupling[np.ix_(free, free)], frozen, sample.spins[free], self.h)
