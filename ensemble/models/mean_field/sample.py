"""One realization: the self-consistent solution and all that follows from it, each computed when it is first read."""

import functools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.mean_field.disorder import SiteDraw, TLSDraw
from ensemble.models.mean_field.kernels import hopping, tunnelling
from ensemble.models.mean_field.kernels.box import nearest
from ensemble.models.mean_field.kernels.couplings import coulomb, dipolar
from ensemble.models.mean_field.kernels.laplacian import nonzero_rates
from ensemble.models.mean_field.kernels.self_consistent import SelfConsistent, self_consistent
from ensemble.physics.disorder import minimum_image_distances
from ensemble.physics.one_blas_thread import one_blas_thread

if TYPE_CHECKING:
    from ensemble.models.mean_field.electrons import ElectronGlass
    from ensemble.models.mean_field.tls import MeanFieldTLSGlass

Array = NDArray[np.float64]


class Sample(ABC):
    """Properties that both glasses have."""

    @property
    @abstractmethod
    def coupling(self) -> Array:
        """(N, N): the factor of the average of one site in the energy of another."""

    @property
    @abstractmethod
    def solution(self) -> SelfConsistent:
        """The self-consistent energies, and the work to find them."""

    @property
    @abstractmethod
    def energy(self) -> Array:
        """(N,), excitation energies."""

    @property
    @abstractmethod
    def rates(self) -> Array:
        """Relaxation rates in increasing order, without the fields of other sites that are out of equilibrium."""

    @property
    @abstractmethod
    def coupled_rates(self) -> Array:
        """Relaxation rates in increasing order, with these fields."""


@final
class TLSSample(Sample):
    """A realization of two-level systems."""

    def __init__(self, model: "MeanFieldTLSGlass", draw: TLSDraw) -> None:
        self._model = model
        self._draw = draw
        self.amplitude = model.amplitude_min * (model.amplitude_max / model.amplitude_min) ** draw.exponent
        """(N,), tunnelling amplitudes Δ0."""

    @functools.cached_property
    def coupling(self) -> Array:
        """(N, N), c u / r³."""
        return dipolar(self._draw.position, self._model.side, self._model.c * self._model.J, self._draw.pairs)

    @functools.cached_property
    def solution(self) -> SelfConsistent:
        """The self-consistent asymmetry energies."""
        local = self._model.W * self._draw.local
        return self_consistent(local, self.coupling, self._model.T, self._draw.start, self._model.tolerance)

    @functools.cached_property
    def energy(self) -> Array:
        """(N,), E, with the sign of the asymmetry energy."""
        return tunnelling.energies(self.solution.x, self.amplitude)

    @functools.cached_property
    def thermal_factor(self) -> Array:
        """(N,), y = E coth(E / 2T)."""
        return tunnelling.thermal_factors(self.energy, self._model.T)

    @functools.cached_property
    def rates(self) -> Array:
        """(N,), Δ0² y in increasing order."""
        return np.sort(self.amplitude**2 * self.thermal_factor)

    @functools.cached_property
    def coupled_rates(self) -> Array:
        """(N,), the rates of the whole rate matrix in increasing order."""
        with one_blas_thread:
            return tunnelling.coupled_rates(self.solution.x, self.amplitude, self.coupling, self._model.T)


@final
class ElectronSample(Sample):
    """A realization of electrons on localized states."""

    def __init__(self, model: "ElectronGlass", draw: SiteDraw) -> None:
        self._model = model
        self._draw = draw

    @functools.cached_property
    def coupling(self) -> Array:
        """(N, N), -J / 2r."""
        return coulomb(self._draw.position, self._model.side, -self._model.J / 2)

    @functools.cached_property
    def solution(self) -> SelfConsistent:
        """The self-consistent energies."""
        local = self._model.W * self._draw.local
        return self_consistent(local, self.coupling, self._model.T, self._draw.start, self._model.tolerance)

    @property
    def energy(self) -> Array:
        """(N,), E, the energy of an electron on a site."""
        return self.solution.x

    @functools.cached_property
    def electrons(self) -> float:
        """Mean number of electrons minus N / 2."""
        return float(-np.tanh(self.energy / (2 * self._model.T)).sum() / 2)

    @functools.cached_property
    def distance(self) -> Array:
        """(N, N), distances r."""
        side: float = self._model.side
        return side * minimum_image_distances(self._draw.position, 1.0)

    @property
    def neighbour_distance(self) -> float:
        """Mean distance to the nearest site."""
        return float(nearest(self.distance).mean())

    @functools.cached_property
    def _jumps(self) -> Array:
        """(N, N), the rate matrix as a_ji of `kernels.hopping`."""
        return hopping.jumps(self.energy, self.distance, self._model.length, self._model.T)

    @functools.cached_property
    def rates(self) -> Array:
        """(N - 1,), all rates but the zero one, in increasing order."""
        with one_blas_thread:
            return hopping.rates(self._jumps) if self._model.precise else hopping.quick_rates(self._jumps)

    @functools.cached_property
    def coupled_rates(self) -> Array:
        """(N - 1,), the rates of the whole rate matrix in increasing order."""
        with one_blas_thread:
            null = hopping.null_vector(self.energy, self._model.T)
            return hopping.coupled_rates(self._jumps, null, -2 * self.coupling, self._model.T)

    @functools.cached_property
    def bare_rates(self) -> Array:
        """(N - 1,), rates of hops that do not depend on energies: of the matrix exp(-r / ξ)."""
        with one_blas_thread:
            return nonzero_rates(np.exp(-self.distance / self._model.length))
