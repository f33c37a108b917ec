"""Delete-one-block jackknife: errors of any function of averages over realizations.

There are n realizations in g blocks of m_j realizations each. x̄ is the mean of all realizations, x_j the mean of block
j. The mean without block j is

    x̄_(j) = (n x̄ - m_j x_j) / (n - m_j).

A function θ of the mean is computed from x̄, and again from each x̄_(j), which gives θ_(j). With h_j = n / m_j the
squared error of θ is

    σ²(θ) = (1/g) Σ_j (θ̃_j - θ̄)² / (h_j - 1),    θ̃_j = h_j θ - (h_j - 1) θ_(j),    θ̄ = g θ - Σ_j (1 - m_j/n) θ_(j)

(Busing, Meijer and van der Leeden 1999). For blocks of equal size this is the textbook formula
(g-1)/g Σ_j (θ_(j) - mean)². For the mean itself it is the unbiased standard error, for any sizes of the blocks.

Different realizations are independent, but the times of one trajectory are correlated. Only blocks of realizations are
left out, never times. So every error includes the correlations in t.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ensemble.errors import FitError

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Estimate:
    """A number, curve or set of parameters, with its jackknife error.

    It holds the value from all realizations, and the value without each block of realizations.

    Examples
    --------
    >>> from ensemble.fit import Estimate
    >>> curve = Estimate.of_blocks([[1.0, 2.0], [3.0, 2.0]], sizes=[1, 1])
    >>> curve.value
    array([2., 2.])
    >>> curve.error.round(6)
    array([1., 0.])
    """

    value: Array
    """Value from all realizations: (dims...)."""
    without: Array
    """Values without each block: (blocks, dims...)."""
    sizes: NDArray[np.int64]
    """Number of realizations in each block: (blocks,)."""

    @classmethod
    def of_blocks(cls, means: ArrayLike, sizes: ArrayLike) -> Self:
        """Compute the mean over realizations from the mean of each block.

        Parameters
        ----------
        means
            Mean of each block, real or complex: (blocks, dims...).
        sizes
            Number of realizations in each block: (blocks,). Blocks of size 0 are left out.

        Returns
        -------
        Estimate
            The mean of all realizations: (dims...).

        Raises
        ------
        FitError
            If shapes do not match, a size is not a number of realizations, or fewer than two blocks are not empty.
        """
        x, m = np.asarray(means), np.asarray(sizes)
        x = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
        if m.ndim != 1 or x.shape[:1] != m.shape:
            raise FitError(f"block means must have one row for each block, got {x.shape} for {m.shape} block sizes")
        if m.size and (m.min() < 0 or (m != m.astype(np.int64)).any()):
            raise FitError(f"block sizes must be numbers of realizations, got {m.min()} among them")
        x, m = x[m > 0], m[m > 0].astype(np.int64)
        if len(m) < 2:
            raise FitError(f"errors need at least two blocks of realizations, got {len(m)}: cut the store into more")
        n = m.sum()
        weights = m.reshape(-1, *[1] * (x.ndim - 1))
        total = (weights * x).sum(axis=0)
        return cls(total / n, (total - weights * x) / (n - weights), m)

    @property
    def error(self) -> Array:
        """Standard error of every entry: (dims...). For complex entries, of the distance in the complex plane."""
        # An undefined error is nan or infinity; fits report it as a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.sqrt((np.abs(self._deviations()) ** 2).sum(axis=0)))

    @property
    def covariance(self) -> Array:
        """Covariance matrix (n, n) of the n entries of a vector."""
        deviations = self._deviations()
        return np.asarray(np.einsum("ji,jk->ik", deviations, deviations))

    def derived(self, statistic: Callable[[Array], ArrayLike]) -> "Estimate":
        """Apply a function, which is called once with the value and once with the value without each block.

        Parameters
        ----------
        statistic
            Function of an array (dims...). It returns real numbers of any shape.

        Returns
        -------
        Estimate
            The result of the function, with its jackknife error.
        """
        value = np.asarray(statistic(self.value), dtype=np.float64)
        without = np.array([statistic(each) for each in self.without], dtype=np.float64)
        return Estimate(value, without, self.sizes)

    @classmethod
    def joint(cls, statistic: Callable[..., ArrayLike], quantities: Sequence["Estimate"]) -> "Estimate":
        """Apply a function to several estimates from the same realizations; the error includes their correlations.

        Parameters
        ----------
        statistic
            Function of as many arrays as there are estimates. It returns real numbers of any shape.
        quantities
            Estimates with the same blocks of realizations.

        Returns
        -------
        Estimate
            The result of the function, with its jackknife error.

        Raises
        ------
        FitError
            If the sizes of the blocks differ.
        """
        sizes = _common(quantities, "a function of several quantities")
        value = np.asarray(statistic(*(each.value for each in quantities)), dtype=np.float64)
        without_each = zip(*(each.without for each in quantities), strict=True)
        return cls(value, np.array([statistic(*each) for each in without_each], dtype=np.float64), sizes)

    def less(self, other: "Estimate") -> "Estimate":
        """Subtract another estimate from the same realizations; common fluctuations cancel in the error.

        Parameters
        ----------
        other
            Estimate with the same blocks and the same shape.

        Returns
        -------
        Estimate
            The difference, with its jackknife error.

        Raises
        ------
        FitError
            If the sizes of the blocks differ.
        """
        sizes = _common((self, other), "a difference on common disorder")
        return Estimate(self.value - other.value, self.without - other.without, sizes)

    def over(self, other: "Estimate") -> "Estimate":
        """Divide by another estimate from the same realizations; common fluctuations cancel in the error.

        Parameters
        ----------
        other
            Estimate with the same blocks. Its dimensions are the first dimensions of this one.

        Returns
        -------
        Estimate
            The ratio, with its jackknife error. It is infinite or NaN where the other estimate is 0.

        Raises
        ------
        FitError
            If the sizes of the blocks differ.
        """
        sizes = _common((self, other), "a ratio on common disorder")
        index = (..., *[None] * (self.value.ndim - other.value.ndim))
        with np.errstate(divide="ignore", invalid="ignore"):
            return Estimate(self.value / other.value[index], self.without / other.without[index], sizes)

    def __getitem__(self, chosen: Any) -> "Estimate":
        """Select entries by an index of the first dimension, a slice or a mask."""
        return Estimate(np.asarray(self.value[chosen]), self.without[:, chosen], self.sizes)

    def _deviations(self) -> Array:
        """(θ̃_j - θ̄) / √(g (h_j - 1)) for each block: (blocks, dims...). The sum of their squares is σ²(θ)."""
        g, n = len(self.sizes), self.sizes.sum()
        h = (n / self.sizes).reshape(-1, *[1] * self.value.ndim)
        # Differences from θ, not θ itself: otherwise rounding would hide small errors of large numbers.
        below = self.without - self.value
        centre = -((1 - 1 / h) * below).sum(axis=0)
        return np.asarray((-(h - 1) * below - centre) / np.sqrt(g * (h - 1)))


def _common(quantities: Sequence[Estimate], what: str) -> NDArray[np.int64]:
    """The block sizes that all estimates have; raises an error if they differ."""
    sizes = quantities[0].sizes
    if not all(np.array_equal(sizes, each.sizes) for each in quantities):
        raise FitError(f"{what} needs the same blocks of realizations in all of them")
    return sizes
