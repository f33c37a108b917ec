"""Observables of a glass, each from the closed forms in `kernels`, for any N.

    concurrence        C(t) = (1/N) Σ_{i<j} C_ij                                                        Eq. (28)
    entropy            S(t) = -Tr ρ_A ln ρ_A, the mean over bubbles A of floor(N/2) sites               Eq. (29)
    purity, renyi      Tr ρ_A² and -ln Tr ρ_A², also means over bubbles; they need no eigenvalues and reach larger N
    negativity         (1/N) Σ_{i<j} of the negativities
    coherence          (1/N) Σ_i |<↑| ρ_i |↓>|
    log_ratio          log10 of the median over sites of ħY_i / max_j |J_ij|; Eq. (24) at epsilon = eta = 1

Observables over `bubble`, `pair` and `site` store single values instead of the average. A bubble is a site and its
nearest sites. Pairs are sorted by the size of their coupling, the strongest first, since most pairs are far apart and
never entangled. Entries that a small system does not have are missing values. `density_matrix` is that of site 0 and
its nearest sites, in the frame that rotates with the local frequencies.
"""

import functools
import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import ParameterError
from ensemble.models.arrays import padded
from ensemble.models.model import LazyObservables, Observable
from ensemble.models.tls_glass.kernels import (
    LARGEST_BUBBLE,
    average_concurrence,
    bubble_entropy,
    bubble_purity,
    pair_entanglement,
    reduced_density_matrix,
    site_coherences,
)
from ensemble.models.tls_glass.materials import measured_ratio
from ensemble.physics import nearest_bubbles
from ensemble.physics.disorder import minimum_image_distances

if TYPE_CHECKING:
    from ensemble.models.tls_glass.model import TLSGlass

Array = NDArray[Any]

_PURITY_REACHES = 15
"""Largest bubble whose 3^k sectors can be summed in minutes, in sites."""
_REACH = {
    "entropy": LARGEST_BUBBLE,
    "bubble_entropy": LARGEST_BUBBLE,
    "renyi": _PURITY_REACHES,
    "purity": _PURITY_REACHES,
}
"""Largest bubble for which an observable can be measured, in sites."""


def _on_request(long_name: str, *dims: str, units: str = "1", dtype: str = "float64") -> Observable:
    return Observable(long_name, dims=dims, units=units, dtype=dtype, on_request=True)


OBSERVABLES: Mapping[str, Observable] = {
    "concurrence": Observable("concurrence per two-level system"),
    "entropy": _on_request("entanglement entropy of half the system", "t"),
    "renyi": _on_request("second Rényi entropy of half the system", "t"),
    "purity": _on_request("purity of half the system", "t"),
    "negativity": _on_request("negativity per two-level system", "t"),
    "coherence": _on_request("coherence per two-level system", "t"),
    "bubble_entropy": _on_request("entanglement entropy of a bubble", "bubble", "t"),
    "pair_concurrence": _on_request("concurrence of a pair", "pair", "t"),
    "pair_negativity": _on_request("negativity of a pair", "pair", "t"),
    "pair_coupling": _on_request("coupling of a pair", "pair", units="W"),
    "pair_distance": _on_request("distance of a pair", "pair", units="nm"),
    "site_coherence": _on_request("coherence of a two-level system", "site", "t"),
    "log_ratio": _on_request("decimal logarithm of dissipation over interaction, the median over sites"),
    "density_matrix": _on_request("density matrix of neighbours", "t", "row", "column", dtype="complex128"),
}


def measured(glass: "TLSGlass", disorder: Any) -> LazyObservables:
    """Return the observables of any object with the arrays of `TLSDisorder`, each computed when it is read."""
    t, occupation, n = np.asarray(glass.t), glass.occupation(disorder), len(disorder.rate)
    state = (disorder.coupling, disorder.rate, disorder.theta, t)

    def pairs_of(measure: Any, pairs: Any = None) -> Array:
        return pair_entanglement(*state, occupation=occupation, pairs=pairs, measure=measure)

    @functools.cache
    def distances() -> Array:
        return minimum_image_distances(np.asarray(disorder.position), glass.side)

    @functools.cache
    def strongest() -> Array:
        i, j = np.triu_indices(n, k=1)
        order = np.argsort(-np.abs(disorder.coupling[i, j]), kind="stable")[: glass.pairs]
        return np.column_stack([i[order], j[order]])

    @functools.cache
    def purities() -> Array:
        return bubble_purity(disorder, _bubbles(glass, distances()), t, occupation=occupation)

    @functools.cache
    def entropies() -> Array:
        return bubble_entropy(disorder, _bubbles(glass, distances()), t, occupation=occupation)

    @functools.cache
    def coherences() -> Array:
        return site_coherences(*state, occupation=occupation)

    def neighbours() -> Array:
        sites = nearest_bubbles(distances(), 1, size=glass.cluster)[0]
        return reduced_density_matrix(disorder, sites.tolist(), t, occupation=occupation)

    entries: dict[str, Callable[[], ArrayLike]] = {
        "concurrence": lambda: average_concurrence(*state, occupation=occupation),
        "entropy": lambda: entropies().mean(axis=0),
        "renyi": lambda: -np.log(purities()).mean(axis=0),
        "purity": lambda: purities().mean(axis=0),
        "negativity": lambda: pairs_of("negativity").sum(axis=0) / n,
        "coherence": lambda: coherences().mean(axis=0),
        "bubble_entropy": lambda: padded(entropies(), glass.bubbles),
        "pair_concurrence": lambda: padded(pairs_of("concurrence", strongest()), glass.pairs),
        "pair_negativity": lambda: padded(pairs_of("negativity", strongest()), glass.pairs),
        "pair_coupling": lambda: padded(disorder.coupling[tuple(strongest().T)], glass.pairs),
        "pair_distance": lambda: padded(distances()[tuple(strongest().T)], glass.pairs),
        "site_coherence": lambda: padded(coherences()[: glass.sites], glass.sites),
        "log_ratio": lambda: math.log10(measured_ratio(disorder)),
        "density_matrix": neighbours,
    }
    return LazyObservables(**entries)


def coords(glass: "TLSGlass") -> dict[str, Array]:
    """Return the times, and the numbers of bubbles, pairs, sites and basis states."""
    lengths = {"bubble": glass.bubbles, "pair": glass.pairs, "site": glass.sites}
    numbers = {name: np.arange(length) for name, length in lengths.items()}
    basis = np.arange(2**glass.cluster)
    return {"t": np.asarray(glass.t), **numbers, "row": basis, "column": basis}


def check(glass: "TLSGlass", observables: Collection[str]) -> None:
    """Raise a `ParameterError` for observables that take too much memory or time, or are undefined for these values."""
    for name in observables:
        largest = 2 * _REACH.get(name, glass.N) + 1
        if largest < glass.N:
            remedy = ' or for "renyi", which needs no matrix' if glass.N <= 2 * _PURITY_REACHES + 1 else ""
            raise ParameterError(f"N must be at most {largest} for {name}, got {glass.N}: ask for smaller N{remedy}")
    if "density_matrix" in observables and glass.cluster > glass.N:
        raise ParameterError(f"cluster must be at most N = {glass.N}, got {glass.cluster}")
    if "log_ratio" in observables and 0.0 in (glass.epsilon, glass.eta):
        name, of = ("eta", "interactions") if glass.eta == 0.0 else ("epsilon", "dissipation")
        raise ParameterError(
            f"{name} must not be 0 for log_ratio, which compares {of} with the rest: "
            f"leave it out of {name}, or log_ratio out of observables"
        )


def _bubbles(glass: "TLSGlass", distance: Array) -> Array:
    return nearest_bubbles(distance, min(glass.bubbles or len(distance), len(distance)))
