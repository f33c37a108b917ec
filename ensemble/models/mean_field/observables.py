"""Observables of the two mean-field glasses.

    dos, gap               densities of states on the axis of signed energies; `gap` is finer, near zero
    gap_density            density of states within gap_width of zero
    shoulder_density       density of states between two and three times gap_width
    rate_histogram         density of log10 λ; rates outside the grid count in the norm, but in no bin
    relaxation             S(t), the mean of exp(-λ t)
    lost_rates             number of rates that are not above zero, because they underflow or because the fast solver
                           is not precise enough; histograms, means, quantiles and errors of rates leave them out

On request also the single rates, and the coupled rates λ': there the sites that are out of equilibrium shift the
energies of all other sites. Errors are abs(λ' - λ) / λ' for λ' and λ of the same rank, with and without these shifts.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.models.arrays import padded
from ensemble.models.mean_field.kernels.histogram import density, within
from ensemble.models.mean_field.kernels.tunnelling import averaged_relaxation
from ensemble.models.mean_field.sample import ElectronSample, Sample, TLSSample
from ensemble.models.model import LazyObservables, Observable

if TYPE_CHECKING:
    from ensemble.models.mean_field.disorder import SiteDraw, TLSDraw
    from ensemble.models.mean_field.electrons import ElectronGlass
    from ensemble.models.mean_field.tls import MeanFieldTLSGlass

    Glass: TypeAlias = MeanFieldTLSGlass | ElectronGlass

Array = NDArray[np.float64]

_LOWEST = 0.1
"""Fraction of the rates that count as slow."""


def _number(long_name: str, *dims: str, dtype: str = "float64") -> Observable:
    return Observable(long_name, dims=dims, dtype=dtype)


def _on_request(long_name: str, *dims: str) -> Observable:
    return Observable(long_name, dims=dims, on_request=True)


ENERGIES: Mapping[str, Observable] = {
    "dos": _number("density of states", "energy"),
    "gap": _number("density of states near zero", "depth"),
    "gap_density": _number("density of states in the gap"),
    "shoulder_density": _number("density of states beside the gap"),
    "median_energy": _number("median of abs(E)"),
    "energy_quantiles": _number("quantile of abs(E)", "quantile"),
    "sweeps": _number("sweeps to the solution", dtype="int64"),
    "residual": _number("error of the solution, in units of energy"),
}
"""Observables that need the self-consistent solution only."""

_RATES: Mapping[str, Observable] = {
    "rate_histogram": _number("density of log10 λ", "rate"),
    "mean_log_rate": _number("log10 λ"),
    "rate_quantiles": _number("quantile of log10 λ", "quantile"),
    "relaxation": _number("relaxation S", "t"),
    "lost_rates": _number("rates that are not above zero", dtype="int64"),
    "rates": _on_request("rate λ", "mode"),
}
COUPLED: Mapping[str, Observable] = {
    "coupled_rates": _on_request("rate λ' with all interactions", "mode"),
    "error": _on_request("relative error of a rate without its interaction term", "rank"),
    "mean_error": _on_request("relative error of a rate without its interaction term"),
    "slow_error": _on_request("relative error of a rate without its interaction term, of the slowest tenth"),
    "slow_error_median": _on_request("median of the relative error, of the slowest tenth"),
    "slow_error_largest": _on_request("largest relative error, of the slowest tenth"),
    "shift": _on_request("ln(λ' / λ)"),
    "slow_shift": _on_request("ln(λ' / λ), of the slowest tenth"),
    "largest_shift": _on_request("largest abs(ln(λ' / λ))"),
}
"""Observables that need the whole rate matrix of two-level systems as well."""

_BOTH: Mapping[str, Observable] = {**ENERGIES, **_RATES, **COUPLED}

TLS: Mapping[str, Observable] = {
    **_BOTH,
    "mean_log_factor": _number("log10 of y = E coth(E / 2T)"),
    "median_log_factor": _number("median of log10 y, y = E coth(E / 2T)"),
    "averaged_relaxation": _number("relaxation S, averaged over amplitudes", "t"),
}
ELECTRONS: Mapping[str, Observable] = {
    **_BOTH,
    "electrons": _number("electrons beyond one for two sites"),
    "neighbour_distance": _number("distance of nearest neighbours"),
    "bare_histogram": _on_request("density of log10 λ of hops without energies", "rate"),
    "bare_mean_log_rate": _on_request("log10 λ of hops without energies"),
}


def of_tls(model: "MeanFieldTLSGlass", draw: "TLSDraw") -> LazyObservables:
    """Return the observables of one realization of two-level systems, each computed when it is read."""
    sample = TLSSample(model, draw)
    entries = _of_both(model, sample)
    entries["mean_log_factor"] = lambda: np.log10(sample.thermal_factor).mean()
    entries["median_log_factor"] = lambda: np.median(np.log10(sample.thermal_factor))
    entries["averaged_relaxation"] = lambda: averaged_relaxation(
        np.asarray(model.t), sample.thermal_factor, model.amplitude_min, model.amplitude_max
    )
    return LazyObservables(**entries)


def of_electrons(model: "ElectronGlass", draw: "SiteDraw") -> LazyObservables:
    """Return the observables of one realization of electrons, each computed when it is read."""
    sample = ElectronSample(model, draw)
    entries = _of_both(model, sample)
    entries["electrons"] = lambda: sample.electrons
    entries["neighbour_distance"] = lambda: sample.neighbour_distance
    entries["bare_histogram"] = lambda: _histogram(model, sample.bare_rates)
    entries["bare_mean_log_rate"] = lambda: _log(sample.bare_rates).mean()
    return LazyObservables(**entries)


def _of_both(model: "Glass", sample: Sample) -> dict[str, Callable[[], ArrayLike]]:
    width = model.gap_width

    def magnitude() -> Array:
        return np.abs(sample.energy)

    def slow(values: Array) -> Array:
        return values[: max(1, round(_LOWEST * len(values)))]

    return {
        "dos": lambda: density(sample.energy, -model.energy_range, model.energy_range, model.energy_bins),
        "gap": lambda: density(magnitude(), 0.0, model.gap_range, model.gap_bins) / 2,
        "gap_density": lambda: within(sample.energy, 0.0, width),
        "shoulder_density": lambda: within(sample.energy, 2 * width, 3 * width),
        "median_energy": lambda: np.median(magnitude()),
        "energy_quantiles": lambda: np.quantile(magnitude(), model.quantile),
        "rate_histogram": lambda: _histogram(model, sample.rates),
        "mean_log_rate": lambda: _log(sample.rates).mean(),
        "rate_quantiles": lambda: np.quantile(_log(sample.rates), model.quantile),
        "relaxation": lambda: _relaxation(np.asarray(model.t), sample.rates),
        "lost_rates": lambda: np.count_nonzero(~(sample.rates > 0)),
        "sweeps": lambda: sample.solution.sweeps,
        "residual": lambda: sample.solution.residual,
        "rates": lambda: padded(sample.rates, model.modes),
        "coupled_rates": lambda: padded(sample.coupled_rates, model.modes),
        "error": lambda: _by_rank(_errors(sample), model.ranks),
        "mean_error": lambda: _errors(sample).mean(),
        "slow_error": lambda: slow(_errors(sample)).mean(),
        "slow_error_median": lambda: np.median(slow(_errors(sample))),
        "slow_error_largest": lambda: slow(_errors(sample)).max(),
        "shift": lambda: _shifts(sample).mean(),
        "slow_shift": lambda: slow(_shifts(sample)).mean(),
        "largest_shift": lambda: np.abs(_shifts(sample)).max(),
    }


def _log(rates: Array) -> Array:
    """Return log10 of the rates above zero; nan if there are none."""
    found: Array = np.log10(rates[rates > 0])
    return found if len(found) else np.array([np.nan])


def _histogram(model: "Glass", rates: Array) -> Array:
    return density(_log(rates), model.slowest, model.fastest, model.rate_bins)


def _relaxation(t: Array, rates: Array) -> Array:
    """Return the mean of exp(-λ t), (times,). Lost rates count as 0."""
    mean: Array = np.exp(-np.multiply.outer(t, np.maximum(rates, 0.0))).mean(axis=-1)
    return mean


def _alone_over_coupled(sample: Sample) -> Array:
    """Return λ / λ', the slowest rates first, without lost rates; nan if all are lost."""
    alone, coupled = sample.rates, sample.coupled_rates
    known = (alone > 0) & (coupled > 0)
    return alone[known] / coupled[known] if known.any() else np.array([np.nan])


def _errors(sample: Sample) -> Array:
    """Return the relative errors, the slowest rates first."""
    return np.abs(1 - _alone_over_coupled(sample))


def _shifts(sample: Sample) -> Array:
    """Return ln(λ' / λ), the slowest rates first."""
    return -np.log(_alone_over_coupled(sample))


def _by_rank(values: Array, ranks: int) -> Array:
    """Return means (ranks,) over values of about the same rank; nan where there are more ranks than values."""
    rank = np.arange(len(values)) * ranks // len(values)
    counts = np.bincount(rank, minlength=ranks)
    with np.errstate(invalid="ignore"):
        means: Array = np.bincount(rank, weights=values, minlength=ranks) / counts
    return means
