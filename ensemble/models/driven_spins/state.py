"""The stationary state of one realization by either dynamics, and what several observables derive from it."""

import functools
import math
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ensemble.models.driven_spins.disorder import SpinDisorder
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.eigenstates import energy_order, entanglement_entropy, spin_values
from ensemble.models.driven_spins.kernels.resonance import Lines, lines, population_lines
from ensemble.models.driven_spins.kernels.secular import secular_populations
from ensemble.models.driven_spins.kernels.spin_temperature import SpinTemperature, matched
from ensemble.models.driven_spins.kernels.steady_state import SteadyState, steady_state
from ensemble.physics.one_blas_thread import one_blas_thread
from ensemble.physics.spectral_lines import gaussian_spectrum

if TYPE_CHECKING:
    from ensemble.models.driven_spins.model import DrivenSpins

Array = NDArray[np.float64]

RADIANS = 2 * math.pi
"""1 MHz in rad/us."""


@final
class State:
    """The stationary state of one realization; each property is computed when it is first read."""

    def __init__(self, model: "DrivenSpins", disorder: SpinDisorder) -> None:
        self._model = model
        self._disorder = disorder

    @functools.cached_property
    def basis(self) -> Eigenbasis:
        """The eigenstates of H'."""
        with one_blas_thread:
            return Eigenbasis.of(RADIANS * self._disorder.detuning, RADIANS * self._disorder.coupling)

    @functools.cached_property
    def stationary(self) -> SteadyState:
        """The stationary state between eigenstates of H'; in the secular approximation it is diagonal."""
        model = self._model
        offset, drive = -RADIANS * model.microwave, RADIANS * model.drive
        with one_blas_thread:
            if model.dynamics == "hilbert":
                populations = secular_populations(self.basis, model.bath, offset=offset, drive=drive)
                return SteadyState(np.diag(populations))
            return steady_state(self.basis, model.bath, offset=offset, drive=drive, tolerance=model.tolerance)

    @functools.cached_property
    def polarization(self) -> Array:
        """(N,), P_i = 2 Tr(ρ S_i^z)."""
        with one_blas_thread:
            return 2 * np.diagonal(self.basis.out(self.stationary.matrix)) @ self.basis.sectors.values

    @functools.cached_property
    def ansatz(self) -> SpinTemperature:
        """The spin temperature with the same energy and polarization."""
        energy, magnetization = self.basis.energy, self.basis.magnetization
        populations = np.diagonal(self.stationary.matrix)
        with one_blas_thread:
            return matched(energy, magnetization, float(populations @ energy), float(populations @ magnetization))

    @property
    def ansatz_polarization(self) -> Array:
        """(N,), P_i in the state of the spin temperature."""
        with one_blas_thread:
            polarization: Array = 2 * self.ansatz.populations @ self.basis.spin
        return polarization

    @functools.cached_property
    def spectra(self) -> Array:
        """(2, frequencies): f and f_+ in 1/MHz."""
        state = self.stationary.matrix
        with one_blas_thread:
            secular = self._model.dynamics == "hilbert"
            found = population_lines(self.basis, np.diagonal(state)) if secular else lines(self.basis, state)
            return self._blurred(found)

    @functools.cached_property
    def ansatz_spectra(self) -> Array:
        """(2, frequencies): f and f_+ of the spin temperature in 1/MHz."""
        with one_blas_thread:
            return self._blurred(population_lines(self.basis, self.ansatz.populations))

    def _blurred(self, found: Lines) -> Array:
        model = self._model
        weights: NDArray[Any] = np.stack([found.commutator, found.anticommutator])
        return gaussian_spectrum(found.frequency / RADIANS, weights, model.width, np.asarray(model.frequency))

    @functools.cached_property
    def eigenstates(self) -> Any:
        """The eigenstates of ρ as columns over product states, real or complex, in the order of their energy <H_S>.

        In the secular approximation these are the eigenstates of H_S. Coherences between sectors are included: a frame
        that rotates about z changes no entanglement.
        """
        basis, x = self.basis, self.stationary.matrix
        with one_blas_thread:
            secular = self._model.dynamics == "hilbert"
            states: Any = np.eye(len(x)) if secular else np.linalg.eigh((x + x.T) / 2 + 0.5j * (x - x.T))[1]
            weights = np.abs(states.T) ** 2
            field = RADIANS * self._model.larmor * constants.kilo
            order = energy_order(weights @ basis.energy, weights @ basis.magnetization, field)
            return basis.back(states[:, order])

    @functools.cached_property
    def entropies(self) -> Array:
        """(2^N,), the entanglement entropy of every eigenstate of ρ."""
        with one_blas_thread:
            kept = min(self._model.kept, self._model.N // 2)
            return entanglement_entropy(self.basis.sectors, self.eigenstates, kept)

    @functools.cached_property
    def spin_values(self) -> Array:
        """(2^N, N), <S_i^z> in every eigenstate of ρ."""
        with one_blas_thread:
            return spin_values(self.basis.sectors, self.eigenstates)
