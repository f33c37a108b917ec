"""Entanglement of two qubits: Wootters' concurrence, to the last digits of double precision.

    C = max(0, s1 - s2 - s3 - s4),   s = singular values of X^T (σy ⊗ σy) X,   ρ = X X†

with X from a Cholesky factorization. Square roots of the eigenvalues of ρ ρ~ would lose half the digits.
Basis order |↑↑>, |↑↓>, |↓↑>, |↓↓>. Nothing here calls LAPACK for a result: the singular values come from
Jacobi rotations, so that the bits do not depend on the linear-algebra library.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.physics.compiled import compiled

CONCURRENCE_FLOOR = 1e-14
"""A concurrence below this is rounding, and returned as exactly 0."""

STATE_TOLERANCE = 1e-6
"""A matrix that misses hermiticity, positivity or unit trace by more than this is not a state."""

ROUNDING = 1e-15
"""What is left of a diagonal element in the factorization, relative to the element, when it is only rounding."""

SEPARABLE_MARGIN = 1e-12
"""det(ρ^TB) / (ρ11 ρ22 ρ33 ρ44) above which a state is separable whatever the rounding."""

MAX_SWEEPS = 40
"""Jacobi sweeps that are never needed: four or five suffice for a 4x4 matrix."""


def concurrence(rho: ArrayLike) -> NDArray[np.float64]:
    """Concurrence of two-qubit density matrices.

    `rho` has shape (..., 4, 4) and the result shape (...). Values below `CONCURRENCE_FLOOR` are 0.
    Negative eigenvalues of the order of rounding, and up to `STATE_TOLERANCE`, are cut off by the factorization;
    beyond it, or when `rho` is not hermitian, normalized and finite, a ValueError is raised.
    """
    states = _checked_states(rho)
    stack = np.ascontiguousarray(states.reshape(-1, 4, 4))
    values = np.empty(len(stack))
    _concurrence_of_each(stack, values)
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
def _concurrence_of_each(states: NDArray[np.complex128], values: NDArray[np.float64]) -> None:
    work = np.empty((2, 4, 4), dtype=np.complex128)
    for k in range(states.shape[0]):
        values[k] = concurrence_of_state(states[k], work)


@compiled
def concurrence_of_state(rho: NDArray[np.complex128], work: NDArray[np.complex128]) -> float:
    """Concurrence of one state; `work` is (2, 4, 4) scratch space that the caller keeps."""
    if _is_separable(rho, work[0]):
        return 0.0
    rank = _factorize(rho, work[0], work[1])
    _spin_flip_overlaps(work[1], rank, work[0])
    largest, total = _singular_values(work[0], rank)
    value = 2.0 * largest - total
    return value if value >= CONCURRENCE_FLOOR else 0.0


@compiled
def _is_separable(rho: NDArray[np.complex128], pivoted: NDArray[np.complex128]) -> bool:
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


@compiled
def _factorize(rho: NDArray[np.complex128], rest: NDArray[np.complex128], factor: NDArray[np.complex128]) -> int:
    """Fill the columns of `factor` with X, ρ = X X†, and return their number, the numerical rank.

    Cholesky with the largest remaining diagonal element first. An element of which less than `ROUNDING` is
    left is used up: each is measured by itself, not by the trace, since a population of 1e-16 can still
    carry a concurrence of 1e-8. A rest that is negative, or larger off the diagonal than positivity allows,
    is rounding and cut off.
    """
    for i in range(4):
        for j in range(4):
            rest[i, j] = rho[i, j]
            factor[i, j] = 0.0
    for column in range(4):
        pivot = -1
        for i in range(4):
            left = rest[i, i].real
            if left > ROUNDING * rho[i, i].real and (pivot < 0 or left > rest[pivot, pivot].real):
                pivot = i
        if pivot < 0:
            return column
        height = math.sqrt(rest[pivot, pivot].real)
        for i in range(4):
            bound = math.sqrt(max(rest[i, i].real, 0.0))
            value = rest[i, pivot] / height
            size = abs(value)
            factor[i, column] = value if size <= bound else value * (bound / size)
        factor[pivot, column] = height
        for i in range(4):
            for j in range(4):
                rest[i, j] -= factor[i, column] * factor[j, column].conjugate()
        for i in range(4):
            rest[i, pivot] = 0.0
            rest[pivot, i] = 0.0
    return 4


@compiled
def _spin_flip_overlaps(factor: NDArray[np.complex128], rank: int, overlap: NDArray[np.complex128]) -> None:
    """The overlaps X^T (σy ⊗ σy) X, complex symmetric, (rank, rank); σy ⊗ σy is antidiagonal (-1, 1, 1, -1)."""
    for m in range(rank):
        for n in range(m, rank):
            outer = factor[0, m] * factor[3, n] + factor[3, m] * factor[0, n]
            inner = factor[1, m] * factor[2, n] + factor[2, m] * factor[1, n]
            overlap[m, n] = inner - outer
            overlap[n, m] = inner - outer


@compiled
def _singular_values(matrix: NDArray[np.complex128], size: int) -> tuple[float, float]:
    """The largest singular value and the sum of all, by rotations that make the columns orthogonal."""
    for _ in range(MAX_SWEEPS):
        rotated = False
        for p in range(size - 1):
            for q in range(p + 1, size):
                rotated |= _orthogonalize(matrix, size, p, q)
        if not rotated:
            break
    largest = 0.0
    total = 0.0
    for q in range(size):
        square = 0.0
        for i in range(size):
            square += matrix[i, q].real ** 2 + matrix[i, q].imag ** 2
        length = math.sqrt(square)
        largest = max(largest, length)
        total += length
    return largest, total


@compiled
def _orthogonalize(matrix: NDArray[np.complex128], size: int, p: int, q: int) -> bool:
    """Rotate columns p and q into orthogonality; False if they were orthogonal to rounding already."""
    square_p = 0.0
    square_q = 0.0
    inner = 0.0j
    for i in range(size):
        square_p += matrix[i, p].real ** 2 + matrix[i, p].imag ** 2
        square_q += matrix[i, q].real ** 2 + matrix[i, q].imag ** 2
        inner += matrix[i, p].conjugate() * matrix[i, q]
    overlap = abs(inner)
    if overlap <= 4e-16 * math.sqrt(square_p * square_q):
        return False
    zeta = (square_q - square_p) / (2.0 * overlap)
    tangent = 1.0 / (abs(zeta) + math.sqrt(1.0 + zeta * zeta))
    if zeta < 0.0:
        tangent = -tangent
    cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
    sine = cosine * tangent
    phase = inner.conjugate() / overlap
    for i in range(size):
        left = matrix[i, p]
        right = matrix[i, q] * phase
        matrix[i, p] = cosine * left - sine * right
        matrix[i, q] = sine * left + cosine * right
    return True
