"""Numerical functions of driven dipolar spins in a strong field, each in its own bath: stationary states and spectra.

- sectors: product states by the number of spins up
- eigenbasis: eigenstates of H', sector by sector
- bath: rates of the jumps, and their effect on a density matrix
- steady_state: the stationary state of the master equation, without the secular approximation
- secular: the stationary state of rates between eigenstates, in the secular approximation
- resonance: the lines of the magnetic resonance spectrum
- spin_temperature: the state of two temperatures that has the same energy and polarization
- eigenstates: entanglement and polarization of the eigenstates of a density matrix

These functions do not limit the threads of BLAS. For the same bits on every machine, call them inside
`with one_blas_thread`.
"""
