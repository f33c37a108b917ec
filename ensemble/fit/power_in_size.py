"""Fit a power law in the system size: A N^β."""

from numpy.typing import ArrayLike

from ensemble.fit.independent_points import fit_independent
from ensemble.fit.laws import Power
from ensemble.fit.result import Fit

_IN_SIZE = Power("A N^beta", ("A", "beta"), "beta", sign=1)


def power_in_size(N: ArrayLike, values: ArrayLike, errors: ArrayLike) -> Fit:
    """Fit A N^beta to values at several sizes that share no disorder, weighted with their errors.

    Parameters
    ----------
    N
        System sizes: (sizes,), positive and all different.
    values
        Values: (sizes,).
    errors
        Standard errors of the values: (sizes,).

    Returns
    -------
    Fit
        `A` and `beta`; the results for narrower ranges of N are in `moved`.

    Raises
    ------
    FitError
        If the shapes differ or sizes are not valid.

    Examples
    --------
    >>> from ensemble.fit import power_in_size
    >>> fit = power_in_size([4, 16, 64], [6.0, 12.0, 24.0], [0.1, 0.1, 0.1])
    >>> round(fit.values["A"], 3), round(fit.values["beta"], 3)
    (3.0, 0.5)
    """
    return fit_independent(_IN_SIZE, N, values, errors)
