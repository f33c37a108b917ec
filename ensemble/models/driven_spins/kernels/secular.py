"""The stationary state in the secular approximation: jumps between eigenstates of H', described by rates alone.

Coherences between eigenstates decay and follow the populations, also those of the drive:

    rates of the bath    W_{n->m} = k_dn Σ_i |<m|S_i^-|n>|² + k_up Σ_i |<m|S_i^+|n>|² + a² Σ_i |<m|S_i^z|n>|²
    decoherence          1/T_nm = (κ_n + κ_m) / 2 + (a²/2) [N/2 - Σ_i D_i(n)² - Σ_i D_i(m)²]
                                  + ((a + b)²/2) Σ_i (D_i(n) - D_i(m))²
    rates of the drive   W_nm = 2 ω_1² |<n|S^x|m>|² T_nm / (1 + T_nm² δ_nm²),  δ_nm = ε_n - ε_m in the microwaves' frame

κ_n = k_dn n_up + k_up (N - n_up). Jumps of one spin within eigenstates, n = m, all have the frequency 0 and form one
jump. The rates of the drive hold to lowest order in ω_1 T_nm.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ensemble.models.driven_spins.kernels.bath import Bath
from ensemble.models.driven_spins.kernels.eigenbasis import Eigenbasis

Array = NDArray[np.float64]


def secular_populations(basis: Eigenbasis, bath: Bath, *, offset: float, drive: float) -> Array:
    """Return the stationary populations (2^N,) of the eigenstates for δ = `offset` and ω_1 = `drive`, in rad/us."""
    rates = bath_rates(basis, bath) + drive_rates(basis, bath, offset=offset, drive=drive)
    flow = rates - np.diag(rates.sum(axis=0))
    flow[0] = 1.0
    total = np.zeros(len(flow))
    total[0] = 1.0
    populations: Array = linalg.solve(flow, total, check_finite=False)
    return populations


def bath_rates(basis: Eigenbasis, bath: Bath) -> Array:
    """Return the rates (m, n) of the bath from eigenstate n to another eigenstate m, in 1/us."""
    rates = np.zeros((len(basis.energy),) * 2)
    for (above, below), raised in zip(basis.sectors.steps, basis.raised, strict=True):
        strength = np.einsum("inm,inm->nm", raised, raised)
        rates[above, below] = bath.up * strength
        rates[below, above] = bath.down * strength.T
    for part, vectors in zip(basis.sectors.parts, basis.vectors, strict=True):
        elements = vectors.T @ (basis.sectors.values[part].T[:, :, None] * vectors)
        within = bath.local**2 * np.einsum("inm,inm->nm", elements, elements)
        np.fill_diagonal(within, 0.0)
        rates[part, part] = within
    return rates


def decoherence(basis: Eigenbasis, bath: Bath) -> Array:
    """Return 1 / T_nm, (n, m), in 1/us; the diagonal has no meaning."""
    spin, a, b = basis.spin, bath.local, bath.diagonal
    leaving, squared = bath.leaving(basis.sectors), np.sum(basis.spin**2, axis=1)
    apart = squared[:, None] + squared - 2 * spin @ spin.T
    lost = 0.5 * (leaving[:, None] + leaving)
    rest = basis.sectors.spins / 2 - squared[:, None] - squared
    rate: Array = lost + 0.5 * a**2 * rest + 0.5 * (a + b) ** 2 * apart
    return rate


def drive_rates(basis: Eigenbasis, bath: Bath, *, offset: float, drive: float) -> Array:
    """Return the rates (n, m) of the drive between two eigenstates, the same in both directions, in 1/us."""
    rates = np.zeros((len(basis.energy),) * 2)
    energy = basis.energy + offset * basis.magnetization
    lost = decoherence(basis, bath)
    for (above, below), raised in zip(basis.sectors.steps, basis.raised, strict=True):
        element = 0.5 * raised.sum(axis=0)
        gap, width = energy[above, None] - energy[below], lost[above, below]
        rates[above, below] = 2 * (drive * element) ** 2 * width / (width**2 + gap**2)
        rates[below, above] = rates[above, below].T
    return rates
