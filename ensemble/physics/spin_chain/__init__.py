"""Spins on a ring with random couplings that fall off as a power of the distance, in a transverse field h.

    H = Σ_{i<j} J_ij Z_i Z_j + h Σ_i X_i,      J_ij = g_ij / d_ij^α,      φ_i = Σ_j J_ij Z_j

Each pair counts once, so the energy of a state of all Z is Σ_i Z_i φ_i / 2, and to flip spin i costs -2 Z_i φ_i.

- couplings: the matrix that couples them
- relaxation: states in which no spin gains by a flip, in four orders of flips
- avalanche: spins whose fields are smaller than h, which flip and bring others there
- pairs: two spins at a time
- sectors, spectrum: all eigenstates, for either sign under a flip of all spins
- chebyshev, filtered: some of them, where they are too many
- remnant: what the softest spins remember, all others frozen
"""
