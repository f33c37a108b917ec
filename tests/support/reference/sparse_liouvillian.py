"""The master equation as a sparse matrix on all 4^N elements, propagated by its exponential (Appendix D).

    dvec(ρ)/dt = 𝓛 vec(ρ),   ρ(t + dt) = exp(𝓛 dt) ρ(t)

The equation is that of `dissipative_ising`, written term by term and solved without its closed form: this checks the
closed form on random instances and is the baseline of benchmarks. It is no way to compute: the cost grows like
4^N times t times the largest coupling or rate.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from ensemble.models.tls_glass.kernels.dissipative_ising import IsingDisorder
from ensemble.models.tls_glass.kernels.site_solution import checked_times

LARGEST_SYSTEM = 8
"""Sites beyond which nobody waits for 4^N equations."""

S_PLUS = 2.0 * np.array([[0.0, 1.0], [0.0, 0.0]])
S_MINUS = S_PLUS.T
S_Z = np.diag([1.0, -1.0])


def integrate_master_equation(
    disorder: IsingDisorder,
    t: ArrayLike,
    *,
    occupation: ArrayLike = 0.0,
    frame: Literal["rotating", "lab"] = "rotating",
) -> NDArray[np.complex128]:
    """ρ of all N <= 8 sites at increasing times `t`, shape (T, 2**N, 2**N), first site most significant, ↑ first.

    `occupation` and `frame` are those of `reduced_density_matrix`. Each time is reached from the one before.
    """
    times = checked_times(t)
    if np.any(np.diff(times) <= 0.0):
        raise ValueError(f"times must be increasing, got {t!r}")
    generator = liouvillian(disorder, occupation=occupation, frame=frame)
    dimension = 2 ** len(disorder.rate)
    rho = initial_state(disorder).reshape(-1)
    states = np.empty((len(times), dimension, dimension), dtype=np.complex128)
    before = 0.0
    for k, time in enumerate(times):
        if time > before:
            rho = np.asarray(expm_multiply(generator * (time - before), rho))
        states[k] = rho.reshape(dimension, dimension)
        before = time
    return states


def liouvillian(
    disorder: IsingDisorder, *, occupation: ArrayLike = 0.0, frame: Literal["rotating", "lab"] = "rotating"
) -> sparse.csr_array:
    """𝓛, (4**N, 4**N), for vec(ρ) with the rows of ρ one after the other."""
    if frame not in ("rotating", "lab"):
        raise ValueError(f"frame must be 'rotating' or 'lab', got {frame!r}")
    n = _checked_size(disorder)
    f = np.broadcast_to(np.asarray(occupation, dtype=np.float64), n)
    plus, minus, z = ([_on_site(operator, i, n) for i in range(n)] for operator in (S_PLUS, S_MINUS, S_Z))
    identity = sparse.eye_array(2**n, format="csr")
    hamiltonian = sparse.csr_array((2**n, 2**n))
    for i in range(n):
        if frame == "lab":
            hamiltonian = hamiltonian - 0.5 * disorder.frequency[i] * z[i]
        for j in range(i):
            hamiltonian = hamiltonian + 2.0 * disorder.coupling[i, j] * (z[i] @ z[j])
    generator = -1j * (_left_right(hamiltonian, identity) - _left_right(identity, hamiltonian))
    everything = _left_right(identity, identity)
    for i in range(n):
        emission = _left_right(plus[i], minus[i])
        absorption = _left_right(minus[i], plus[i])
        anticommutator = _left_right(z[i], identity) + _left_right(identity, z[i])
        generator = generator + disorder.rate[i] * f[i] * (emission + absorption - 4.0 * everything)
        generator = generator + disorder.rate[i] * (emission + anticommutator - 2.0 * everything)
    return sparse.csr_array(generator)


def initial_state(disorder: IsingDisorder) -> NDArray[np.complex128]:
    """|ψ><ψ| of the product state that the directions of all sites give, (2**N, 2**N)."""
    _checked_size(disorder)
    spinors = [
        np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
        for theta, phi in zip(disorder.theta, disorder.phi, strict=True)
    ]
    psi = _product(spinors)
    return np.outer(psi, psi.conj())


def partial_trace(rho: NDArray[np.complex128], kept: Sequence[int]) -> NDArray[np.complex128]:
    """Trace all sites but `kept`, in their order, out of states (T, 2**N, 2**N): shape (T, 2**k, 2**k)."""
    n = rho.shape[-1].bit_length() - 1
    rest = [i for i in range(n) if i not in kept]
    tensor = rho.reshape(-1, *(2,) * (2 * n))
    order = [0, *(1 + i for i in (*kept, *rest)), *(1 + n + i for i in (*kept, *rest))]
    k, r = 2 ** len(kept), 2 ** len(rest)
    split = tensor.transpose(order).reshape(-1, k, r, k, r)
    return np.asarray(np.einsum("taibi->tab", split))


def _checked_size(disorder: IsingDisorder) -> int:
    n = len(disorder.rate)
    if not 1 <= n <= LARGEST_SYSTEM:
        raise ValueError(
            f"the sparse Liouvillian must have from 1 to {LARGEST_SYSTEM} sites, got {n}: "
            "use reduced_density_matrix, which is exact for any number"
        )
    return n


def _left_right(left: sparse.csr_array, right: sparse.csr_array) -> sparse.csr_array:
    """The map ρ -> left ρ right."""
    return sparse.csr_array(sparse.kron(left, right.T, format="csr"))


def _on_site(operator: NDArray[np.float64], site: int, n: int) -> sparse.csr_array:
    """`operator` on one site and the identity on the others, the first site most significant."""
    return sparse.csr_array(_product([operator if i == site else np.eye(2) for i in range(n)]))


def _product(factors: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The tensor product of vectors or matrices."""
    result = np.ones((1,) * factors[0].ndim)
    for factor in factors:
        result = np.kron(result, factor)
    return result
