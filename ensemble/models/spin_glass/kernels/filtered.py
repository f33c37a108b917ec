"""Levels around an energy, where a sector is too large for its whole spectrum: polynomial filtering.

With H scaled to the interval from -1 to 1 and the Chebyshev polynomials T_k, the filter of degree K

    f(H) = Σ_k c_k T_k(H),    c_k ~ (2 - δ_k0) T_k(σ),    f(σ) = 1

is a peak at σ that is narrower for larger K, with ripples beside it. The levels in the peak have the largest
eigenvalues of f(H), at the end of its spectrum, where the Lanczos method finds them. f(H) takes K products with H,
which need no matrix (Sierant, Lewenstein and Zakrzewski, PRL 125, 156601 (2020)). K is chosen so that the peak holds as
many levels as are wanted, by an estimate of the density of levels.

The result is checked twice: each level by its residual, and the completeness by f. The Lanczos method returns the
largest eigenvalues of f(H). So a level at E is found if f(E) is above the smallest returned eigenvalue, and the list is
complete around σ up to the energy where f falls to that value. A level that the Lanczos method has missed all the same
would appear in a random vector from which the found levels are projected out.
"""

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.polynomial.chebyshev import chebval
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ensemble.errors import ConvergenceError
from ensemble.models.spin_glass.kernels.chebyshev import IDENTITY, moments, polynomial
from ensemble.models.spin_glass.kernels.sectors import Sector

Array = NDArray[np.float64]

_SEED = 2017
"""Seed of the start vectors of iterations: the same for every sector, so that a sector always has the same levels."""
_SPARE = 1.5
"""Number of eigenvalues of f(H) that are computed, over the number of wanted levels."""
_PEAK = 1.65
"""Number of levels in the part of the peak above its ripples, over Σ f(E) of all levels: for a peak sin(x) / x."""
_FEWEST = 8
_LEAST_DEGREE = 16
_LONGEST = 8
"""Largest degree that is tried, over the number of levels divided by the number of requested levels."""
_PART = 4
"""At most 1 / _PART of all levels is requested."""
_PROBES = 4
"""Number of random vectors for the density of levels."""
_POWERS = 20
"""Number of times that f(H) is applied to find a missed level."""
_RESIDUAL = 1e-9
"""Largest allowed norm of (H - E)|n>, over the width of the spectrum."""


@final
@dataclass(frozen=True, eq=False)
class Ends:
    """The lowest and the highest level of a sector."""

    lowest: float
    highest: float

    @property
    def width(self) -> float:
        """Width of the spectrum."""
        return self.highest - self.lowest

    def scale(self, sector: Sector) -> Sector:
        """Return the sector with its levels scaled to the interval from -1 to 1."""
        middle, half = (self.lowest + self.highest) / 2, self.width / 2
        return Sector(sector.parity, (sector.diagonal - middle) / half, sector.transverse / half)


def ends(sector: Sector) -> Ends:
    """Find the lowest and the highest level of a sector by the Lanczos method."""
    operator = _operator(sector, IDENTITY)
    return Ends(float(_extreme(operator, 1, "SA")[0][0]), float(_extreme(operator, 1, "LA")[0][0]))


def levels_around(sector: Sector, target: float, wanted: int, bounds: Ends) -> tuple[Array, Array]:
    """Return the levels nearest to a scaled energy from 0 to 1.

    Returns `wanted` levels, or fewer if only fewer are proved to be complete: energies in ascending order, (n,), and
    states as columns, (2^(L-1), n). Raises a `ConvergenceError` if a residual is too large or a level was missed.
    """
    unit, center = bounds.scale(sector), 2 * target - 1
    coefficients, requested = _filter(unit, center, wanted)
    operator = _operator(unit, coefficients)
    heights, vectors = _extreme(operator, requested, "LA")
    energy, states = _levels(unit, vectors)
    reach = _reach(coefficients, center, float(heights.min()))
    far = np.abs(energy - center)
    near = np.sort(np.argsort(far, kind="stable")[: min(wanted, np.count_nonzero(far < reach))])
    energy, near_states = energy[near], states[:, near]
    _check_residuals(unit, energy, near_states)
    check_none_missing(operator, states, _lowest(coefficients, center, far[near].max(initial=0.0)))
    return (bounds.lowest + bounds.highest + energy * bounds.width) / 2, near_states


def _filter(unit: Sector, center: float, wanted: int) -> tuple[Array, int]:
    """Return the coefficients of f, and the number of its eigenvalues to compute.

    Σ f(E) over all levels is Σ c_k Tr T_k. The traces are estimated once, and a lower degree uses the first of them.
    """
    size = len(unit)
    requested = min(math.ceil(_SPARE * wanted), size // _PART)
    count = max(_LEAST_DEGREE + 1, _LONGEST * size // requested)
    rng = np.random.default_rng(_SEED)
    starts = rng.choice([-1.0, 1.0], (_PROBES, size))
    traces = np.mean([moments(unit, start, count) for start in starts], axis=0)
    polynomials = np.cos(np.arange(count) * math.acos(center))
    weights = np.where(np.arange(count) > 0, 2.0, 1.0) * polynomials
    peak = np.cumsum(weights * polynomials)
    inside = _PEAK * np.cumsum(weights * traces) / peak
    degree = max(_LEAST_DEGREE, int(np.flatnonzero(inside >= requested).max(initial=0)))
    requested = min(requested, max(_FEWEST, math.ceil(_SPARE * inside[degree])))
    return weights[: degree + 1] / peak[degree], requested


def _levels(unit: Sector, vectors: Array) -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors of H in the span of some vectors: f does not distinguish σ + x from σ - x."""
    energy, mixed = linalg.eigh(vectors.T @ _applied(unit, vectors), check_finite=False)
    return energy, vectors @ mixed


def _lowest(coefficients: Array, center: float, reach: float) -> float:
    """Return the smallest f of the energies within `reach` of σ."""
    nearer = np.linspace(-reach, reach, 1001)
    return float(chebval(np.clip(center + nearer, -1, 1), coefficients).min())


def _reach(coefficients: Array, center: float, height: float) -> float:
    """Return the distance from σ at which f falls to `height`."""
    distance = np.linspace(0, 6 / len(coefficients), 1001)
    both = np.clip(np.array([center - distance, center + distance]), -1, 1)
    fallen = chebval(both, coefficients).min(axis=0) <= height
    return float(distance[np.argmax(fallen)] if fallen.any() else distance[-1])


def _check_residuals(unit: Sector, energy: Array, states: Array) -> None:
    residual = np.linalg.norm(_applied(unit, states) - states * energy, axis=0).max(initial=0.0) / 2
    if not residual < _RESIDUAL:
        raise ConvergenceError(
            f"levels must be known to {_RESIDUAL:g} of the width of the spectrum, got a residual of {residual:.1e}: "
            "ask for other levels or another scaled energy"
        )


def check_none_missing(operator: LinearOperator | Array, found: Array, height: float) -> None:
    """Raise a `ConvergenceError` if a state orthogonal to the found ones has f above `height`."""
    vector = np.random.default_rng(_SEED + 1).standard_normal(len(found))
    quotient = 0.0
    for _ in range(_POWERS):
        vector -= found @ (found.T @ vector)
        vector /= np.linalg.norm(vector)
        following = operator @ vector
        quotient = float(vector @ following)
        vector = following
    if not quotient < height:
        raise ConvergenceError(
            f"no level must be missing around a scaled energy, got one that was passed over (f = {quotient:.2g} "
            f"of {height:.2g}): ask for other levels or another scaled energy"
        )


def _operator(sector: Sector, coefficients: Array) -> LinearOperator:
    """A polynomial of H as a linear operator."""

    def applied(vector: Array) -> Array:
        return polynomial(sector, np.ascontiguousarray(vector).reshape(-1), coefficients)

    return LinearOperator((len(sector),) * 2, matvec=applied, dtype=np.float64)


def _applied(sector: Sector, vectors: Array) -> Array:
    """H times the columns of a matrix."""
    rows = np.empty_like(vectors.T, order="C")
    for row, vector in zip(rows, np.ascontiguousarray(vectors.T), strict=True):
        row[:] = polynomial(sector, vector, IDENTITY)
    return rows.T


def _extreme(operator: LinearOperator, count: int, which: Literal["SA", "LA"]) -> tuple[Array, Array]:
    """Return eigenvalues at one end of the spectrum, and their eigenvectors."""
    start = np.random.default_rng(_SEED).standard_normal(operator.shape[0])
    try:
        values, vectors = eigsh(operator, k=count, which=which, v0=start)
    except ArpackNoConvergence as error:
        raise ConvergenceError(
            f"Lanczos' method must find {count} levels, got {len(error.eigenvalues)} of them: ask for fewer levels"
        ) from error
    return values, vectors
