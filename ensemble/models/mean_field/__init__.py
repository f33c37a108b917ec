"""Mean-field models of two glasses: energies in the mean field of all sites, and their relaxation rates.

The models of Asban, Amir, Imry and Schechter, PRB 95, 144207 (2017). The coupling J of neighbours at distance one and
all energies are in the same arbitrary unit; k_B = 1. The modules, in the order in which a realization uses them:

- disorder: random numbers, the same for all parameters but N
- sample: the self-consistent solution of a realization, and what follows from it
- observables: the observables of both models, and those of each model
- averages: functions of averages: slopes, gap depth, logarithmic relaxation
- glass: `MeanFieldGlass`, the parameters of both models
- tls: `MeanFieldTLSGlass`, two-level systems in three dimensions that relax by single phonons
- electrons: `ElectronGlass`, electrons in two dimensions that hop between localized states
- kernels: numerical functions of both models
"""

from ensemble.models.mean_field.electrons import ElectronGlass
from ensemble.models.mean_field.tls import MeanFieldTLSGlass

__all__ = ["ElectronGlass", "MeanFieldTLSGlass"]
