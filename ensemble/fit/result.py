"""The result of a fit: values with errors, window, quality of the fit, dependence on the window, and warnings.

chi2 is the sum of the squared residuals in units of the errors of the mean, Σ_t (C(t) - law(t))² / σ(t)². Neighbouring
times have the same realizations, so their residuals are correlated. Therefore chi2 / (points - parameters) of a true
law may be 0.1 or 3, and the chi-square distribution does not apply. `probability` is the probability of a larger chi2
if the law were true. It includes the correlations, which are estimated from the blocks. Use `probability`, not chi2, to
decide whether the law describes the curve.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import FitError
from ensemble.fit.formulas import FORMULAS
from ensemble.sweep.units import format_with_error

RARE = 0.01
"""A law does not describe the data if the probability of a larger chi2 is below this."""


@final
@dataclass(frozen=True)
class Window:
    """The points that a fit has used."""

    first: float
    """First time, or other coordinate, of the window."""
    last: float
    """Last time, or other coordinate, of the window."""
    points: int
    """Number of points in the window."""


@final
@dataclass(frozen=True)
class Moved:
    """The same fit on another window, usually a part of the first one."""

    window: Window
    """The other window."""
    values: Mapping[str, float]
    """Parameters by name."""
    shifts: Mapping[str, float]
    """Change of each parameter, in units of the error of this change."""


@final
@dataclass(frozen=True)
class Fit:
    """A law with the parameters that fit the data. Read the warnings first, if there are any."""

    law: str
    """Formula of the law, such as "a t^-beta"."""
    values: Mapping[str, float]
    """Parameters by name."""
    errors: Mapping[str, float]
    """Standard error of each parameter; it includes correlations."""
    window: Window
    """The points that the fit has used."""
    chi2: float
    """Sum of squared residuals in units of the errors; not chi-square distributed if points are correlated."""
    degrees: int
    """Number of points minus number of parameters."""
    probability: float
    """Probability of a larger chi2 if the law were true, including correlations; nan if it is undefined."""
    residuals: NDArray[np.float64]
    """(data - law) / error of the data, at the points of the window: (points,)."""
    moved: tuple[Moved, ...] = ()
    """The same fit on parts of the window."""
    warnings: tuple[str, ...] = ()
    """Reasons why the result may be unreliable, one sentence each."""

    def curve(self, x: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the fitted law.

        Parameters
        ----------
        x
            Times t or sizes N; 1/N for a law that is fitted in 1/N, such as "limit + slope / N".

        Returns
        -------
        numpy.ndarray
            Values of the law, with the shape of `x`.

        Raises
        ------
        FitError
            If the law is not a curve, such as that of a peak.
        """
        if self.law not in FORMULAS:
            raise FitError(f"only a law that is a curve can be drawn, got {self.law!r}")
        with np.errstate(all="ignore"):
            return FORMULAS[self.law](np.asarray(x, dtype=np.float64), **self.values)

    def __str__(self) -> str:
        numbers = ", ".join(
            f"{name} = {format_with_error(value, self.errors[name])}" for name, value in self.values.items()
        )
        return f"{self.law}: {numbers}, from {self.window.first:.3g} to {self.window.last:.3g}"

    @property
    def aic(self) -> float:
        """Akaike information criterion chi2 + 2 k with k parameters; compare only laws on the same window."""
        return self.chi2 + 2 * len(self.values)

    def sensitivity(self, name: str) -> float:
        """Return the largest change of a parameter on other windows.

        Parameters
        ----------
        name
            Name of the parameter.

        Returns
        -------
        float
            Largest |change| over all windows in `moved`; nan if there is none.
        """
        return max((abs(each.values[name] - self.values[name]) for each in self.moved), default=float("nan"))
