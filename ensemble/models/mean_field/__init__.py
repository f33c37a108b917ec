"""Two glasses in mean field: energies in the field of all others' averages, and how fast they relax.

The models of Asban, Amir, Imry and Schechter, PRB 95, 144207 (2017). Energies are in units in which J, the coupling of
neighbours one apart, is a number like any other; k_B = 1. In the order in which a realization passes through them:

    disorder.py     bare random numbers, the same for every parameter but N
    sample.py       a solution, and all that follows from it, once
    observables.py  what both measure, and what each measures besides
    averages.py     what is made of averages: slopes, the depth of the gap, the logarithm of the relaxation
    glass.py        MeanFieldGlass: the parameters that both have
    tls.py          MeanFieldTLSGlass: two-level systems in three dimensions, which relax by one phonon each
    electrons.py    ElectronGlass: electrons in two dimensions, which hop
"""

from ensemble.models.mean_field.electrons import ElectronGlass
from ensemble.models.mean_field.tls import MeanFieldTLSGlass

__all__ = ["ElectronGlass", "MeanFieldTLSGlass"]
