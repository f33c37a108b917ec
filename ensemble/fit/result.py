"""What a fit gives back: values with errors, on which window, how well, how firmly, and what to be wary of.

chi2 is the sum of the squared residuals in units of the errors of the mean, Σ_t (C(t) - law(t))² / σ(t)². Neighbouring
times share their realizations, so their residuals are correlated: chi2 / (points - parameters) of a true law may well
be 0.1 or 3, and no table of the chi-square distribution applies. `probability` is the chance of a larger chi2 if the
law were true, with the correlations as the blocks show them; that, not chi2, says whether the law describes the curve.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import FitError
from ensemble.fit.formulas import FORMULAS
from ensemble.wording import with_error

RARE = 0.01
"""A law is doubted where the chance of so large a chi2 is below this."""


@final
@dataclass(frozen=True)
class Window:
    """The points that a fit has used."""

    first: float
    last: float
    points: int


@final
@dataclass(frozen=True)
class Moved:
    """The same fit on another window."""

    window: Window
    values: Mapping[str, float]
    shifts: Mapping[str, float]
    """How far each value has moved, in units of the error of that difference."""


@final
@dataclass(frozen=True)
class Fit:
    """A law with the parameters that fit the data; where there are warnings, read them first."""

    law: str
    """The formula."""
    values: Mapping[str, float]
    errors: Mapping[str, float]
    """One standard error of each value, correlations included."""
    window: Window
    chi2: float
    """Sum of squared residuals in units of the errors; no chi-square distribution where points are correlated."""
    degrees: int
    """Number of points less number of parameters."""
    probability: float
    """Chance of a larger chi2 if the law were true, correlations included; nan where it cannot be told."""
    residuals: NDArray[np.float64]
    """(data - law) / error of the data, at the points of the window."""
    moved: tuple[Moved, ...] = ()
    """The same fit on parts of the window."""
    warnings: tuple[str, ...] = ()

    def curve(self, x: ArrayLike) -> NDArray[np.float64]:
        """The fitted law at other points: of t, of N, or of 1/N where that is what was fitted."""
        if self.law not in FORMULAS:
            raise FitError(f"only a law that is a curve can be drawn, got {self.law!r}")
        with np.errstate(all="ignore"):
            return FORMULAS[self.law](np.asarray(x, dtype=np.float64), **self.values)

    def __str__(self) -> str:
        told = ", ".join(f"{name} = {with_error(value, self.errors[name])}" for name, value in self.values.items())
        return f"{self.law}: {told}, from {self.window.first:.3g} to {self.window.last:.3g}"

    @property
    def aic(self) -> float:
        """Akaike's criterion chi2 + 2 k: for laws on one window only its differences mean something."""
        return self.chi2 + 2 * len(self.values)

    def sensitivity(self, name: str) -> float:
        """The farthest that this parameter moves when the window does."""
        return max((abs(each.values[name] - self.values[name]) for each in self.moved), default=float("nan"))
