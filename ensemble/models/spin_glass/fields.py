"""The model `SpinGlassFields`: the distribution of local fields in one state, its pseudogap, and the energy.

The density of fields is the same on both sides of zero. It is counted in logarithmic bins of abs(φ) and given as a
density on the axis of signed fields: its integral over both sides is 1 if the bins cover all fields.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ensemble.errors import ParameterError
from ensemble.models.model import Coordinate, FunctionOfMeans, LazyObservables, Observable, parameter
from ensemble.models.rules import Rule, increasing_from_zero, integer, positive, two
from ensemble.models.spin_glass.chain import RULES, STATE, STATE_MEANS, ChainSample, SpinGlassChain
from ensemble.models.spin_glass.disorder import ChainDraw

Array = NDArray[np.float64]


def _line(model: "SpinGlassFields", density: Array) -> tuple[float, float]:
    """Return slope and value at 1 of the fit of ln(density) over ln(field) in the window; nan for fewer than two bins.

    The weight of a bin is its count: by Poisson statistics the logarithm of n has the variance 1 / n.
    """
    field, width = model.coords()["field"], np.diff(model.edges)
    chosen = (field > model.window[0]) & (field < model.window[1]) & (density > 0)
    if np.count_nonzero(chosen) < 2:
        return float("nan"), float("nan")
    x, y, weight = np.log(field[chosen]), np.log(density[chosen]), np.sqrt((density * width)[chosen])
    value, slope = np.polynomial.polynomial.polyfit(x, y, 1, w=weight)
    return float(slope), float(np.exp(value))


@final
@dataclass(frozen=True)
class SpinGlassFields(SpinGlassChain):
    """Fields of L spins with random couplings that fall off as a power of their distance.

    Notes
    -----
    The local field of spin i is φ_i = Σ_j J_ij Z_j, and the energy per spin is (1/L) Σ_i Z_i φ_i / 2.
    """

    state: str = parameter("stable", long_name=STATE_MEANS)
    smallest: float = parameter(10**-2.5, long_name="size from which on fields are counted")
    largest: float = parameter(4.0, long_name="size up to which fields are counted")
    bins: int = parameter(32, long_name="bins of the size of a field, a constant factor wide")
    near: float = parameter(0.02, long_name="size up to which a field counts as zero")
    window: tuple[float, ...] = parameter((0.1, 1.0), long_name="sizes between which the density is fitted")

    axes: ClassVar[tuple[str, ...]] = ("L", "alpha", "state")
    coordinates: ClassVar[Mapping[str, Coordinate]] = {"field": Coordinate("abs(φ)")}
    observables: ClassVar[Mapping[str, Observable]] = {
        "density": Observable("density of fields", ("field",)),
        "density_at_zero": Observable("density of fields near zero", ()),
        "smallest_field": Observable("smallest abs(φ)", ()),
        "mean_square": Observable("φ²", ()),
        "neighbours": Observable("product of φ of neighbours", ()),
        "energy": Observable("energy of a spin", ()),
        "flips": Observable("flips of a spin", ()),
    }
    functions_of_means: ClassVar[Mapping[str, FunctionOfMeans]] = {
        "slope": FunctionOfMeans("power of abs(φ) that the density follows", ("density",), lambda m, p: _line(m, p)[0]),
        "prefactor": FunctionOfMeans("density over that power of abs(φ)", ("density",), lambda m, p: _line(m, p)[1]),
    }
    rules: ClassVar[Mapping[str, Rule]] = {
        **RULES,
        "state": STATE,
        "smallest": positive,
        "largest": positive,
        "bins": integer(1, 100_000),
        "near": positive,
        "window": two(increasing_from_zero),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.largest > self.smallest:
            raise ParameterError(f"largest must be above smallest, got {self.largest:g} and {self.smallest:g}")

    @property
    def edges(self) -> Array:
        """(bins + 1,), edges of the bins."""
        return np.geomspace(self.smallest, self.largest, self.bins + 1)

    def coords(self) -> dict[str, NDArray[Any]]:
        """Return the geometric centres of the bins."""
        edges = self.edges
        return {"field": np.sqrt(edges[1:] * edges[:-1])}

    def measure(self, disorder: ChainDraw) -> Mapping[str, Any]:
        """Return the observables of one realization."""
        sample = functools.cache(lambda: self.sample(disorder, self.state))
        return LazyObservables(
            density=lambda: self._density(sample()),
            density_at_zero=lambda: (np.abs(sample().field) < self.near).mean() / (2 * self.near),
            smallest_field=lambda: np.abs(sample().field).min(),
            mean_square=lambda: (sample().field ** 2).mean(),
            neighbours=lambda: (sample().field * np.roll(sample().field, 1)).mean(),
            energy=lambda: (sample().spins * sample().field).mean() / 2,
            flips=lambda: sample().flips / self.L,
        )

    def _density(self, sample: ChainSample) -> Array:
        counts, edges = np.histogram(np.abs(sample.field), self.edges)
        density: Array = counts / (2 * self.L * np.diff(edges))
        return density
