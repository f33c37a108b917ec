"""Levels around an energy, where a sector is too large for its matrix: by a polynomial of H that singles them out.

With H scaled to the interval from -1 to 1, where T_k are Chebyshev's polynomials, of degree K

    f(H) = Σ_k c_k T_k(H),    c_k ~ (2 - δ_k0) T_k(σ),    f(σ) = 1

is a peak at σ that is the narrower the larger K is, with ripples beside it. The levels in the peak are those with the
largest eigenvalues of f(H), at the end of its spectrum, where Lanczos' method finds them; f(H) takes K products with H,
and those no matrix (Sierant, Lewenstein and Zakrzewski, PRL 125, 156601 (2020)). K is chosen so that the peak holds as
many levels as are wanted, by an estimate of the density of levels.

What is returned is proved twice: each level by its residual, and that none between them is missing by f. A level at
E with f(E) above the smallest eigenvalue of f(H) found would have been found, so all around σ are there up to where f
falls to it. Levels that Lanczos' method missed all the same would come up in a random vector without the found ones.
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
from ensemble.physics.spin_chain.chebyshev import IDENTITY, moments, polynomial
from ensemble.physics.spin_chain.sectors import Sector

Array = NDArray[np.float64]

_SEED = 2017
"""Of the vectors at which iterations start: the same ones for every sector, so that it has the same levels."""
_SPARE = 1.5
"""So many times as many eigenvalues of f(H) are found as levels are wanted."""
_PEAK = 1.65
"""Levels in the peak where it is higher than its ripples, over Σ f(E) of all of them: for a peak sin(x) / x."""
_FEWEST = 8
_LEAST_DEGREE = 16
_LONGEST = 8
"""Degrees are tried up to so many times the number of levels over those that are asked for."""
_PART = 4
"""At most this part of all levels is asked for, one in so many."""
_PROBES = 4
"""Random vectors for the density of levels."""
_POWERS = 20
"""How often f(H) is applied to bring out a level that was missed."""
_RESIDUAL = 1e-9
"""Norm of (H - E)|n>, over the width of the spectrum, at most."""


@final
@dataclass(frozen=True, eq=False)
class Ends:
    """The first and the last level of a sector."""

    lowest: float
    highest: float

    @property
    def width(self) -> float:
        """Of the spectrum."""
        return self.highest - self.lowest

    def scale(self, sector: Sector) -> Sector:
        """The sector with levels from -1 to 1."""
        middle, half = (self.lowest + self.highest) / 2, self.width / 2
        return Sector(sector.parity, (sector.diagonal - middle) / half, sector.transverse / half)


def ends(sector: Sector) -> Ends:
    """By Lanczos' method."""
    operator = _operator(sector, IDENTITY)
    return Ends(float(_extreme(operator, 1, "SA")[0][0]), float(_extreme(operator, 1, "LA")[0][0]))


def levels_around(sector: Sector, target: float, wanted: int, bounds: Ends) -> tuple[Array, Array]:
    """The levels nearest to a scaled energy, from 0 to 1: as many as are wanted, or those that can be vouched for.

    Their energies in ascending order, (n,), and their states as columns, (2^(L-1), n).
    """
    unit, center = bounds.scale(sector), 2 * target - 1
    coefficients, asked = _filter(unit, center, wanted)
    operator = _operator(unit, coefficients)
    heights, vectors = _extreme(operator, asked, "LA")
    energy, states = _levels(unit, vectors)
    reach = _reach(coefficients, center, float(heights.min()))
    far = np.abs(energy - center)
    near = np.sort(np.argsort(far, kind="stable")[: min(wanted, np.count_nonzero(far < reach))])
    energy, near_states = energy[near], states[:, near]
    _check_residuals(unit, energy, near_states)
    check_none_missing(operator, states, _lowest(coefficients, center, far[near].max(initial=0.0)))
    return (bounds.lowest + bounds.highest + energy * bounds.width) / 2, near_states


def _filter(unit: Sector, center: float, wanted: int) -> tuple[Array, int]:
    """The coefficients of f, and how many of its eigenvalues are to be found.

    Σ f(E) over all levels is Σ c_k Tr T_k, for each degree the sum over fewer terms, of traces that are estimated once.
    """
    size = len(unit)
    asked = min(math.ceil(_SPARE * wanted), size // _PART)
    count = max(_LEAST_DEGREE + 1, _LONGEST * size // asked)
    rng = np.random.default_rng(_SEED)
    starts = rng.choice([-1.0, 1.0], (_PROBES, size))
    traces = np.mean([moments(unit, start, count) for start in starts], axis=0)
    polynomials = np.cos(np.arange(count) * math.acos(center))
    weights = np.where(np.arange(count) > 0, 2.0, 1.0) * polynomials
    peak = np.cumsum(weights * polynomials)
    inside = _PEAK * np.cumsum(weights * traces) / peak
    degree = max(_LEAST_DEGREE, int(np.flatnonzero(inside >= asked).max(initial=0)))
    asked = min(asked, max(_FEWEST, math.ceil(_SPARE * inside[degree])))
    return weights[: degree + 1] / peak[degree], asked


def _levels(unit: Sector, vectors: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenstates of H among combinations of some vectors: σ + x and σ - x are one to f."""
    energy, mixed = linalg.eigh(vectors.T @ _applied(unit, vectors), check_finite=False)
    return energy, vectors @ mixed


def _lowest(coefficients: Array, center: float, reach: float) -> float:
    """The smallest f of an energy that is no further from σ than this."""
    nearer = np.linspace(-reach, reach, 1001)
    return float(chebval(np.clip(center + nearer, -1, 1), coefficients).min())


def _reach(coefficients: Array, center: float, height: float) -> float:
    """How far from σ one may go before f falls to a height."""
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
    """Raise where without the states that were found there is still one with f above a height."""
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
    """A polynomial of H."""

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
    """Eigenvalues at an end of the spectrum, and their vectors."""
    start = np.random.default_rng(_SEED).standard_normal(operator.shape[0])
    try:
        values, vectors = eigsh(operator, k=count, which=which, v0=start)
    except ArpackNoConvergence as error:
        raise ConvergenceError(
            f"Lanczos' method must find {count} levels, got {len(error.eigenvalues)} of them: ask for fewer levels"
        ) from error
    return values, vectors
