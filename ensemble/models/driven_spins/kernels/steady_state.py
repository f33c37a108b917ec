"""The stationary state of the whole master equation: a drive and jumps of single spins.

In the frame of the microwaves, with H = H' + δ S^z + ω_1 S^x (δ = ω_e - ω_MW) and the jumps A of `bath`,

    0 = L ρ = -i [H, ρ] + Σ_A A ρ A^† - {A^† A, ρ} / 2.

A Hermitian ρ is stored as the real matrix X = Re ρ + Im ρ with 4^N entries, and -i [H, ρ] becomes -[H, X^T]. The
equation that is solved is L X - c Tr(X) 1/2^N = -c 1/2^N with c = 1 / T_1. Its trace gives Tr X = 1, and then L X = 0.

Between the eigenstates of H, the dressed states, L is nearly diagonal: pairs of coherences oscillate and decay, and
populations follow rates. This part is inverted exactly and preconditions GMRES, which then needs tens of steps. With
the eigenstates of H' GMRES would hardly converge, because the drive is fast against the decay of coherences.

Each correction is computed in single precision, in half of the time, since it need not be exact. The residual is
computed in double precision, and corrections follow until it is within the tolerance (iterative refinement).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, gmres

from ensemble.errors import ConvergenceError
from ensemble.models.driven_spins.kernels.bath import Bath, Dissipator
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.physics.compiled import compiled

Array = NDArray[Any]

_ROUGH = 1e-3
"""Reduction of the residual by one correction."""
_MOST_STEPS = 30
"""GMRES steps of one correction. Each takes one application of L and memory for one more matrix."""
_MOST_CORRECTIONS = 30
_TILE = 32


@final
@dataclass(frozen=True)
class SteadyState:
    """A stationary state as X = Re ρ + Im ρ between the eigenstates of H'."""

    matrix: Array
    """(2^N, 2^N)."""
    applications: int = 0
    """Number of applications of the master equation to find the state."""


def steady_state(basis: Eigenbasis, bath: Bath, *, offset: float, drive: float, tolerance: float = 1e-8) -> SteadyState:
    """Return the stationary state for δ = `offset` and ω_1 = `drive`, both in rad/us.

    `tolerance` limits the residual relative to the right-hand side. Raises a `ConvergenceError` if it is not reached.
    """
    dressed = _DressedStates.of(basis, offset, drive)
    exact, rough = (_MasterEquation(basis, bath, dressed, kind) for kind in (np.float64, np.float32))
    inverse = _Diagonal(basis, bath, dressed, np.float32)
    size = len(dressed.energy)
    right = -np.eye(size) / np.sqrt(size)
    x, residual = np.zeros_like(right), right
    for _ in range(_MOST_CORRECTIONS):
        x = x + _correction(rough, inverse, residual, tolerance)
        residual = right - exact(x)
        if np.linalg.norm(residual) <= tolerance:
            state = basis.into(dressed.states @ (x / np.trace(x)) @ dressed.states.T)
            return SteadyState(state, exact.applications + rough.applications)
    raise ConvergenceError(
        f"the stationary state must be found to {tolerance:.0e}, but the residual is {np.linalg.norm(residual):.1e} "
        f"after {exact.applications + rough.applications} applications of the master equation: "
        "allow a larger tolerance"
    )


def _correction(apply: "_MasterEquation", inverse: "_Diagonal", residual: Array, tolerance: float) -> Array:
    """Return an approximation of L^-1 times the residual."""
    shape, size, norm = residual.shape, residual.size, float(np.linalg.norm(residual))

    def flat(function: Callable[[Array], Array]) -> LinearOperator:
        return LinearOperator((size, size), matvec=lambda x: function(x.reshape(shape)).ravel(), dtype=np.float32)

    right = (residual / norm).ravel().astype(np.float32)
    enough = max(_ROUGH, 0.5 * tolerance / norm)
    found, _ = gmres(flat(apply), right, rtol=enough, restart=_MOST_STEPS, maxiter=1, M=flat(inverse))
    correction: Array = norm * found.reshape(shape).astype(np.float64)
    return correction


@final
@dataclass(frozen=True)
class _DressedStates:
    """The eigenstates of H."""

    energy: Array
    """(2^N,), in rad/us."""
    states: Array
    """(product states, dressed states)."""

    @classmethod
    def of(cls, basis: Eigenbasis, offset: float, drive: float) -> "_DressedStates":
        """Diagonalize H, which has no sectors."""
        sectors = basis.sectors
        hamiltonian = basis.out(np.diag(basis.energy + offset * basis.magnetization))
        hamiltonian[np.arange(len(sectors))[:, None], sectors.flipped] += drive / 2
        return cls(*linalg.eigh(hamiltonian, check_finite=False, overwrite_a=True))


@final
class _MasterEquation:
    """L X - c Tr(X) 1/2^N between dressed states."""

    def __init__(self, basis: Eigenbasis, bath: Bath, dressed: _DressedStates, kind: type[np.floating[Any]]) -> None:
        self.rate = bath.down + bath.up
        """c = 1 / T_1 in 1/us."""
        self.applications = 0
        self._states = dressed.states.astype(kind)
        self._turning = (dressed.energy - dressed.energy[:, None]).astype(kind)
        self._bath = Dissipator(basis, bath, kind)

    def __call__(self, x: Array) -> Array:
        self.applications += 1
        states, size = self._states, len(x)
        change: Array = states.T @ self._bath(states @ x @ states.T) @ states
        _add_with_transpose(self._turning, x, change)
        change[np.diag_indices(size)] -= self.rate / size * np.trace(x)
        return change


@final
class _Diagonal:
    """The inverse of the diagonal part of L between dressed states: pairs of coherences, and all populations.

    X_nm and X_mn rotate into each other at Λ_nm = E_n - E_m and decay at (K_n + K_m) / 2 - Σ_A A_nn A_mm, with
    K_n = Σ_A (A^† A)_nn; populations follow the rates |A_mn|².
    """

    def __init__(self, basis: Eigenbasis, bath: Bath, dressed: _DressedStates, kind: type[np.floating[Any]]) -> None:
        rates, diagonals = _dressed_jumps(basis, bath, dressed.states)
        lost = rates.sum(axis=0)
        decay = 0.5 * (lost[:, None] + lost) - diagonals.T @ diagonals
        np.fill_diagonal(decay, 1.0)
        turning = dressed.energy[:, None] - dressed.energy
        both = decay**2 + turning**2
        self._damped, self._turned = (-decay / both).astype(kind), (turning / both).astype(kind)
        flow = rates - np.diag(lost) - (bath.down + bath.up) / len(lost)
        self._factors = linalg.lu_factor(flow, overwrite_a=True, check_finite=False)

    def __call__(self, y: Array) -> Array:
        x: Array = self._damped * y
        _add_with_transpose(self._turned, y, x)
        np.fill_diagonal(x, linalg.lu_solve(self._factors, np.diagonal(y), check_finite=False))
        return x


def _dressed_jumps(basis: Eigenbasis, bath: Bath, dressed: Array) -> tuple[Array, Array]:
    """Return Σ_A |A_mn|² from n to m, and the diagonal elements A_nn of every jump, (jumps, states)."""
    sectors = basis.sectors
    rates = np.zeros_like(dressed)
    diagonals = []
    own = basis.left(dressed) if bath.diagonal else None
    for i in range(sectors.spins):
        up = sectors.values[:, i] > 0
        above = dressed[up]
        lowering = dressed[sectors.flipped[up, i]].T @ above
        dephasing = bath.local * (above.T @ above - 0.5 * np.eye(len(dressed)))
        if own is not None:
            dephasing += bath.diagonal * own.T @ (basis.spin[:, i, None] * own)
        rates += bath.down * lowering**2 + bath.up * lowering.T**2 + dephasing**2
        turns = math.sqrt(bath.down + bath.up) * np.diagonal(lowering)  # both jumps have the same diagonal
        diagonals += [turns, np.diagonal(dephasing)]
    return rates, np.stack(diagonals)


@compiled
def _add_with_transpose(weights: Array, x: Array, out: Array) -> None:
    """Add weights * X^T, element by element; tile by tile, so that both tiles stay in the cache."""
    size = len(x)
    for first in range(0, size, _TILE):
        for other in range(0, size, _TILE):
            for row in range(first, min(first + _TILE, size)):
                for column in range(other, min(other + _TILE, size)):
                    out[row, column] += weights[row, column] * x[column, row]
