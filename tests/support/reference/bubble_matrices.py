"""Entropy and purity of bubbles as their definitions read, from plain NumPy density matrices or the state vector."""

import itertools

import numpy as np
from numpy.typing import NDArray

from ensemble.models.tls_glass.kernels import reduced_density_matrix
from tests.support.reference.random_ising import IsingInstance

Array = NDArray[np.float64]


def entropies(instance: IsingInstance, bubbles: NDArray[np.integer], t: Array) -> Array:
    """-Tr ρ ln ρ of each bubble, (B, T)."""
    return np.array(
        [entropy_of(np.asarray(np.linalg.eigvalsh(rho), dtype=float)) for rho in density_matrices(instance, bubbles, t)]
    )


def purities(instance: IsingInstance, bubbles: NDArray[np.integer], t: Array) -> Array:
    """Tr ρ² of each bubble, (B, T)."""
    return np.array([np.sum(np.abs(rho) ** 2, axis=(1, 2)) for rho in density_matrices(instance, bubbles, t)])


def density_matrices(instance: IsingInstance, bubbles: NDArray[np.integer], t: Array) -> list[NDArray[np.complex128]]:
    return [reduced_density_matrix(instance, bubble.tolist(), t, occupation=instance.occupation) for bubble in bubbles]


def entropy_of(spectra: Array) -> Array:
    """-Σ p ln p over the last axis, where what is not positive counts as 0."""
    p = np.where(spectra > 0.0, spectra, 1.0)
    return np.asarray(-np.sum(p * np.log(p), axis=-1))


def pure_entropies(instance: IsingInstance, bubbles: NDArray[np.integer], t: Array) -> Array:
    """The same without dissipation: each basis state keeps its weight and turns its phase; Schmidt decomposition."""
    n = instance.size
    configurations = np.array(list(itertools.product((1.0, -1.0), repeat=n)))  # S^z of every site, ↑ first
    energy = sum(
        2.0 * instance.coupling[i, j] * configurations[:, i] * configurations[:, j] for i in range(n) for j in range(i)
    )
    ups, downs = np.cos(instance.theta / 2), np.exp(1j * instance.phi) * np.sin(instance.theta / 2)
    amplitude = np.prod(np.where(configurations > 0, ups, downs), axis=1)
    psi = amplitude * np.exp(-1j * np.outer(t, energy))
    result = np.empty((len(bubbles), len(t)))
    for b, bubble in enumerate(bubbles):
        rest = [i for i in range(n) if i not in bubble]
        order = [0, *(1 + int(i) for i in (*bubble, *rest))]
        matrix = psi.reshape(-1, *(2,) * n).transpose(order).reshape(len(t), 2 ** len(bubble), -1)
        result[b] = entropy_of(np.linalg.svd(matrix, compute_uv=False) ** 2)
    return result
