"""The same problem in QuTiP: collapse operators and `mesolve` with tight tolerances."""

import numpy as np
import qutip
from numpy.typing import NDArray

from tests.support.reference.random_ising import IsingInstance


def solve(instance: IsingInstance, t: NDArray[np.float64], *, lab: bool) -> list[qutip.Qobj]:
    """ρ at the times `t`, which start at 0; without the frequencies unless `lab`."""
    n = instance.size
    z = [on_site(qutip.sigmaz(), i, n) for i in range(n)]
    plus = [on_site(2 * qutip.sigmap(), i, n) for i in range(n)]
    hamiltonian = sum(2.0 * instance.coupling[i, j] * z[i] * z[j] for i in range(n) for j in range(i))
    if lab:
        hamiltonian -= sum(0.5 * instance.frequency[i] * z[i] for i in range(n))
    jumps = []
    for i in range(n):
        jumps.append(np.sqrt(instance.rate[i] * (1.0 + instance.occupation[i])) * plus[i])
        jumps.append(np.sqrt(instance.rate[i] * instance.occupation[i]) * plus[i].dag())
    start = qutip.tensor(
        [
            np.cos(theta / 2) * qutip.basis(2, 0) + np.exp(1j * phi) * np.sin(theta / 2) * qutip.basis(2, 1)
            for theta, phi in zip(instance.theta, instance.phi, strict=True)
        ]
    )
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-11, "nsteps": 1_000_000, "progress_bar": ""}
    result = qutip.mesolve(hamiltonian, qutip.ket2dm(start), t, c_ops=jumps, options=options)
    return list(result.states)


def on_site(operator: qutip.Qobj, site: int, n: int) -> qutip.Qobj:
    return qutip.tensor([operator if i == site else qutip.qeye(2) for i in range(n)])
