"""Properties of the eigenstates of a density matrix: entanglement, polarization, and their order in energy.

States are the orthonormal columns of a matrix, real or complex, over the product states of `Sectors`. They are ordered
by their mean energy <H_S> = <H'> + ω_e <S^z>. Since ω_e is far larger than all other frequencies, the order is by
sectors first, and starts with all spins down.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ensemble.models.driven_spins.kernels.sectors import Sectors
from ensemble.physics.entanglement import ENTROPY_FLOOR

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

CENTRAL_PART, CENTRAL_STATES = 0.4, 100
"""Fraction of the states of a sector that counts as its middle, and the largest number of them."""


def spin_values(sectors: Sectors, states: Array | ComplexArray) -> Array:
    """Return <S_i^z> of each spin in each state, (states, N)."""
    values: Array = (states.real**2 + states.imag**2).T @ sectors.values
    return values


def entanglement_entropy(sectors: Sectors, states: Array | ComplexArray, kept: int) -> Array:
    """Return S = -Tr ρ ln ρ of the spins 0 to `kept` - 1 in each state, (states,), with all other spins traced out.

    The spectrum of ρ is exact to about 1e-15. An entropy below `ENTROPY_FLOOR` is a rounding error and is returned as
    exactly 0.
    """
    by_pattern = states[np.argsort(sectors.patterns)].T
    amplitudes = by_pattern.reshape(len(by_pattern), -1, 2**kept)  # the kept spins are the lowest bits
    if 2 * kept <= sectors.spins:
        amplitudes = amplitudes.swapaxes(1, 2)  # the other side has the same spectrum
    spectra = np.linalg.eigvalsh(amplitudes @ amplitudes.conj().swapaxes(1, 2))
    entropy = special.entr(np.maximum(spectra, 0.0)).sum(axis=1)
    return np.where(entropy >= ENTROPY_FLOOR, entropy, 0.0)


def energy_order(mean_energy: Array, mean_magnetization: Array, field: float) -> NDArray[np.intp]:
    """Return the indices that sort the states by <H_S>, for <H'> and <S^z>, (states,) each, and ω_e, all in rad/us."""
    return np.argsort(mean_energy + field * mean_magnetization, kind="stable")


def ranked(values: Array, ranks: int) -> Array:
    """Return values (..., 2^N) of sorted states on a fixed grid of relative ranks, (..., ranks).

    `ranks` is a power of two. If there are more states than ranks, each entry is the mean over its states; if there are
    fewer, states are repeated.
    """
    count = values.shape[-1]
    if count <= ranks:
        return np.repeat(values, ranks // count, axis=-1)
    means: Array = values.reshape(*values.shape[:-1], ranks, -1).mean(axis=-1)
    return means


def middle_sector(sectors: Sectors) -> slice:
    """Return the positions, among all sorted states, of the sector with N // 2 spins up."""
    return sectors.parts[sectors.spins // 2]


def middle(sectors: Sectors) -> slice:
    """Return the positions, among all sorted states, of the middle of the middle sector: 100 of 252 for N = 10."""
    whole = middle_sector(sectors)
    size = whole.stop - whole.start
    count = max(1, min(CENTRAL_STATES, int(CENTRAL_PART * size)))
    start = whole.start + (size - count) // 2
    return slice(start, start + count)


def spin_histogram(values: Array, bins: int) -> Array:
    """Return the density (bins,) of values of S_i^z, of any shape, in equal bins from -1/2 to 1/2."""
    density, _ = np.histogram(np.clip(values, -0.5, 0.5), bins=bins, range=(-0.5, 0.5), density=True)
    return density
