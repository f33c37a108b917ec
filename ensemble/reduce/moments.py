"""Count, mean and variance of realizations, combined without cancellation (Chan, Golub and LeVeque)."""

import functools
import operator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

_SLAB_BYTES = 2**18
"""Bytes in one slab of rows. Small slabs keep intermediate results in the CPU cache."""


@final
@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of some realizations."""

    count: int | NDArray[np.int64]
    """Number of values: one number, or one for each element (dims...) if some values are masked."""
    mean: NDArray[Any]
    """Mean: (dims...). Complex if the realizations are complex, else real."""
    squares: NDArray[np.float64]
    """Sum of the squared distances |x - mean|² from the mean: (dims...)."""

    @classmethod
    def of(cls, rows: NDArray[Any], kept: NDArray[np.bool_] | None = None) -> "Moments":
        """Chunk: the moments over the first dimension, of the values with `kept` true; the others must be 0."""
        return functools.reduce(
            operator.add, (cls._of_slab(rows[slab], None if kept is None else kept[slab]) for slab in slabs(rows))
        )

    @classmethod
    def _of_slab(cls, rows: NDArray[Any], kept: NDArray[np.bool_] | None) -> "Moments":
        values = rows.astype(np.complex128 if rows.dtype.kind == "c" else np.float64, copy=False)
        if not len(values):
            return cls(0, np.zeros(values.shape[1:], values.dtype), np.zeros(values.shape[1:]))
        if kept is None:
            mean = values.mean(axis=0)
            return cls(len(values), mean, _squared(values - mean).sum(axis=0))
        count = kept.sum(axis=0)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        return cls(count, mean, _squared((values - mean) * kept).sum(axis=0))

    def __add__(self, other: "Moments") -> "Moments":
        """Combine: the moments of the union of both sets of realizations."""
        if not np.any(self.count) or not np.any(other.count):
            return self if np.any(self.count) else other
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + _squared(step) * (self.count * share)
        return Moments(count, self.mean + step * share, squares)

    def finalize(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The mean and its standard error √(squares / (count (count - 1))).

        Without values the mean is NaN; with fewer than two values the error is NaN.
        """
        count = np.maximum(self.count, 2)
        error = np.sqrt(self.squares / (count - 1) / count)
        return np.where(np.greater(self.count, 0), self.mean, np.nan), np.where(np.less(self.count, 2), np.nan, error)


def slabs(rows: NDArray[Any]) -> list[slice]:
    """Slices that divide rows into slabs, at least one.

    They depend only on the shape and type of the rows, because they determine the order of the sums.
    """
    length = max(1, _SLAB_BYTES // max(1, rows[:1].nbytes))
    return [slice(start, start + length) for start in range(0, max(1, len(rows)), length)]


def _squared(values: NDArray[Any]) -> NDArray[np.float64]:
    """|x|² of real or complex numbers."""
    squares: NDArray[np.float64] = values.real**2 + values.imag**2 if np.iscomplexobj(values) else values**2
    return squares
