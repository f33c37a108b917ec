"""Observables of driven spins.

    spectrum, lineshape         f(ω), the EPR spectrum, and f_+(ω), in which all spins count alike; f / f_+ is the
                                polarization of the spins that resonate at ω
    ansatz_...                  the same for the spin temperature with the energy and polarization of the true state
    inverse_temperature, field  its parameters: β_s, and h - ω_e
    square_misfit, misfit       the mean over spins of (P_i - P_i^ansatz)², and its root

On request also properties of the eigenstates of the stationary state: their entanglement, and the polarization of
single spins in the eigenstates in the middle of the spectrum. In the secular approximation they are the eigenstates of
H_S. Entries that a small system does not have are missing values.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.arrays import padded
from ensemble.models.driven_spins.disorder import SpinDisorder
from ensemble.models.driven_spins.kernels.eigenstates import middle, middle_sector, ranked, spin_histogram
from ensemble.models.driven_spins.kernels.sectors import Sectors
from ensemble.models.driven_spins.state import RADIANS, State
from ensemble.models.model import LazyObservables, Observable
from ensemble.physics.level_statistics import gap_ratio

if TYPE_CHECKING:
    from ensemble.models.driven_spins.model import DrivenSpins

Array = NDArray[Any]

LARGE_POLARIZATION = 0.25
"""Threshold of a large abs(<S_z>): half of the largest value."""


def _on_request(long_name: str, *dims: str, units: str = "1", dtype: str = "float64") -> Observable:
    return Observable(long_name, dims=dims, units=units, dtype=dtype, on_request=True)


_TABLE: Mapping[str, Observable] = {
    "spectrum": Observable("EPR spectrum f", dims=("frequency",), units="1/MHz"),
    "lineshape": Observable("EPR line shape f+", dims=("frequency",), units="1/MHz"),
    "ansatz_spectrum": Observable("EPR spectrum of the spin temperature", dims=("frequency",), units="1/MHz"),
    "ansatz_lineshape": Observable("EPR line shape of the spin temperature", dims=("frequency",), units="1/MHz"),
    "mean_polarization": Observable("polarization", dims=()),
    "polarization_variance": Observable("variance of the polarization over spins", dims=()),
    "misfit": Observable("root mean square distance of the spins' polarizations from the ansatz", dims=()),
    "square_misfit": Observable("mean square distance of the spins' polarizations from the ansatz", dims=()),
    "inverse_temperature": Observable("inverse spin temperature", dims=(), units="us"),
    "field": Observable("field of the spin temperature, from that of the spins", dims=(), units="MHz"),
    "matvecs": Observable("applications of the master equation", dims=(), dtype="int64"),
    "detuning": _on_request("frequency of a spin", "spin", units="MHz"),
    "polarization": _on_request("polarization of a spin", "spin"),
    "ansatz_polarization": _on_request("polarization of a spin in the ansatz", "spin"),
    "purity": _on_request("purity of the stationary state"),
    "sector_coherence": _on_request("norm of the coherences between sectors, over that of the state"),
    "eigen_coherence": _on_request("norm of the coherences in sectors, over that of the state"),
    "gap_ratio": _on_request("ratio of neighbouring gaps in the middle sector"),
    "entropy": _on_request("entanglement entropy of an eigenstate", "rank"),
    "mean_entropy": _on_request("entanglement entropy of an eigenstate"),
    "middle_entropy": _on_request("entanglement entropy of an eigenstate in the middle sector"),
    "spin_histogram": _on_request("density of <S_z> of a spin in an eigenstate", "sz"),
    "spin_spread": _on_request("standard deviation of <S_z> of a spin in an eigenstate"),
    "spin_tail": _on_request("fraction of spins in eigenstates with abs(<S_z>) > 1/4"),
}

_FOUND = 1e-6
"""Largest difference between processors for a state that is found to a tolerance, over the observable's largest value.

The default tolerance is a hundredth of it.
"""
_ACCURACIES: Mapping[str, float | None] = {
    **dict.fromkeys(("detuning", "gap_ratio"), None),
    **dict.fromkeys(("entropy", "mean_entropy", "middle_entropy"), 1e-2),
    **dict.fromkeys(("spin_histogram", "spin_spread", "spin_tail"), 1e-2),
    "field": 1e-3,
    "matvecs": 0.5,
}
"""Exceptions.

None for observables that need no stationary state; larger values for eigenstates, which may be nearly degenerate, for a
ratio of small numbers, and for a count of steps.
"""

OBSERVABLES: Mapping[str, Observable] = {
    name: dataclasses.replace(observable, accuracy=_ACCURACIES.get(name, _FOUND)) for name, observable in _TABLE.items()
}


def measured(model: "DrivenSpins", disorder: SpinDisorder) -> LazyObservables:
    """Return the observables of one realization, each computed when it is read."""
    state = State(model, disorder)
    sectors = Sectors.of(model.N)
    whole, centre = middle_sector(sectors), middle(sectors)

    def central_spins() -> Array:
        return state.spin_values[centre]

    entries: dict[str, Callable[[], ArrayLike]] = {
        "spectrum": lambda: state.spectra[0],
        "lineshape": lambda: state.spectra[1],
        "ansatz_spectrum": lambda: state.ansatz_spectra[0],
        "ansatz_lineshape": lambda: state.ansatz_spectra[1],
        "mean_polarization": lambda: state.polarization.mean(),
        "polarization_variance": lambda: state.polarization.var(),
        "misfit": lambda: np.sqrt(_square_misfit(state)),
        "square_misfit": lambda: _square_misfit(state),
        "inverse_temperature": lambda: state.ansatz.inverse_temperature,
        "field": lambda: state.ansatz.field / RADIANS,
        "matvecs": lambda: state.stationary.applications,
        "detuning": lambda: padded(disorder.detuning, model.spins),
        "polarization": lambda: padded(state.polarization, model.spins),
        "ansatz_polarization": lambda: padded(state.ansatz_polarization, model.spins),
        "purity": lambda: np.sum(state.stationary.matrix**2),
        "sector_coherence": lambda: coherences(state)[0],
        "eigen_coherence": lambda: coherences(state)[1],
        "gap_ratio": lambda: gap_ratio(state.basis.energy[whole]),
        "entropy": lambda: ranked(state.entropies, model.ranks),
        "mean_entropy": lambda: state.entropies.mean(),
        "middle_entropy": lambda: state.entropies[whole].mean(),
        "spin_histogram": lambda: spin_histogram(central_spins(), model.bins),
        "spin_spread": lambda: central_spins().std(),
        "spin_tail": lambda: np.mean(np.abs(central_spins()) > LARGE_POLARIZATION),
    }
    return LazyObservables(**entries)


def _square_misfit(state: State) -> float:
    return float(np.mean((state.polarization - state.ansatz_polarization) ** 2))


def coherences(state: State) -> tuple[float, float]:
    """Return two norms over that of the state: of the elements between sectors, and off the diagonal within sectors."""
    squared, magnetization = state.stationary.matrix**2, state.basis.magnetization
    whole = squared.sum()
    np.fill_diagonal(squared, 0.0)
    inside = magnetization[:, None] == magnetization
    return float(np.sqrt(squared[~inside].sum() / whole)), float(np.sqrt(squared[inside].sum() / whole))


def coords(model: "DrivenSpins") -> dict[str, Array]:
    """Return frequencies, numbers of spins, and the centres of the bins of ranks and of polarizations."""
    return {
        "frequency": np.asarray(model.frequency),
        "spin": np.arange(model.spins),
        "rank": (np.arange(model.ranks) + 0.5) / model.ranks,
        "sz": (np.arange(model.bins) + 0.5) / model.bins - 0.5,
    }
