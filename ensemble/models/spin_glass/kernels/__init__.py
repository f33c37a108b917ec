"""Numerical functions of spins on a ring with random power-law couplings in a transverse field h.

    H = Σ_{i<j} J_ij Z_i Z_j + h Σ_i X_i,      J_ij = g_ij / d_ij^α,      φ_i = Σ_j J_ij Z_j

Each pair counts once, so the energy of a classical state is Σ_i Z_i φ_i / 2, and a flip of spin i costs -2 Z_i φ_i.

- couplings: the matrix of couplings
- relaxation: states that are stable against single flips, by four orders of flips
- avalanche: flips of spins whose fields are smaller than h, which make other spins resonant
- pairs: resonant pairs, and pairs that are not stable
- sectors: the Hamiltonian in the two parity sectors
- spectrum: eigenstates of a sector, their Edwards-Anderson order, and sums in bins of energy
- chebyshev: Chebyshev polynomials of the Hamiltonian, applied to vectors
- filtered: levels around an energy, where a sector is too large for its whole spectrum
- remnant: polarization of the softest spins, averaged over all times
"""
