"""Lines of the magnetic resonance spectrum: a spin is turned over, and precesses in the field of all others.

    <[S_i^+(τ), S_i^-]>, averaged over i, = Σ_nm c_nm exp(i ν_nm τ),   ν_nm = e_n - e_m
    c_nm  = (1/N) Σ_i <n| S_i^+ |m> <m| [S_i^-, ρ] |n>
    c⁺_nm = (1/N) Σ_i <n| S_i^+ |m> <m| {S_i^-, ρ} |n>

for eigenstates |n> that have one spin more up than |m>. Σ c = 2 Tr(ρ S^z) / N, and Σ c⁺ = 1.

Coherences between sectors do not enter: the phase of the pulse is not locked to that of the microwaves. Coherences in a
sector do, and make the weights complex; without any they are real, c = b (p_n - p_m) and c⁺ = b (p_n + p_m) with
b = (1/N) Σ_i |<n| S_i^+ |m>|².
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.physics.dipolar.eigenbasis import Eigenbasis

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@final
@dataclass(frozen=True, eq=False)
class Lines:
    """All pairs of eigenstates n, m, for k = 0 to N - 1 those with n in sector k + 1 and m in sector k, by rows n."""

    frequency: Array
    """(lines,), ν_nm in rad/us, from ω_e."""
    commutator: Array | ComplexArray
    """(lines,), c_nm."""
    anticommutator: Array | ComplexArray
    """(lines,), c⁺_nm."""


def lines(basis: Eigenbasis, state: Array) -> Lines:
    """Lines of the state X = Re ρ + Im ρ between eigenstates, (2^N, 2^N)."""
    above, below = [], []
    for (upper, lower), raised in zip(basis.sectors.steps, basis.raised, strict=True):
        above.append(_complex(*(_summed(raised, part @ raised) for part in _conjugate(state[upper, upper]))))
        below.append(_complex(*(_summed(raised, raised @ part) for part in _conjugate(state[lower, lower]))))
    n, m = np.concatenate(above) / basis.sectors.spins, np.concatenate(below) / basis.sectors.spins
    return Lines(_frequencies(basis), n - m, n + m)


def population_lines(basis: Eigenbasis, populations: Array) -> Lines:
    """Lines of a state that is diagonal between eigenstates, of `populations` p (2^N,); their weights are real."""
    above, below = [], []
    for (upper, lower), raised in zip(basis.sectors.steps, basis.raised, strict=True):
        strength = _summed(raised, raised).reshape(raised.shape[1:]) / basis.sectors.spins
        above.append((strength * populations[upper, None]).ravel())
        below.append((strength * populations[lower]).ravel())
    n, m = np.concatenate(above), np.concatenate(below)
    return Lines(_frequencies(basis), n - m, n + m)


def _frequencies(basis: Eigenbasis) -> Array:
    energy = basis.energy
    return np.concatenate([(energy[upper, None] - energy[lower]).ravel() for upper, lower in basis.sectors.steps])


def _conjugate(block: Array) -> tuple[Array, Array]:
    """Re ρ* and Im ρ* of a block of X."""
    symmetric = (block + block.T) / 2
    return symmetric, symmetric - block


def _summed(raised: Array, other: Array) -> Array:
    """Σ_i of the products element by element, row by row."""
    total: Array = np.einsum("inm,inm->nm", raised, other).ravel()
    return total


def _complex(real: Array, imaginary: Array) -> ComplexArray:
    return real + 1j * imaginary
