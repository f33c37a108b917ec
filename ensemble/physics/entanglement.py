"""Concurrence (Wootters) and negativity of two qubits, to the last digits of double precision.

The basis order is |↑↑>, |↑↓>, |↓↑>, |↓↓>. The determinant of the partial transpose finds most separable states;
`two_qubits` decomposes all others.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled
from ensemble.physics.two_qubits import add_state, finish, make_room, new_batch

STATE_TOLERANCE = 1e-6
"""Largest deviation from hermiticity, positivity or unit trace that a density matrix may have."""

ENTROPY_FLOOR = 1e-12
"""A smaller entropy is a rounding error and is returned as exactly 0."""

SEPARABLE_MARGIN = 1e-12
"""A state with det(ρ^TB) / (ρ11 ρ22 ρ33 ρ44) above this is separable, in spite of rounding errors."""


def concurrence(rho: ArrayLike) -> NDArray[np.float64]:
    """Return the concurrence of two-qubit density matrices.

    Parameters
    ----------
    rho
        Density matrices, shape (..., 4, 4), in the basis |↑↑>, |↑↓>, |↓↑>, |↓↓>.

    Returns
    -------
    Concurrence, shape (...), from 0 to 1. Values below `CONCURRENCE_FLOOR` are returned as 0.

    Raises
    ------
    ValueError
        If a matrix is not finite, or if hermiticity, unit trace or positivity fail by more than `STATE_TOLERANCE`.

    Notes
    -----
    C = max(0, s1 - s2 - s3 - s4) with the singular values s of X^T (σy ⊗ σy) X, where ρ = X X†. The factorization
    cuts off negative eigenvalues that are not below -`STATE_TOLERANCE`.
    """
    return _entanglement(rho, negativity=False)


def negativity(rho: ArrayLike) -> NDArray[np.float64]:
    """Return the negativity of two-qubit density matrices.

    The negativity is minus the negative eigenvalue of the partial transpose, or 0 if there is none.

    Parameters
    ----------
    rho
        Density matrices, shape (..., 4, 4), in the basis |↑↑>, |↑↓>, |↓↑>, |↓↓>.

    Returns
    -------
    Negativity, shape (...), from 0 to 1/2. Values below `CONCURRENCE_FLOOR` are returned as 0.

    Raises
    ------
    ValueError
        If a matrix is not finite, or if hermiticity, unit trace or positivity fail by more than `STATE_TOLERANCE`.

    Notes
    -----
    N = (Σ |eigenvalues of ρ^TB| - Tr ρ) / 2.
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
    """Fill `values` (n,), which must be zero, for a stack of states (n, 4, 4)."""
    batch = new_batch(negativity)
    work = np.empty((4, 4), dtype=np.complex128)
    for k in range(states.shape[0]):
        if not is_separable(states[k], work):
            make_room(batch, values)
            add_state(states[k], batch, k)
    finish(batch, values)


@compiled
def is_separable(rho: NDArray[np.complex128], pivoted: NDArray[np.complex128]) -> bool:
    """Return whether the partial transpose is positive definite beyond rounding errors; `pivoted` (4, 4) is scratch.

    The partial transpose has at most one negative eigenvalue, so a positive determinant is sufficient. The determinant
    is computed from the pivots of Gaussian elimination, relative to the diagonal, so it does not depend on the scale of
    each basis state. For nearly pure states it is near 0, with either sign: they are never called separable here.
    """
    for i in range(4):
        for j in range(4):
            # rows and columns are bit pairs (a, b); the partial transpose exchanges the second bits
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
