"""Random instances of the Ising problem with relaxation, small enough for every independent solver."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class IsingInstance:
    """The arrays that `reduced_density_matrix` reads, and the occupation of the bath."""

    coupling: Array
    rate: Array
    frequency: Array
    theta: Array
    phi: Array
    occupation: Array

    @property
    def size(self) -> int:
        return len(self.rate)


def random_instance(
    seed: int, n: int, *, coupling: float = 1.0, rate: float = 1.0, occupation: float = 0.0
) -> IsingInstance:
    """Couplings, rates and occupations of the given sizes, all different; directions uniform on the sphere."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), k=1)
    return IsingInstance(
        coupling=coupling * (upper + upper.T),
        rate=rate * rng.uniform(0.1, 1.0, n),
        frequency=rng.uniform(0.5, 2.0, n),
        theta=np.arccos(rng.uniform(-1.0, 1.0, n)),
        phi=rng.uniform(0.0, 2.0 * np.pi, n),
        occupation=occupation * rng.uniform(0.5, 1.5, n),
    )
