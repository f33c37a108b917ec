"""Laws fitted to averages: plateaus, exponents, rates, each with an error, a window, and what to be wary of.

    jackknife             a quantity, and what it would be without each block of realizations
    laws                  power law, exponential, stretched exponential, logarithm
    least_squares         one law on one window, for all realizations and without each block
    independent           the same for points that share no disorder, such as different sizes
    result                Fit: values, errors, window, chi2, residuals, sensitivity, warnings
    plateau               C(inf), on a late window that is stationary
    peak                  the highest point, between the points of the grid
    power_law             t^-beta from peak to plateau; t^alpha before saturation
    stretched             C(t; ε) / C(inf; 0) on common disorder
    compare               the laws side by side, and which one the data prefer, if any
    exponential_in_size   C(inf) = A exp(-alpha N)
    power_in_size         A N^beta
    double_exponential    exp(-a 2^(b N)), as pairs of random states
    even                  straight lines through logarithms, in which all points weigh the same
    extrapolate           numbers at infinite N; volume law
    infinite              curves at infinite N
    collapse              curves that are one when their clocks run alike
    family                one observable at many points of a store, each with its blocks
    families, told        one law at all of them, laws of what comes out, and all of it as a table
    formulas              what a fitted law is elsewhere

Pure functions on arrays. The input is the mean of each block of realizations, (blocks, t), and the size of each block:

    curve = Estimate.of_blocks(means, sizes)
    late, decay = plateau(t, curve), power_law(t, curve)
    late.values["c"], late.errors["c"], decay.values["beta"], decay.window, decay.warnings

The points of one trajectory are correlated, different realizations are not. So the weights of a fit are diagonal, the
errors of the mean at each time; the errors of its parameters come from repeating it without each block, never from
the curvature of chi2 over t. A fit never fails silently: a short window, a plateau that is not reached, zeros, an
error that exceeds the value, a search without end are `warnings` of the result. Only impossible input raises.
"""

from ensemble.fit.compare import Comparison, compare
from ensemble.fit.double_exponential import double_exponential
from ensemble.fit.exponential_in_size import exponential_in_size
from ensemble.fit.extrapolate import extrapolate, volume_law
from ensemble.fit.jackknife import Estimate
from ensemble.fit.peak import peak
from ensemble.fit.plateau import plateau
from ensemble.fit.power_in_size import power_in_size
from ensemble.fit.power_law import growth, power_law
from ensemble.fit.result import Fit, Moved, Window
from ensemble.fit.stretched import relative, stretched

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
