"""Fit laws to averages: plateaus, exponents and rates, each with an error, a window and warnings.

Fits of one curve:

    plateau               C(inf), on a stationary late window
    peak                  height and time of the maximum, interpolated between grid points
    power_law             t^-beta from peak to plateau; t^alpha before saturation
    stretched             stretched exponential of C(t; ε) / C(inf; 0) on common disorder
    compare               several laws on one window, and which one the data prefer, if any
    collapse              how well two curves agree after one time axis is rescaled

Fits against the system size:

    exponential_in_size   C(inf) = A exp(-alpha N)
    power_in_size         A N^beta
    double_exponential    exp(-a 2^(b N)), as for pairs of spins in random states
    extrapolate           limit of a number at infinite N; volume law
    infinite_size         whole curves at infinite N

Fits of a store:

    curve_family          one observable at many points of a store
    store_fits            one law at all points of a family; a law of the size through its parameters
    fit_tables            fits as a Dataset, as rows, and as lines of warnings

Common parts:

    result                `Fit`: values, errors, window, chi2, residuals, sensitivity, warnings
    laws                  the laws: power law, exponential, stretched exponential, logarithm, constant, line
    formulas              the formulas of all laws, as functions of their parameters
    least_squares         weighted fit of one law on one window, for all realizations and without each block
    independent_points    weighted fit to points that share no disorder, such as different sizes
    unweighted            straight lines in which all points have the same weight
    minimize              minimization of chi2
    ordered_sums          linear least squares with a fixed order of the sums

The functions are pure and take arrays. The input is the mean of each block of realizations, (blocks, t), and the number
of realizations in each block. `Estimate` is defined in `ensemble.reduce.jackknife`.

    curve = Estimate.of_blocks(means, sizes)
    late, decay = plateau(t, curve), power_law(t, curve)
    late.values["c"], late.errors["c"], decay.values["beta"], decay.window, decay.warnings

The points of one trajectory are correlated, different realizations are not. So the weights of a fit are diagonal: the
errors of the mean at each time. The errors of the parameters come from repeating the fit without each block, never from
the curvature of chi2. A fit never fails silently. The result has `warnings`, for example if the window is short, if the
plateau is not reached, if values are zero, if an error exceeds its value, or if the search does not converge. Only
invalid input raises an error.
"""

from ensemble.fit.compare import Comparison, compare
from ensemble.fit.double_exponential import double_exponential
from ensemble.fit.exponential_in_size import exponential_in_size
from ensemble.fit.extrapolate import extrapolate, volume_law
from ensemble.fit.peak import peak
from ensemble.fit.plateau import plateau
from ensemble.fit.power_in_size import power_in_size
from ensemble.fit.power_law import growth, power_law
from ensemble.fit.result import Fit, Moved, Window
from ensemble.fit.stretched import relative, stretched
from ensemble.reduce.jackknife import Estimate

__all__ = [
    "Comparison",
    "Estimate",
    "Fit",
    "Moved",
    "Window",
    "compare",
    "double_exponential",
    "exponential_in_size",
    "extrapolate",
    "growth",
    "peak",
    "plateau",
    "power_in_size",
    "power_law",
    "relative",
    "stretched",
    "volume_law",
]
