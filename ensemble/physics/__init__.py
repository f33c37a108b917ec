"""Physics functions of general use: disorder, entanglement, random states, level statistics. All act on arrays.

- disorder: random numbers that models draw, and distances in a periodic box
- entanglement: concurrence and negativity of two-qubit density matrices
- two_qubits: compiled decomposition of many two-qubit states at a time
- bubbles: each site together with its nearest sites
- random_states: random pure states that are uniform on the sphere (Haar), and the concurrence of their pairs
- level_statistics: ratios of neighbouring level spacings
- spectral_lines: spectra of many lines with Gaussian broadening
- elementary: sine, cosine and exponential for innermost loops
- compiled: the decorator that compiles a function with Numba
- mirror: copy the upper triangle of a matrix to the lower one
- one_blas_thread: limit BLAS and LAPACK to one thread
"""

from ensemble.physics.bubbles import nearest_bubbles
from ensemble.physics.entanglement import concurrence, negativity
from ensemble.physics.random_states import (
    haar_states,
    pair_concurrences,
    pair_states,
    random_pair_concurrences,
    random_state_concurrence,
)
from ensemble.physics.two_qubits import CONCURRENCE_FLOOR

__all__ = [
    "CONCURRENCE_FLOOR",
    "concurrence",
    "haar_states",
    "nearest_bubbles",
    "negativity",
    "pair_concurrences",
    "pair_states",
    "random_pair_concurrences",
    "random_state_concurrence",
]
