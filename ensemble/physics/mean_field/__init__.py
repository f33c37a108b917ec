"""Localized systems that feel one another through their averages: energies, and the rates of their relaxation.

- box: points in a periodic box, in which nearest neighbours are one apart
- couplings: the matrix that couples them, row by row, and nothing else of its size
- self_consistent: energies in the field of all the others' averages
- tunnelling: two-level systems that relax by one phonon each, and by each other's fields
- hopping: electrons that hop by one phonon
- stability: the root of what is positive in a minimum of the free energy
- laplacian, jacobi: the spectra of both to the last digits of the smallest rate
- histogram: densities of energies and of rates

None of them limits BLAS: whoever wants the same bits on every machine holds `one_blas_thread` around all of it.
"""
