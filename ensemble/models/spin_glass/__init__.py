"""Models of a quantum spin glass: a ring of spins with random long-range couplings in a transverse field.

The couplings of neighbours are standard normal numbers, which sets the unit of energy. Each pair counts once. The
modules, in the order in which a realization uses them:

- disorder: initial spins and keys of random streams, the same for all models
- chain: `SpinGlassChain`, the couplings and the classical states that a model can start from
- fields: `SpinGlassFields`, the distribution of local fields and its pseudogap at small fields
- avalanches: `SpinGlassAvalanches`, avalanches of spins in resonance with the transverse field
- pairs: `SpinGlassPairs`, resonant pairs of spins
- levels: observables of eigenstates, and functions of their averages
- spectrum: `SpinGlassSpectrum`, level statistics and Edwards-Anderson order of eigenstates
- remnant: `SpinGlassRemnant`, the remnant polarization of the spins with the smallest fields
- kernels: numerical functions of all models
"""

from ensemble.models.spin_glass.avalanches import SpinGlassAvalanches
from ensemble.models.spin_glass.fields import SpinGlassFields
from ensemble.models.spin_glass.pairs import SpinGlassPairs
from ensemble.models.spin_glass.remnant import SpinGlassRemnant
from ensemble.models.spin_glass.spectrum import SpinGlassSpectrum

__all__ = ["SpinGlassAvalanches", "SpinGlassFields", "SpinGlassPairs", "SpinGlassRemnant", "SpinGlassSpectrum"]
