"""A quantum spin glass in one dimension, whose random couplings reach far.

Couplings of neighbours are standard normal numbers, and the unit of energy. Each pair counts once. In the order in
which a realization passes through them:

    disorder.py     where spins start, and keys of the streams of all other random numbers, the same for every model
    chain.py        SpinGlassChain: couplings, and the states that a model may look at
    fields.py       SpinGlassFields: the density of fields, which closes where they are small
    avalanches.py   SpinGlassAvalanches: spins in resonance with the transverse field, and those that they bring there
    pairs.py        SpinGlassPairs: pairs of spins in resonance
    levels.py       what is measured of eigenstates, and what is made of the averages
    spectrum.py     SpinGlassSpectrum: how levels are spaced and how frozen eigenstates are
    remnant.py      SpinGlassRemnant: what the softest spins remember, all others frozen
"""

from ensemble.models.spin_glass.avalanches import SpinGlassAvalanches
from ensemble.models.spin_glass.fields import SpinGlassFields
from ensemble.models.spin_glass.pairs import SpinGlassPairs
from ensemble.models.spin_glass.remnant import SpinGlassRemnant
from ensemble.models.spin_glass.spectrum import SpinGlassSpectrum

__all__ = ["SpinGlassAvalanches", "SpinGlassFields", "SpinGlassPairs", "SpinGlassRemnant", "SpinGlassSpectrum"]
