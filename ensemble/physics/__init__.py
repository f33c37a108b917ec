"""Physics that models share: draws of disorder, exact dynamics, entanglement; nothing of sweeps or stores."""

from ensemble.physics.dissipative_ising import IsingDisorder, reduced_density_matrix
from ensemble.physics.entanglement import CONCURRENCE_FLOOR, concurrence
from ensemble.physics.pair_concurrence import average_concurrence

__all__ = ["CONCURRENCE_FLOOR", "IsingDisorder", "average_concurrence", "concurrence", "reduced_density_matrix"]
