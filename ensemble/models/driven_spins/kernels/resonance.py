"""Lines of the magnetic resonance spectrum: a spin is flipped and precesses in the field of all others.

    <[S_i^+(τ), S_i^-]>, averaged over i, = Σ_nm c_nm exp(i ν_nm τ),   ν_nm = e_n - e_m
    c_nm  = (1/N) Σ_i <n| S_i^+ |m> <m| [S_i^-, ρ] |n>
    c⁺_nm = (1/N) Σ_i <n| S_i^+ |m> <m| {S_i^-, ρ} |n>

for eigenstates |n> with one spin up more than |m>. Σ c = 2 Tr(ρ S^z) / N, and Σ c⁺ = 1.

Coherences between sectors do not contribute, because the phase of the pulse is not locked to that of the microwaves.
Coherences within a sector contribute, and make the weights complex. Without them the weights are real,
c = b (p_n - p_m) and c⁺ = b (p_n + p_m) with b = (1/N) Σ_i |<n| S_i^+ |m>|².
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@final
@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of all pairs of eigenstates n in sector k + 1 and m in sector k, for k = 0 to N - 1, row by row in n."""

    frequency: Array
    """(lines,), ν_nm in rad/us, relative to ω_e."""
    commutator: Array | ComplexArray
    """(lines,), c_nm."""
    anticommutator: Array | ComplexArray
    """(lines,), c⁺_nm."""


def lines(basis: Eigenbasis, state: Array) -> Lines:
    """Return the lines of the state X = Re ρ + Im ρ between eigenstates, (2^N, 2^N)."""
    above, below = [], []
    for (upper, lower), raised in zip(basis.sectors.steps, basis.raised, strict=True):
        above.append(_complex(*(_summed(raised, part @ raised) for part in _conjugate(state[upper, upper]))))
        below.append(_complex(*(_summed(raised, raised @ part) for part in _conjugate(state[lower, lower]))))
    n, m = np.concatenate(above) / basis.sectors.spins, np.concatenate(below) / basis.sectors.spins
    return Lines(_frequencies(basis), n - m, n + m)


def population_lines(basis: Eigenbasis, populations: Array) -> Lines:
    """Return the lines of a state that is diagonal between eigenstates, with populations p (2^N,).

    The weights are real.
    """
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
    """Return Re ρ* and Im ρ* of a block of X."""
    symmetric = (block + block.T) / 2
    return symmetric, symmetric - block


def _summed(raised: Array, other: Array) -> Array:
    """Return Σ_i of the products element by element, flattened row by row."""
    total: Array = np.einsum("inm,inm->nm", raised, other).ravel()
    return total


def _complex(real: Array, imaginary: Array) -> ComplexArray:
    return real + 1j * imaginary
