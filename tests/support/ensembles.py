"""Synthetic ensembles: a law times log-normal noise that is correlated in t and independent between realizations."""

import numpy as np
from numpy.typing import NDArray

from ensemble.fit import Estimate

Array = NDArray[np.float64]

BLOCKS = 50
T = np.geomspace(1.0, 1e4, 33)


def noise(rng: np.random.Generator, t: Array, realizations: int, strength: float, memory: float) -> Array:
    """Log-normal factors of mean one; their logarithms forget over a factor e^memory in t."""
    x = np.log(t)
    root = np.linalg.cholesky(np.exp(-np.abs(x[:, None] - x) / memory) + 1e-10 * np.eye(len(t)))
    return np.asarray(np.exp(strength * rng.standard_normal((realizations, len(t))) @ root.T - strength**2 / 2))


def blocks(trajectories: Array, number: int = BLOCKS) -> Estimate:
    """Means of contiguous blocks of trajectories, as even as they come."""
    cut = np.array_split(trajectories, number)
    return Estimate.of_blocks(np.stack([each.mean(axis=0) for each in cut]), [len(each) for each in cut])


def ensemble_of(
    law: Array, seed: int, *, t: Array = T, realizations: int = 1000, strength: float = 0.6, memory: float = 1.0
) -> Estimate:
    return blocks(law * noise(np.random.default_rng(seed), t, realizations, strength, memory))


def rise_decay_plateau(t: Array, beta: float, floor: float, peak: float = 10.0) -> Array:
    """t up to the peak, t^-β from there, never below the floor; 1 at the peak."""
    return np.asarray(np.maximum(np.where(t < peak, t / peak, (t / peak) ** -beta), floor * (t >= peak)))


def bump(t: Array, centre: float) -> Array:
    """1 at the centre and a Gaussian in ln t around it, narrow enough for a grid of eight points in a decade."""
    return np.asarray(np.exp(-(np.log(t / centre) ** 2) / 2))
