"""Two-level systems in a glass: Ising couplings and relaxation through phonons, started from a product state.

The model of Artiaco, Balducci and Scardicchio, PRB 103, 214205 (2021), and of its first preprint; equation numbers
are those of the PRB. Energies are in units of W and times in ħ/W, so that ħ = 1; lengths are in nm. W itself, in
eV, enters only the prefactors of J and Y. In the order in which a realization passes through them:

    draw.py         TLSDraw: bare random numbers, the same for every option and every parameter but N
    couplings.py    TLSDisorder: from a draw to J_ij, Y_i, ν_i and the initial state, in each convention
    observables.py  what is measured, from the closed forms in `physics`
    model.py        TLSGlass: the parameters, and all this as the framework sees it
    validation.py   which values the parameters may have
    materials.py    SiO2, BK7 and PMMA as presets, and the ratio of dissipation to interaction, Eq. (24)
    derived.py      what follows from the parameters without a draw: Table I, the axes of the phase diagram
"""

from ensemble.models.tls_glass.couplings import TLSDisorder
from ensemble.models.tls_glass.draw import TLSDraw
from ensemble.models.tls_glass.model import DEFAULT_TIMES, TLSGlass

__all__ = ["DEFAULT_TIMES", "TLSDisorder", "TLSDraw", "TLSGlass"]
