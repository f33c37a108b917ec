"""Spins one half as plain Kronecker products: bit i of an index is spin i, 1 for up."""

import numpy as np
from numpy.typing import NDArray

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

RAISED, UP_OR_DOWN = np.array([[0.0, 0.0], [1.0, 0.0]]), np.diag([-0.5, 0.5])


def one_spin(operator: Array, spin: int, spins: int) -> Array:
    """An operator of one spin among so many, (2^N, 2^N); the last spin is the first factor."""
    factors = [operator if i == spin else np.eye(2) for i in reversed(range(spins))]
    product = np.eye(1)
    for factor in factors:
        product = np.asarray(np.kron(product, factor))
    return product


def raising(spins: int) -> list[Array]:
    """S_i^+ of every spin."""
    return [one_spin(RAISED, i, spins) for i in range(spins)]


def along_z(spins: int) -> list[Array]:
    """S_i^z of every spin."""
    return [one_spin(UP_OR_DOWN, i, spins) for i in range(spins)]


def hamiltonian(frequency: Array, coupling: Array) -> Array:
    """H' = Σ Δ_i S_i^z + Σ_{i<j} U_ij (S_i^+ S_j^- + S_i^- S_j^+ - 4 S_i^z S_j^z), term by term."""
    n = len(frequency)
    up, z = raising(n), along_z(n)
    total: Array = sum((frequency[i] * z[i] for i in range(n)), start=np.zeros((2**n, 2**n)))
    for i in range(n):
        for j in range(i + 1, n):
            total += coupling[i, j] * (up[i] @ up[j].T + up[i].T @ up[j] - 4 * z[i] @ z[j])
    return total


def eigenstates(basis: Eigenbasis) -> Array:
    """All |n> as columns over the plain index, (2^N, 2^N)."""
    states = np.zeros((2**basis.sectors.spins,) * 2)
    for part, vectors in zip(basis.sectors.parts, basis.vectors, strict=True):
        states[basis.sectors.patterns[part], part] = vectors
    return states


def drawn(seed: int, spins: int) -> tuple[Array, Array]:
    """Frequencies and couplings in rad/us as the model draws them."""
    rng = np.random.default_rng(seed)
    coupling = np.triu(rng.normal(0.0, 2 * np.pi * 0.75 / np.sqrt(spins), (spins, spins)), 1)
    return rng.uniform(-5 * np.pi, 5 * np.pi, spins), coupling + coupling.T


def random_state(seed: int, size: int) -> ComplexArray:
    """A density matrix of full rank."""
    parts = np.random.default_rng(seed).standard_normal((2, size, size))
    root = parts[0] + 1j * parts[1]
    positive = root @ root.conj().T
    return np.asarray(positive / np.trace(positive).real)
