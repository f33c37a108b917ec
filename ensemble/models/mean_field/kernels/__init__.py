"""Numerical functions of the mean-field glasses: self-consistent energies and relaxation rates.

- box: the side of the periodic box, and nearest neighbours
- couplings: the matrix of couplings, filled row by row
- self_consistent: energies in the mean field of all other sites
- tunnelling: two-level systems that relax by one phonon, with and without the fields of the others
- hopping: electrons that hop by one phonon
- stability: Cholesky factor of a matrix that is positive in a minimum of the free energy
- laplacian, jacobi: spectra of rate matrices, accurate to the last digits of the smallest rate
- histogram: densities of energies and of rates

These functions do not limit the threads of BLAS. For the same bits on every machine, call them inside
`with one_blas_thread`.
"""
