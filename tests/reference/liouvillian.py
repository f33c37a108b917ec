"""The GKSL equation as a sparse matrix on density matrices, propagated by its exponential (Appendix D).

Written term by term from Eq. (15), for 4^N elements: N = 6 takes a second, N = 8 a minute.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from tests.reference.random_ising import IsingInstance

S_PLUS = 2.0 * np.array([[0.0, 1.0], [0.0, 0.0]])
S_MINUS = S_PLUS.T
S_Z = np.diag([1.0, -1.0])


def density_matrices(instance: IsingInstance, stop: float, steps: int) -> NDArray[np.complex128]:
    """ρ at `steps` times from 0 to `stop`, shape (steps, 2**N, 2**N)."""
    start = initial_state(instance).reshape(-1)
    rho = expm_multiply(liouvillian(instance), start, start=0.0, stop=stop, num=steps, endpoint=True)
    dimension = 2**instance.size
    return np.asarray(rho).reshape(steps, dimension, dimension)


def liouvillian(instance: IsingInstance) -> sparse.csr_array:
    """d vec(ρ) / dt = L vec(ρ), with the rows of ρ one after the other."""
    n = instance.size
    plus = [on_site(S_PLUS, i, n) for i in range(n)]
    minus = [on_site(S_MINUS, i, n) for i in range(n)]
    z = [on_site(S_Z, i, n) for i in range(n)]
    identity = sparse.eye_array(2**n, format="csr")
    hamiltonian = sparse.csr_array((2**n, 2**n))
    for i in range(n):
        hamiltonian = hamiltonian - 0.5 * instance.frequency[i] * z[i]
        for j in range(n):
            if i != j:
                hamiltonian = hamiltonian + instance.coupling[i, j] * (z[i] @ z[j])
    generator = -1j * (left_right(hamiltonian, identity) - left_right(identity, hamiltonian))
    everything = left_right(identity, identity)
    for i in range(n):
        emission = left_right(plus[i], minus[i])
        absorption = left_right(minus[i], plus[i])
        anticommutator = left_right(z[i], identity) + left_right(identity, z[i])
        thermal = instance.rate[i] * instance.occupation[i]
        generator = generator + thermal * (emission + absorption - 4.0 * everything)
        generator = generator + instance.rate[i] * (emission + anticommutator - 2.0 * everything)
    return sparse.csr_array(generator)


def left_right(left: sparse.csr_array, right: sparse.csr_array) -> sparse.csr_array:
    """The map ρ -> left ρ right."""
    return sparse.csr_array(sparse.kron(left, right.T, format="csr"))


def on_site(operator: NDArray[np.float64], site: int, n: int) -> sparse.csr_array:
    """`operator` on one site and the identity on the others, the first site most significant."""
    return sparse.csr_array(product([operator if i == site else np.eye(2) for i in range(n)]))


def initial_state(instance: IsingInstance) -> NDArray[np.complex128]:
    """|ψ><ψ| of the product state, Eq. (26)."""
    spinors = [
        np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
        for theta, phi in zip(instance.theta, instance.phi, strict=True)
    ]
    psi = product(spinors)
    return np.outer(psi, psi.conj())


def product(factors: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The tensor product of vectors or matrices."""
    result = np.ones((1,) * factors[0].ndim)
    for factor in factors:
        result = np.kron(result, factor)
    return result


def partial_trace(rho: NDArray[np.complex128], kept: tuple[int, ...], n: int) -> NDArray[np.complex128]:
    """Trace all sites but `kept` out of ρ (T, 2**n, 2**n)."""
    rest = [i for i in range(n) if i not in kept]
    tensor = rho.reshape(-1, *(2,) * (2 * n))
    order = [0, *(1 + i for i in (*kept, *rest)), *(1 + n + i for i in (*kept, *rest))]
    k, r = 2 ** len(kept), 2 ** len(rest)
    split = tensor.transpose(order).reshape(-1, k, r, k, r)
    return np.asarray(np.einsum("taibi->tab", split))
