"""The master equation of driven spins with dense Kronecker products: its jumps, its generator, its stationary state.

Bit i of an index is spin i, 1 for up. A density matrix is the vector of its rows, on which A ρ B is kron(A, B^T).
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ensemble.models.driven_spins.kernels.bath import Bath
from tests.support.reference import dense_spins

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

OFFSET = 2 * math.pi * 1.2
"""ω_e - ω_MW in rad/us."""
STRONG, WEAK = 2 * math.pi * 0.628, 2 * math.pi * 0.1
"""ω_1 in rad/us."""


@dataclass(frozen=True)
class Times:
    """How fast a bath is: times in us, and β ω_e."""

    T_1: float
    T_star: float
    T_0: float
    gap: float

    @property
    def bath(self) -> Bath:
        return Bath.of(**asdict(self))

    @property
    def equilibrium(self) -> float:
        return -math.tanh(self.gap / 2)

    @property
    def flips(self) -> tuple[float, float]:
        """Rates down and up."""
        down = 1 / (1 + math.exp(-self.gap)) / self.T_1
        return down, down * math.exp(-self.gap)

    @property
    def dephasing(self) -> tuple[float, float]:
        """a of S_i^z, and b of its part that is diagonal between eigenstates."""
        local = 1 / math.sqrt(2 * self.T_star)
        return local, 1 / math.sqrt(2 * self.T_0) - local


COLD = Times(T_1=160.0, T_star=80.0, T_0=1.6, gap=3.7554077)
HOT = Times(T_1=1.6, T_star=0.16, T_0=0.16, gap=0.3755408)
BATHS = {"1.2 K": COLD, "12 K": HOT}


@dataclass(frozen=True, eq=False)
class Spins:
    """Frequencies (N,) and couplings (N, N) in rad/us."""

    frequency: Array
    coupling: Array

    @property
    def size(self) -> int:
        return len(self.frequency)

    @property
    def hamiltonian(self) -> Array:
        """H', without a drive."""
        return dense_spins.hamiltonian(self.frequency, self.coupling)

    def driven(self, drive: float, offset: float = OFFSET) -> Array:
        """H = H' + δ S^z + ω_1 S^x."""
        z, raised = (np.sum(each(self.size), axis=0) for each in (dense_spins.along_z, dense_spins.raising))
        return np.asarray(self.hamiltonian + offset * z + drive / 2 * (raised + raised.T))

    @property
    def levels(self) -> tuple[Array, Array]:
        """e_n and |n> (columns), those with the fewest spins up first, each S^z diagonalized alone."""
        hamiltonian = self.hamiltonian
        up = np.array([index.bit_count() for index in range(2**self.size)])
        energies, states = [], []
        for number in range(self.size + 1):
            places = np.flatnonzero(up == number)
            energy, inside = np.linalg.eigh(hamiltonian[np.ix_(places, places)])
            whole = np.zeros((len(up), len(places)))
            whole[places] = inside
            energies.append(energy)
            states.append(whole)
        return np.concatenate(energies), np.concatenate(states, axis=1)

    def jumps(self, times: Times) -> list[Array]:
        """√k_dn S_i^-, √k_up S_i^+ and a S_i^z + b D_i."""
        down, up = np.sqrt(times.flips)
        local, diagonal = times.dephasing
        _, states = self.levels
        found = []
        for raised, z in zip(dense_spins.raising(self.size), dense_spins.along_z(self.size), strict=True):
            kept = sum(np.outer(n, n) * (n @ z @ n) for n in states.T)
            found += [down * raised.T, up * raised, local * z + diagonal * kept]
        return found

    def secular_jumps(self, times: Times) -> list[Array]:
        """Each element between two eigenstates is a jump of its own; the diagonal ones of a spin are one jump."""
        down, up = np.sqrt(times.flips)
        local, diagonal = times.dephasing
        _, states = self.levels
        found = []
        for raised, z in zip(dense_spins.raising(self.size), dense_spins.along_z(self.size), strict=True):
            for operator in (down * raised.T, up * raised, local * z):
                elements = states.T @ operator @ states
                found += [
                    elements[m, n] * np.outer(states[:, m], states[:, n])
                    for m, n in zip(*np.nonzero(elements), strict=True)
                    if m != n
                ]
            kept = sum(np.outer(n, n) * (n @ z @ n) for n in states.T)
            found.append((local + diagonal) * kept)
        return found


def drawn(seed: int, spins: int) -> Spins:
    """Spins as the model draws them."""
    return Spins(*dense_spins.drawn(seed, spins))


def dissipator(jumps: Iterable[Array]) -> Array:
    """Σ_A A ρ A^† - {A^† A, ρ} / 2 for real jumps, (4^N, 4^N)."""
    jumps = list(jumps)
    one = np.eye(len(jumps[0]))
    lost = sum(jump.T @ jump for jump in jumps)
    gained = sum(np.kron(jump, jump) for jump in jumps)
    return np.asarray(gained - 0.5 * (np.kron(lost, one) + np.kron(one, lost)))


def liouvillian(hamiltonian: Array, jumps: Iterable[Array]) -> ComplexArray:
    """-i [H, ρ] and what the jumps do, (4^N, 4^N)."""
    one = np.eye(len(hamiltonian))
    return np.asarray(-1j * (np.kron(hamiltonian, one) - np.kron(one, hamiltonian)) + dissipator(jumps))


def stationary(generator: ComplexArray) -> ComplexArray:
    """The density matrix that a generator leaves as it is; its trace, one, takes the place of the first equation."""
    size = math.isqrt(len(generator))
    equations, values = generator.copy(), np.zeros(len(generator))
    equations[0], values[0] = np.eye(size).ravel(), 1.0
    return np.asarray(np.linalg.solve(equations, values).reshape(size, size))
