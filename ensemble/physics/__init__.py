"""Physics that models share: draws of disorder, exact dynamics, entanglement; nothing of sweeps or stores.

What belongs together:

- disorder, elastic_dipole: random numbers, and the geometry of dipoles
- dissipative_ising: exact density matrices of any sites, in plain NumPy, with the derivation
- site_solution, warm_site, elementary: its compiled pieces, one site and the functions that it takes
- pair_tables, double_flips, pair_concurrence: entanglement of all pairs, at many times at once
- site_coherence: coherences of single sites
- two_qubits, entanglement: concurrence and negativity of any states of two qubits
- bubbles, sector_walk, sector_elements, bubble_states, entropy, purity: half-system entropies
- random_states: what the glass is compared with
- dipolar: driven spins in a strong field and a bath, in a room of their own
- mean_field: localized systems in each other's average fields, likewise
- spin_chain: spins on a ring whose couplings reach far, likewise
- mirror: symmetric matrices that fill the memory, made in place
- spectral_lines, level_statistics: spectra of many lines, and how levels are spaced
- sparse_liouvillian: the master equation integrated, to check all this
"""

from ensemble.physics.bubbles import nearest_bubbles
from ensemble.physics.dissipative_ising import IsingDisorder, reduced_density_matrix
from ensemble.physics.entanglement import concurrence, negativity
from ensemble.physics.entropy import ENTROPY_FLOOR, LARGEST_BUBBLE, bubble_entropy
from ensemble.physics.pair_concurrence import average_concurrence, pair_entanglement
from ensemble.physics.purity import bubble_purity
from ensemble.physics.random_states import (
    haar_states,
    pair_concurrences,
    pair_states,
    random_pair_concurrences,
    random_state_concurrence,
)
from ensemble.physics.site_coherence import site_coherences
from ensemble.physics.sparse_liouvillian import integrate_master_equation, partial_trace
from ensemble.physics.two_qubits import CONCURRENCE_FLOOR

__all__ = [
    "CONCURRENCE_FLOOR",
    "ENTROPY_FLOOR",
    "LARGEST_BUBBLE",
    "IsingDisorder",
    "average_concurrence",
    "bubble_entropy",
    "bubble_purity",
    "concurrence",
    "haar_states",
    "integrate_master_equation",
    "nearest_bubbles",
    "negativity",
    "pair_concurrences",
    "pair_entanglement",
    "pair_states",
    "partial_trace",
    "random_pair_concurrences",
    "random_state_concurrence",
    "reduced_density_matrix",
    "site_coherences",
]
