"""The bath of each spin: the rates of its jumps, and their effect on a density matrix.

    down        S_i^-              k_dn = h / T_1,  h = 1 / (1 + exp(-β ω_e))
    up          S_i^+              k_up = exp(-β ω_e) k_dn, so that k_dn + k_up = 1 / T_1
    dephasing   a S_i^z + b D_i    a = 1/√(2 T*),  a + b = 1/√(2 T(0))

D_i is the part of S_i^z that is diagonal between eigenstates. D_i and S_i^z form one jump operator, so they interfere.
With b = 0 all jumps act on single spins, and the eigenstates do not matter.

A Hermitian matrix is stored as X = Re ρ + Im ρ. The jumps are real, so they act on X as they do on ρ.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis
from ensemble.models.driven_spins.kernels.sectors import Sectors
from ensemble.physics.compiled import compiled

Array = NDArray[Any]


@final
@dataclass(frozen=True)
class Bath:
    """The prefactors of the jumps of every spin."""

    down: float
    """k_dn in 1/us."""
    up: float
    """k_up in 1/us."""
    local: float
    """a in 1/√us."""
    diagonal: float
    """b in 1/√us."""

    @classmethod
    def of(cls, *, T_1: float, T_star: float, T_0: float, gap: float) -> Self:
        """Return the bath with these times in us and the Zeeman gap β ω_e."""
        down = 1 / (1 + math.exp(-gap)) / T_1
        local = 1 / math.sqrt(2 * T_star)
        diagonal = 0.0 if T_star == T_0 else 1 / math.sqrt(2 * T_0) - local
        return cls(down, math.exp(-gap) * down, local, diagonal)

    def leaving(self, sectors: Sectors) -> Array:
        """Return the rate (2^N,) at which spin flips leave each product state."""
        up = (sectors.values > 0).sum(axis=1)
        rate: Array = self.down * up + self.up * (sectors.spins - up)
        return rate


@final
class Dissipator:
    """The effect of all jumps on a matrix between product states, in double or single precision."""

    def __init__(self, basis: Eigenbasis, bath: Bath, kind: type[np.floating[Any]] = np.float64) -> None:
        self._sectors, self._bath, self._kind = basis.sectors, bath, kind
        self._leaving = bath.leaving(basis.sectors).astype(kind)
        if bath.diagonal:
            self._vectors = [vectors.astype(kind) for vectors in basis.vectors]
            self._mixed, self._same, self._lost = _diagonal_weights(basis, bath, kind)
            self._turned_mixed = np.ascontiguousarray(self._mixed.T)

    def __call__(self, x: Array) -> Array:
        """Return Σ_A A ρ A^† - {A^† A, ρ} / 2 over all jumps A."""
        sectors, bath, out = self._sectors, self._bath, np.empty_like(x)
        down, up, apart = (self._kind(rate) for rate in (bath.down, bath.up, -0.5 * bath.local**2))
        _local_jumps(x, sectors.patterns, *_turned(sectors), self._leaving, down, up, apart, out)
        if bath.diagonal:
            out += self._diagonal_jumps(x)
        return out

    def _diagonal_jumps(self, x: Array) -> Array:
        """Return what D_i adds: a b Σ (S ρ D + D ρ S) + b² Σ D ρ D - {a b Σ (S D + D S) + b² Σ D², ρ} / 2.

        S_i is diagonal between product states and D_i between eigenstates. So each term is a product element by element
        in the basis, or the two bases, in which these matrices are diagonal.
        """
        vectors, transposed = self._vectors, [each.T for each in self._vectors]
        right, left = self._after(x, vectors), self._before(transposed, x)  # ρ V and V^T ρ
        both = self._before(transposed, right)
        both *= self._same
        right *= self._mixed
        right += self._before(vectors, both)
        left *= self._turned_mixed
        change = self._after(right, transposed) + self._before(vectors, left)
        change -= 0.5 * (self._before(self._lost, x) + self._after(x, self._lost))
        return change

    def _before(self, blocks: Sequence[Array], x: Array) -> Array:
        """Return a block diagonal matrix times x."""
        product = np.empty_like(x)
        for block, part in zip(blocks, self._sectors.parts, strict=True):
            np.matmul(block, x[part], out=product[part])
        return product

    def _after(self, x: Array, blocks: Sequence[Array]) -> Array:
        """Return x times a block diagonal matrix."""
        product = np.empty_like(x)
        for block, part in zip(blocks, self._sectors.parts, strict=True):
            np.matmul(x[:, part], block, out=product[:, part])
        return product


def _diagonal_weights(basis: Eigenbasis, bath: Bath, kind: type[np.floating[Any]]) -> tuple[Array, Array, list[Array]]:
    """Return a b Σ s_i(σ) D_i(n); b² Σ D_i(n) D_i(m); and the blocks of the loss term, between product states."""
    s, d = basis.sectors.values, basis.spin
    a, b = bath.local, bath.diagonal
    lost = []
    for vectors, part in zip(basis.vectors, basis.sectors.parts, strict=True):
        crossed = a * b * ((s[part] @ d[part].T) * vectors) @ vectors.T
        lost.append((crossed + crossed.T + b**2 * (vectors * (d[part] ** 2).sum(axis=1)) @ vectors.T).astype(kind))
    return (a * b * s @ d.T).astype(kind), (b**2 * d @ d.T).astype(kind), lost


@functools.cache
def _turned(sectors: Sectors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the states with spin i up, and the same states with spin i flipped down, (N, 2^(N-1)) each."""
    up = np.stack([np.flatnonzero(sectors.values[:, i] > 0) for i in range(sectors.spins)])
    return up, np.stack([sectors.flipped[places, i] for i, places in enumerate(up)])


@compiled
def _local_jumps(
    x: Array,
    patterns: NDArray[np.int64],
    up: NDArray[np.int64],
    down: NDArray[np.int64],
    leaving: Array,
    rate_down: np.floating[Any],
    rate_up: np.floating[Any],
    per_difference: np.floating[Any],
    out: Array,
) -> None:
    """Fill the effect of jumps of single spins: a flip on both sides, a loss, and a loss for each spin that differs."""
    size = len(x)
    for row in range(size):
        for column in range(size):
            differences = 0
            bits = patterns[row] ^ patterns[column]
            while bits:
                bits &= bits - 1
                differences += 1
            loss = per_difference * differences - 0.5 * (leaving[row] + leaving[column])
            out[row, column] = loss * x[row, column]
    for spin in range(len(up)):
        for pair in range(up.shape[1]):
            high, low = up[spin, pair], down[spin, pair]
            for other in range(up.shape[1]):
                column, beneath = up[spin, other], down[spin, other]
                out[low, beneath] += rate_down * x[high, column]
                out[high, column] += rate_up * x[low, beneath]
