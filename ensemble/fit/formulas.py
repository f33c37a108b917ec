"""Formulas of the laws, as functions of their reported parameters; used to draw a fitted law."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FORMULAS: Mapping[str, Callable[..., Array]] = {
    "c": lambda t, c: c * np.ones_like(t),
    "a + b ln t": lambda t, a, b: a + b * np.log(t),
    "a t^-beta": lambda t, a, beta: a * t**-beta,
    "a t^alpha": lambda t, a, alpha: a * t**alpha,
    "a exp(-gamma t)": lambda t, a, gamma: a * np.exp(-gamma * t),
    "a exp(-(t / tau)^delta)": lambda t, a, tau, delta: a * np.exp(-((t / tau) ** delta)),
    "a exp(-((t + t0) / tau)^delta)": lambda t, a, tau, delta, t0: a * np.exp(-(((t + t0) / tau) ** delta)),
    "A exp(-alpha N)": lambda N, A, alpha: A * np.exp(-alpha * N),
    "limit + slope / N": lambda x, limit, slope: limit + slope * x,
    "limit + slope / N^power": lambda x, limit, slope, power: limit + slope * x**power,
    "A N^beta": lambda N, A, beta: A * N**beta,
    "exp(-a 2^(b N))": lambda N, a, b: np.exp(-a * 2 ** (b * N)),
}
"""Formula -> function of t, of N, or of x = 1/N (for extrapolations in the size), and of the parameters by name."""
