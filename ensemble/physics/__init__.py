"""Physics that models share: draws of disorder, exact dynamics, entanglement; nothing of sweeps or stores."""

from ensemble.physics.dissipative_ising import IsingDisorder, reduced_density_matrix
from ensemble.physics.entanglement import concurrence, negativity
from ensemble.physics.pair_concurrence import average_concurrence, pair_entanglement
from ensemble.physics.site_coherence import site_coherences
from ensemble.physics.two_qubits import CONCURRENCE_FLOOR

__all__ = [
    "CONCURRENCE_FLOOR",
    "IsingDisorder",
    "average_concurrence",
    "concurrence",
    "negativity",
    "pair_entanglement",
    "reduced_density_matrix",
    "site_coherences",
]
