"""Delete-one-block jackknife: a quantity, and what it would be without each block of realizations.

With n realizations in g blocks of m_j, x̄ the mean and x_j that of block j, the mean without block j is

    x̄_(j) = (n x̄ - m_j x_j) / (n - m_j),

and any quantity θ computed from the mean curve is computed from these as well: θ_(j). With h_j = n / m_j its error is

    σ²(θ) = (1/g) Σ_j (θ̃_j - θ̄)² / (h_j - 1),    θ̃_j = h_j θ - (h_j - 1) θ_(j),    θ̄ = g θ - Σ_j (1 - m_j/n) θ_(j)

(Busing, Meijer and van der Leeden 1999). For blocks of equal size it is the textbook (g-1)/g Σ_j (θ_(j) - mean)²; for
the mean itself it is the unbiased standard error, whatever the sizes. Realizations are independent and the times of
one trajectory are not: blocks are left out, never times, and correlations in t enter every error by themselves.
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
    """A number, curve or set of parameters, with its values without each of the blocks."""

    value: Array
    """From all realizations: (dims...)."""
    without: Array
    """From all but one block: (blocks, dims...)."""
    sizes: NDArray[np.int64]
    """Number of realizations in each block."""

    @classmethod
    def of_blocks(cls, means: ArrayLike, sizes: ArrayLike) -> Self:
        """The mean over realizations, from the mean of each block (blocks, dims...); empty blocks are left out."""
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
        """One standard error of every entry; of a complex one that of the distance in the plane."""
        # What cannot be told has an error of nan or infinity; fits say so in words.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.sqrt((np.abs(self._deviations()) ** 2).sum(axis=0)))

    @property
    def covariance(self) -> Array:
        """Covariance of the entries of a vector."""
        deviations = self._deviations()
        return np.asarray(np.einsum("ji,jk->ik", deviations, deviations))

    def derived(self, statistic: Callable[[Array], ArrayLike]) -> "Estimate":
        """Any function of this quantity; it is called once for all blocks together and once for all but each."""
        value = np.asarray(statistic(self.value), dtype=np.float64)
        without = np.array([statistic(each) for each in self.without], dtype=np.float64)
        return Estimate(value, without, self.sizes)

    @classmethod
    def joint(cls, statistic: Callable[..., ArrayLike], quantities: Sequence["Estimate"]) -> "Estimate":
        """Any function of several quantities of the same realizations; what fluctuates in all of them enters once."""
        sizes = _common(quantities, "a function of several quantities")
        value = np.asarray(statistic(*(each.value for each in quantities)), dtype=np.float64)
        left_out = zip(*(each.without for each in quantities), strict=True)
        return cls(value, np.array([statistic(*each) for each in left_out], dtype=np.float64), sizes)

    def less(self, other: "Estimate") -> "Estimate":
        """The difference from another quantity of the same realizations; what fluctuates in both alike cancels."""
        sizes = _common((self, other), "a difference on common disorder")
        return Estimate(self.value - other.value, self.without - other.without, sizes)

    def over(self, other: "Estimate") -> "Estimate":
        """The ratio to another quantity of the same realizations; what fluctuates in both alike cancels."""
        sizes = _common((self, other), "a ratio on common disorder")
        tail = (..., *[None] * (self.value.ndim - other.value.ndim))
        with np.errstate(divide="ignore", invalid="ignore"):
            return Estimate(self.value / other.value[tail], self.without / other.without[tail], sizes)

    def __getitem__(self, chosen: Any) -> "Estimate":
        """Part of the entries."""
        return Estimate(np.asarray(self.value[chosen]), self.without[:, chosen], self.sizes)

    def _deviations(self) -> Array:
        """(θ̃_j - θ̄) / √(g (h_j - 1)): the sum of their squares is the squared error."""
        g, n = len(self.sizes), self.sizes.sum()
        h = (n / self.sizes).reshape(-1, *[1] * self.value.ndim)
        # Differences from θ, not θ itself: small errors of large numbers do not drown in rounding.
        below = self.without - self.value
        centre = -((1 - 1 / h) * below).sum(axis=0)
        return np.asarray((-(h - 1) * below - centre) / np.sqrt(g * (h - 1)))


def _common(quantities: Sequence[Estimate], what: str) -> NDArray[np.int64]:
    """The sizes of the blocks of several quantities, which must be the same."""
    sizes = quantities[0].sizes
    if not all(np.array_equal(sizes, each.sizes) for each in quantities):
        raise FitError(f"{what} needs the same blocks of realizations in all of them")
    return sizes
