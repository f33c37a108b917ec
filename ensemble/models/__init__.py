"""Physical models, their protocol, and the code that finds, loads and transfers them.

model           base class `Model`, and `Observable`, `parameter` and the other declarations of a model
catalog         find the class of a model by its name
stored          find the model that a store was computed with
source          read a model file and the modules that it imports
importing       import a model from its source text, on the driver and on workers
packing         serialize a model for a worker
rules           validate the values of parameters
arrays          grids and arrays of fixed length
driven_spins    dipolar electron spins driven by microwaves, and the polarization of nuclear spins
mean_field      two-level systems and electron glasses in mean-field theory
random_state    Haar-random states of N spins
spin_glass      quantum spin glass in one dimension with long-range couplings
tls_glass       interacting two-level systems in a glass
"""
