"""How numbers grow with the system size: A N^β."""

from numpy.typing import ArrayLike

from ensemble.fit.independent import independent
from ensemble.fit.laws import Power
from ensemble.fit.result import Fit

_IN_SIZE = Power("A N^beta", ("A", "beta"), "beta", sign=1)


def power_in_size(N: ArrayLike, values: ArrayLike, errors: ArrayLike) -> Fit:
    """`A` and `beta` of values at sizes N, weighted with their errors; narrower ranges of N are in `moved`."""
    return independent(_IN_SIZE, N, values, errors)
