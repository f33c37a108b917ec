"""Plain draws of both mean-field glasses, solved, as their physics is tested with."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ensemble.models.mean_field.kernels.box import side
from ensemble.models.mean_field.kernels.couplings import coulomb, dipolar
from ensemble.models.mean_field.kernels.self_consistent import SelfConsistent, self_consistent

Array = NDArray[np.float64]
TOLERANCE = 1e-9


@final
@dataclass(frozen=True)
class Glass:
    """Local energies, couplings K and starts of N systems, at positions in units of the side of their box."""

    local: Array
    coupling: Array
    start: Array
    temperature: float
    position: Array
    length: float

    @classmethod
    def of_tls(cls, seed: int, N: int, temperature: float, c: float = 0.5, J: float = 1.0) -> "Glass":
        """W = 1, in the box of the paper."""
        rng = np.random.default_rng(seed)
        position, local, start = rng.random((N, 3)), rng.standard_normal(N), rng.uniform(-1, 1, N)
        length = side("paper", N, 3)
        coupling = dipolar(position, length, c * J, rng)
        return cls(local, coupling, start, temperature, position, length)

    @classmethod
    def of_electrons(cls, seed: int, N: int, temperature: float, box: str = "paper") -> "Glass":
        """W = J = 1."""
        rng = np.random.default_rng(seed)
        position, local, start = rng.random((N, 2)), rng.random(N) - 0.5, rng.uniform(-1, 1, N)
        length = side(box, N, 2)
        return cls(local, coulomb(position, length, -0.5), start, temperature, position, length)

    @property
    def distance(self) -> Array:
        """(N, N), to the nearest image."""
        return images(self.position, self.length)

    def solved(self) -> SelfConsistent:
        """From its start."""
        return self_consistent(self.local, self.coupling, self.temperature, self.start, TOLERANCE)

    def image(self, x: Array) -> Array:
        """What the equation makes of x: its solutions are the fixed points."""
        made: Array = self.local + self.coupling @ np.tanh(x / (2 * self.temperature))
        return made


def images(position: Array, length: float) -> Array:
    """(n, n), distances to the nearest of all images in the neighbouring boxes, from positions in units of the side."""
    dimension = position.shape[1]
    separation = position[:, None, :] - position[None, :, :]
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * dimension), axis=-1).reshape(-1, dimension)
    all_images = [np.linalg.norm(separation + shift, axis=-1) for shift in shifts]
    nearest: Array = length * np.min(all_images, axis=0)
    return nearest
