"""Observables of eigenstates in bins of scaled energy, and functions of their averages.

For two quantities, the ratio of neighbouring gaps and the Edwards-Anderson order, each realization has in each bin

    _count, _sum        the number of levels, and the sum over them
    _spectra, _means    the number of sectors with such a level, and the sum over them of the mean in this bin

Only ratios of averages exist, because near the ends of a spectrum many bins are empty. If all levels have the same
weight, the weight of a realization is its number of levels in the bin. If all spectra have the same weight, each of
them counts once. At the ends of the spectrum the first ratio is smaller: a glass that has many levels near its ground
state is less frozen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.models.model import FunctionOfMeans, Observable
from ensemble.models.spin_glass.kernels.spectrum import Levels, Sums

Array = NDArray[np.float64]
Select = Callable[[Array], Array]

_NAMES: Mapping[str, str] = {
    "gap_ratio": "ratio of neighbouring gaps",
    "edwards_anderson": "squared correlation of two spins in an eigenstate",
}
_FOUND = 1e-6
"""Relative difference between processors of a sum over eigenstates, some of which are nearly degenerate."""


def _observables() -> Mapping[str, Observable]:
    observables = {}
    for name, long_name in _NAMES.items():
        for kind, what in {
            "count": f"levels with a {long_name}",
            "sum": f"{long_name}, sum over levels",
            "spectra": f"spectra with a {long_name}",
            "means": f"{long_name}, sum over spectra of their means",
        }.items():
            observables[f"{name}_{kind}"] = Observable(what, ("energy",), accuracy=_FOUND)
    return observables


def _folded(values: Array) -> Array:
    return values[: len(values) // 2] + values[: (len(values) - 1) // 2 : -1]


def _part(low: float, high: float) -> Select:
    """Return the function that sums over the bins between two distances from the nearer end of the spectrum."""

    def selected(values: Array) -> Array:
        middles = (np.arange(len(values)) + 0.5) / len(values)
        depth = np.minimum(middles, 1 - middles)
        return np.asarray(values[(depth > low) & (depth < high)].sum())

    return selected


_PARTS: Mapping[str, tuple[str, Select, tuple[str, ...]]] = {
    "": ("", np.asarray, ("energy",)),
    "folded_": (", both ends together", _folded, ("depth",)),
    "middle_": (" in the middle fifth of the spectrum", _part(0.4, 0.5), ()),
    "edge_": (" in the first and last tenth of the spectrum", _part(0.0, 0.1), ()),
}


def _ratio(select: Select) -> Callable[[Any, Array, Array], Array]:
    return lambda _, total, count: np.divide(select(total), select(count))


def _of_means() -> Mapping[str, FunctionOfMeans]:
    made = {}
    for name, long_name in _NAMES.items():
        for part, (where, select, dims) in _PARTS.items():
            by_level, by_spectrum = (f"{name}_sum", f"{name}_count"), (f"{name}_means", f"{name}_spectra")
            made[f"{part}{name}"] = FunctionOfMeans(f"{long_name}{where}", by_level, _ratio(select), dims)
            made[f"{part}{name}_by_spectrum"] = FunctionOfMeans(
                f"{long_name}{where}, all spectra alike", by_spectrum, _ratio(select), dims
            )
    return made


OBSERVABLES: Mapping[str, Observable] = _observables()
OF_MEANS: Mapping[str, FunctionOfMeans] = _of_means()


_SUMS: Mapping[str, Callable[[Levels, int], Sums]] = {
    "gap_ratio": lambda levels, bins: Sums.of(levels.scaled[1:-1], levels.ratios, bins),
    "edwards_anderson": lambda levels, bins: Sums.of(levels.scaled, levels.order, bins),
}


def measured(spectra: Sequence[Sequence[Levels]], bins: int) -> dict[str, Array]:
    """Return the observables of one realization from the levels of its sectors; each sector is one part or several."""
    found: dict[str, Array] = {}
    for name, of in _SUMS.items():
        sectors = [sum((of(part, bins) for part in parts), start=Sums.none(bins)) for parts in spectra]
        levels = sum(sectors, start=Sums.none(bins))
        by_spectrum = sum((sector.means for sector in sectors), start=Sums.none(bins))
        found |= {f"{name}_count": levels.count, f"{name}_sum": levels.total}
        found |= {f"{name}_spectra": by_spectrum.count, f"{name}_means": by_spectrum.total}
    return found
