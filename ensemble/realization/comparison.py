"""Compare a recomputed realization with the stored one: the same bits, or the size of the difference.

The same code gives the same bits. Other versions of the libraries may add numbers in another order. Values from other
versions count as equal within a tolerance of 1e-9 of the value plus 1e-10 of the largest value that the observable has
in this realization. Rounding errors stay below this tolerance, and values of another realization exceed it. Integers
must be equal. An observable that is computed by a search with a tolerance declares its own `accuracy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble.store.provenance import COMMIT, THREADS

_RELATIVE_TOLERANCE = 1e-9
_TOLERANCE_OF_LARGEST = 1e-10
_IGNORED_FACTS = ("host", *THREADS, *COMMIT)
"""Facts that may differ although the bits are the same: a realization is computed by one thread, and the hashes of the
files identify the code better than the commit.
"""


@final
@dataclass(frozen=True)
class Difference:
    """Difference between two arrays that do not have the same bits."""

    farthest: float
    """Largest absolute difference; infinite if a value is nan in only one of the arrays."""
    largest: float
    """Largest absolute value of the stored array."""
    rounding: bool
    """Whether the difference is within the tolerance, so that other library versions can explain it."""

    def __str__(self) -> str:
        if not np.isfinite(self.farthest):
            return "in which values are no number"
        return f"by up to {self.farthest:.3g}, where the largest value is {self.largest:.3g}"


def compare_arrays(computed: NDArray[Any], stored: NDArray[Any], accuracy: float | None = None) -> Difference | None:
    """Compare a computed array with the stored one.

    Parameters
    ----------
    computed, stored
        Arrays of the same shape.
    accuracy
        Tolerance declared by the observable, as a fraction of its largest value; None: the default tolerance.

    Returns
    -------
    Difference or None
        None if the arrays have the same bits.
    """
    actual, expected = _numbers(computed), _numbers(stored)
    missing = np.isnan(actual)
    if not np.array_equal(missing, np.isnan(expected)):
        return Difference(np.inf, _largest(expected), rounding=False)
    actual, expected = actual[~missing], expected[~missing]
    if actual.tobytes() == expected.tobytes():
        return None
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.where(actual == expected, 0.0, np.abs(actual.astype(float) - expected.astype(float)))
    near = _RELATIVE_TOLERANCE * np.abs(expected) + _TOLERANCE_OF_LARGEST * _largest(expected)
    if accuracy is not None:
        near = np.full(expected.shape, accuracy * _largest(expected))
    rounding = (stored.dtype.kind in "fc" or accuracy is not None) and bool((apart <= near).all())
    return Difference(float(apart.max()), _largest(expected), rounding)


def different_versions(stored: Mapping[str, str], current: Mapping[str, str]) -> tuple[str, ...]:
    """List the libraries, files and processor that differ between stored and current code."""
    names = [
        name for name in {**stored, **current} if name not in _IGNORED_FACTS and stored.get(name) != current.get(name)
    ]
    return tuple(f"{name} {stored.get(name, 'absent')} there and {current.get(name, 'absent')} here" for name in names)


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Flatten an array; each complex number becomes two real ones."""
    flat = np.ascontiguousarray(values).ravel()
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _largest(values: NDArray[Any]) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=~np.isnan(values)))
