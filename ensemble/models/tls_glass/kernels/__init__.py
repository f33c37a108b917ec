"""Exact states of two-level systems with Ising couplings and relaxation, compiled for all pairs and bubbles.

- dissipative_ising: exact density matrices of any sites, in plain NumPy, with the derivation
- site_solution: checked input arrays, and the constants of one site in a sector
- warm_site: one site at T > 0, compiled
- pair_tables: phases, populations and single flips that all pairs share
- double_flips: products over all other sites, for each pair
- pair_concurrence: concurrence and negativity of pairs, at many times at once
- site_coherence: coherences of single sites
- sector_walk: a walk through the sectors of a bubble
- sector_elements: factors of the sites in one sector
- bubble_states: density matrices of bubbles
- entropy, purity: entanglement entropy and purity of bubbles
- elastic_dipole: the geometry of elastic dipoles
"""

from ensemble.models.tls_glass.kernels.dissipative_ising import IsingDisorder, reduced_density_matrix
from ensemble.models.tls_glass.kernels.entropy import LARGEST_BUBBLE, bubble_entropy
from ensemble.models.tls_glass.kernels.pair_concurrence import average_concurrence, pair_entanglement
from ensemble.models.tls_glass.kernels.purity import bubble_purity
from ensemble.models.tls_glass.kernels.site_coherence import site_coherences
from ensemble.physics.entanglement import ENTROPY_FLOOR

__all__ = [
    "ENTROPY_FLOOR",
    "LARGEST_BUBBLE",
    "IsingDisorder",
    "average_concurrence",
    "bubble_entropy",
    "bubble_purity",
    "pair_entanglement",
    "reduced_density_matrix",
    "site_coherences",
]
