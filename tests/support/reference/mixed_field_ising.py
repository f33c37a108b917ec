"""An Ising ring in a tilted field without disorder, whose gap ratio the authors of QuSpin have published.

Nothing of this package: the Hamiltonian term by term on all 2^L patterns, in the states that neither turning the ring
by a spin nor reflecting it changes.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def symmetric_levels(length: int, coupling: float, transverse: float, longitudinal: float) -> Array:
    """Energies of H = Σ J Z_i Z_(i+1) + h_x X_i + h_z Z_i, ascending."""
    patterns = np.arange(2**length)
    spins = 1.0 - 2.0 * ((patterns[:, None] >> np.arange(length)) & 1)
    symmetric = _symmetric_states(length)
    applied = (coupling * spins * np.roll(spins, 1, axis=1) + longitudinal * spins).sum(axis=1)[:, None] * symmetric
    for i in range(length):
        applied += transverse * symmetric[patterns ^ (1 << i)]
    return np.linalg.eigvalsh(symmetric.T @ applied)


def _symmetric_states(length: int) -> Array:
    """A column for each set of patterns that are turned or reflected into one another."""
    sets = sorted({_images(pattern, length) for pattern in range(2**length)})
    states = np.zeros((2**length, len(sets)))
    for column, patterns in enumerate(sets):
        states[list(patterns), column] = 1 / np.sqrt(len(patterns))
    return states


def _images(pattern: int, length: int) -> tuple[int, ...]:
    bits = [(pattern >> i) & 1 for i in range(length)]
    turned = [bits[i:] + bits[:i] for i in range(length)]
    return tuple(sorted({sum(bit << i for i, bit in enumerate(way)) for one in turned for way in (one, one[::-1])}))
