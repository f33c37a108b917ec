"""How plateaus vanish with the system size: C(inf) = A exp(-α N)."""

from numpy.typing import ArrayLike

from ensemble.fit.independent import independent
from ensemble.fit.laws import Exponential
from ensemble.fit.result import Fit

_IN_SIZE = Exponential("A exp(-alpha N)", ("A", "alpha"), "alpha")


def exponential_in_size(N: ArrayLike, plateaus: ArrayLike, errors: ArrayLike) -> Fit:
    """`A` and `alpha` of the plateaus at sizes N, weighted with their errors; narrower ranges of N are in `moved`.

    The fit is to the plateaus themselves, not to their logarithms: one that is zero within its error still counts.
    """
    return independent(_IN_SIZE, N, plateaus, errors)
