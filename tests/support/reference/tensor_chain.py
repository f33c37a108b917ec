"""A chain of spins in a transverse field from tensor products of QuTiP: spin 0 is the first factor, up comes first."""

import numpy as np
import qutip
from numpy.typing import NDArray

Array = NDArray[np.float64]


def operators(single: qutip.Qobj, length: int) -> list[Array]:
    """An operator of each spin."""
    return [
        qutip.tensor([single if j == i else qutip.qeye(2) for j in range(length)]).full().real for i in range(length)
    ]


def hamiltonian(coupling: Array, transverse: float, field: Array | None = None) -> Array:
    """Σ_{i<j} J_ij Z_i Z_j + Σ_i (h X_i + b_i Z_i), term by term."""
    length = len(coupling)
    x, z = operators(qutip.sigmax(), length), operators(qutip.sigmaz(), length)
    total = transverse * sum(x)
    for i in range(length):
        total = total + (0.0 if field is None else field[i]) * z[i]
        for j in range(i + 1, length):
            total = total + coupling[i, j] * z[i] @ z[j]
    return np.asarray(total)


def parity(length: int) -> Array:
    """Π_i X_i."""
    return np.asarray(qutip.tensor([qutip.sigmax()] * length).full().real)


def place(spins: Array) -> int:
    """The number of a product state of these Z_i."""
    return int(np.ravel_multi_index([0 if spin > 0 else 1 for spin in spins], [2] * len(spins)))


def sector_states(length: int, sign: int) -> Array:
    """(2^L, 2^(L-1)), (|s> + p |s turned over>) / √2 for all s with spin L - 1 up, bit i of whose number is spin i."""
    states = np.zeros((2**length, 2 ** (length - 1)))
    for number in range(2 ** (length - 1)):
        spins = np.array([1.0 if number >> i & 1 else -1.0 for i in range(length - 1)] + [1.0])
        states[place(spins), number] += 1 / np.sqrt(2)
        states[place(-spins), number] += sign / np.sqrt(2)
    return states


def edwards_anderson(states: Array, length: int) -> Array:
    """(n,), of each state: the mean over i < j of <Z_i Z_j>², one after the other."""
    z = operators(qutip.sigmaz(), length)
    squares = [np.diagonal(states.T @ z[i] @ z[j] @ states) ** 2 for i in range(length) for j in range(i + 1, length)]
    return np.asarray(np.mean(squares, axis=0), dtype=np.float64)
