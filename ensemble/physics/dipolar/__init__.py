"""Dipolar spins in a strong field, driven, each in a bath of its own: exact steady states, and what is seen of them.

- sectors, eigenbasis: product states and eigenstates by how many spins are up
- bath: rates of the jumps, and what they do to a density matrix
- steady_state: where drive and local jumps lead, without the secular approximation
- secular: where they lead if a jump is between eigenstates, by rates alone
- resonance: the lines of the magnetic resonance spectrum
- spin_temperature: the state of two temperatures that has the same energy and polarization
- eigenstates: entanglement and polarization of the eigenstates of a density matrix

None of them limits BLAS: whoever wants the same bits on every machine holds `one_blas_thread` around all of it.
"""
