"""Two-level systems in a glass: Ising couplings and relaxation through phonons, started from a product state.

The model of Artiaco, Balducci and Scardicchio, PRB 103, 214205 (2021), and of its first preprint; equation numbers
are those of the PRB. Energies are in units of W and times in ħ/W, so that ħ = 1; lengths are in nm. W itself, in
eV, enters only the prefactors of J and Y. The modules, in the order in which a realization uses them:

- draw: `TLSDraw`, random numbers, the same for all options and all parameters but N
- couplings: `TLSDisorder`, from random numbers to J_ij, Y_i, ν_i and the initial state, in each convention
- observables: the observables of a realization, from the closed forms in `kernels`
- model: `TLSGlass`, the parameters and the interface of a model
- validation: allowed values of the parameters
- materials: SiO2, BK7 and PMMA as presets, and the ratio of dissipation to interaction, Eq. (24)
- derived: functions of the parameters: Table I, and the axes of the phase diagram
- kernels: numerical functions
"""

from ensemble.models.tls_glass.couplings import TLSDisorder
from ensemble.models.tls_glass.draw import TLSDraw
from ensemble.models.tls_glass.kernels import reduced_density_matrix
from ensemble.models.tls_glass.model import DEFAULT_TIMES, TLSGlass

__all__ = ["DEFAULT_TIMES", "TLSDisorder", "TLSDraw", "TLSGlass", "reduced_density_matrix"]
