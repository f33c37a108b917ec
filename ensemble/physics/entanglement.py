"""Entanglement of two qubits, to the last digits of double precision: Wootters' concurrence, and the negativity.

Basis order |↑↑>, |↑↓>, |↓↑>, |↓↓>. States that are separable beyond doubt are sorted out by the determinant of their
partial transpose; `two_qubits` decomposes the others.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.two_qubits import add_state, finish, make_room, new_batch

STATE_TOLERANCE = 1e-6
"""A matrix that misses hermiticity, positivity or unit trace by more than this is not a state."""

SEPARABLE_MARGIN = 1e-12
"""det(ρ^TB) / (ρ11 ρ22 ρ33 ρ44) above which a state is separable whatever the rounding."""


def concurrence(rho: ArrayLike) -> NDArray[np.float64]:
    """Concurrence of two-qubit density matrices.

    `rho` has shape (..., 4, 4) and the result shape (...). Values below `CONCURRENCE_FLOOR` are 0.
    Negative eigenvalues of the order of rounding, and up to `STATE_TOLERANCE`, are cut off by the factorization;
    beyond it, or when `rho` is not hermitian, normalized and finite, a ValueError is raised.
    """
    return _entanglement(rho, negativity=False)


def negativity(rho: ArrayLike) -> NDArray[np.float64]:
    """Negativity of two-qubit density matrices: minus the negative eigenvalue of their partial transpose, or 0.

    Takes and refuses what `concurrence` does; values below `CONCURRENCE_FLOOR` are 0.
    """
    return _entanglement(rho, negativity=True)


def _entanglement(rho: ArrayLike, *, negativity: bool) -> NDArray[np.float64]:
    states = _checked_states(rho)
    stack = np.ascontiguousarray(states.reshape(-1, 4, 4))
    values = np.zeros(len(stack))
    _entanglement_of_each(stack, negativity, values)
    return values.reshape(states.shape[:-2])


def _checked_states(rho: ArrayLike) -> NDArray[np.complex128]:
    states = np.asarray(rho, dtype=np.complex128)
    if states.shape[-2:] != (4, 4):
        raise ValueError(f"a two-qubit density matrix must have shape (..., 4, 4), got {states.shape}")
    if not np.all(np.isfinite(states)):
        raise ValueError("a density matrix must be finite, got NaN or infinity among its elements")
    adjoint = states.conj().swapaxes(-1, -2)
    skew = np.max(np.abs(states - adjoint), initial=0.0)
    if skew > STATE_TOLERANCE:
        raise ValueError(f"a density matrix must be hermitian, got one that differs from its adjoint by {skew:.1e}")
    excess = np.max(np.abs(np.trace(states, axis1=-2, axis2=-1) - 1.0), initial=0.0)
    if excess > STATE_TOLERANCE:
        raise ValueError(f"a density matrix must have trace 1, got one that misses it by {excess:.1e}")
    lowest = np.min(np.linalg.eigvalsh((states + adjoint) / 2), initial=0.0)
    if lowest < -STATE_TOLERANCE:
        raise ValueError(f"a density matrix must be positive, got one with the eigenvalue {lowest:.1e}")
    return (states + adjoint) / 2


@compiled
def _entanglement_of_each(states: NDArray[np.complex128], negativity: bool, values: NDArray[np.float64]) -> None:
    """Fill values (n,), zero before, for a stack of states (n, 4, 4)."""
    batch = new_batch(negativity)
    work = np.empty((4, 4), dtype=np.complex128)
    for k in range(states.shape[0]):
        if not is_separable(states[k], work):
            make_room(batch, values)
            add_state(states[k], batch, k)
    finish(batch, values)


@compiled
def is_separable(rho: NDArray[np.complex128], pivoted: NDArray[np.complex128]) -> bool:
    """Whether the partial transpose is positive definite beyond rounding.

    It has at most one negative eigenvalue, so a positive determinant decides. The determinant is taken from
    the pivots of Gaussian elimination relative to the diagonal, which makes it blind to the scale of each
    basis state. Nearly pure states have it near 0, of either sign: they are never sorted out here.
    """
    for i in range(4):
        for j in range(4):
            # rows and columns are the bit pairs (a, b); the transpose exchanges the second bits
            pivoted[i, j] = rho[(i & 2) | (j & 1), (j & 2) | (i & 1)]
    determinant = 1.0
    for k in range(4):
        pivot = pivoted[k, k].real
        diagonal = rho[k, k].real
        if not pivot > 0.0:
            return False
        determinant *= pivot / diagonal
        for i in range(k + 1, 4):
            ratio = pivoted[i, k] / pivot
            for j in range(k + 1, i + 1):
                pivoted[i, j] -= ratio * pivoted[j, k].conjugate()
    return determinant > SEPARABLE_MARGIN
