"""A solution for one realization, and all that follows from it, each part computed when it is first asked for."""

import functools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.mean_field.disorder import SiteDraw, TLSDraw
from ensemble.physics.disorder import minimum_image_distances
from ensemble.physics.mean_field import hopping, tunnelling
from ensemble.physics.mean_field.box import nearest
from ensemble.physics.mean_field.couplings import coulomb, dipolar
from ensemble.physics.mean_field.laplacian import nonzero_rates
from ensemble.physics.mean_field.self_consistent import SelfConsistent, self_consistent
from ensemble.physics.one_blas_thread import one_blas_thread

if TYPE_CHECKING:
    from ensemble.models.mean_field.electrons import ElectronGlass
    from ensemble.models.mean_field.tls import MeanFieldTLSGlass

Array = NDArray[np.float64]


class Sample(ABC):
    """What both glasses have."""

    @property
    @abstractmethod
    def coupling(self) -> Array:
        """(N, N), what the average of one adds to the energy of another."""

    @property
    @abstractmethod
    def solution(self) -> SelfConsistent:
        """The energies, and what it took to find them."""

    @property
    @abstractmethod
    def energy(self) -> Array:
        """(N,), of excitations."""

    @property
    @abstractmethod
    def rates(self) -> Array:
        """Rates of relaxation in increasing order, without the fields of those that are out of equilibrium."""

    @property
    @abstractmethod
    def coupled_rates(self) -> Array:
        """The same with these fields."""


@final
class TLSSample(Sample):
    """Two-level systems."""

    def __init__(self, model: "MeanFieldTLSGlass", draw: TLSDraw) -> None:
        self._model = model
        self._draw = draw
        self.amplitude = model.amplitude_min * (model.amplitude_max / model.amplitude_min) ** draw.exponent
        """(N,), Δ0."""

    @functools.cached_property
    def coupling(self) -> Array:
        """c u / r³."""
        return dipolar(self._draw.position, self._model.side, self._model.c * self._model.J, self._draw.pairs)

    @functools.cached_property
    def solution(self) -> SelfConsistent:
        """Asymmetry energies."""
        local = self._model.W * self._draw.local
        return self_consistent(local, self.coupling, self._model.T, self._draw.start, self._model.tolerance)

    @functools.cached_property
    def energy(self) -> Array:
        """E, with the sign of the asymmetry energy."""
        return tunnelling.energies(self.solution.x, self.amplitude)

    @functools.cached_property
    def thermal_factor(self) -> Array:
        """(N,), y = E coth(E / 2T)."""
        return tunnelling.thermal_factors(self.energy, self._model.T)

    @functools.cached_property
    def rates(self) -> Array:
        """Δ0² y."""
        return np.sort(self.amplitude**2 * self.thermal_factor)

    @functools.cached_property
    def coupled_rates(self) -> Array:
        """Of the whole matrix."""
        with one_blas_thread:
            return tunnelling.coupled_rates(self.solution.x, self.amplitude, self.coupling, self._model.T)


@final
class ElectronSample(Sample):
    """Electrons on localized states."""

    def __init__(self, model: "ElectronGlass", draw: SiteDraw) -> None:
        self._model = model
        self._draw = draw

    @functools.cached_property
    def coupling(self) -> Array:
        """-J / 2r."""
        return coulomb(self._draw.position, self._model.side, -self._model.J / 2)

    @functools.cached_property
    def solution(self) -> SelfConsistent:
        """Energies."""
        local = self._model.W * self._draw.local
        return self_consistent(local, self.coupling, self._model.T, self._draw.start, self._model.tolerance)

    @property
    def energy(self) -> Array:
        """E, of an electron on a site."""
        return self.solution.x

    @functools.cached_property
    def electrons(self) -> float:
        """How many there are more than half as many as sites."""
        return float(-np.tanh(self.energy / (2 * self._model.T)).sum() / 2)

    @functools.cached_property
    def distance(self) -> Array:
        """(N, N), r."""
        side: float = self._model.side
        return side * minimum_image_distances(self._draw.position, 1.0)

    @property
    def neighbour_distance(self) -> float:
        """The mean way to the nearest site."""
        return float(nearest(self.distance).mean())

    @functools.cached_property
    def _jumps(self) -> Array:
        """The rate matrix."""
        return hopping.jumps(self.energy, self.distance, self._model.length, self._model.T)

    @functools.cached_property
    def rates(self) -> Array:
        """All but the one that is zero."""
        with one_blas_thread:
            return hopping.rates(self._jumps) if self._model.precise else hopping.quick_rates(self._jumps)

    @functools.cached_property
    def coupled_rates(self) -> Array:
        """Of the whole matrix."""
        with one_blas_thread:
            null = hopping.null_vector(self.energy, self._model.T)
            return hopping.coupled_rates(self._jumps, null, -2 * self.coupling, self._model.T)

    @functools.cached_property
    def bare_rates(self) -> Array:
        """Of hops that know nothing of energies: of the matrix exp(-r / ξ)."""
        with one_blas_thread:
            return nonzero_rates(np.exp(-self.distance / self._model.length))
