"""A realization computed again beside the one that is stored: the same bits, or how far they are apart.

The same code gives the same bits. Other versions of the libraries may sum in another order, so there values count as
the same up to 1e-9 of themselves plus 1e-10 of the largest value that the observable has in this realization: no
rounding reaches that, and no value of another realization stays below it. Integers have to be the same. An observable
that is found by a search to some tolerance says itself how far it may be taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ensemble.provenance import COMMIT, THREADS

_OF_ITSELF = 1e-9
_OF_THE_LARGEST = 1e-10
_ALIKE = ("host", *THREADS, *COMMIT)
"""What may differ without another bit: realizations are computed with one thread, and files tell more than commits."""


@final
@dataclass(frozen=True)
class Deviation:
    """How far two arrays are apart that do not have the same bits."""

    farthest: float
    """The largest absolute difference; infinite where only one of them has a number."""
    largest: float
    """The largest absolute value of the one that is stored."""
    rounding: bool
    """Whether other versions of the libraries may be all there is to it."""

    def __str__(self) -> str:
        if not np.isfinite(self.farthest):
            return "in which values are no number"
        return f"by up to {self.farthest:.3g}, where the largest value is {self.largest:.3g}"


def deviation(computed: NDArray[Any], stored: NDArray[Any], accuracy: float | None = None) -> Deviation | None:
    """How far a computed array is from the stored one, of this accuracy; None if they have the same bits."""
    here, there = _numbers(computed), _numbers(stored)
    missing = np.isnan(here)
    if not np.array_equal(missing, np.isnan(there)):
        return Deviation(np.inf, _largest(there), rounding=False)
    here, there = here[~missing], there[~missing]
    if here.tobytes() == there.tobytes():
        return None
    with np.errstate(invalid="ignore"):  # infinite less infinite
        apart = np.where(here == there, 0.0, np.abs(here.astype(float) - there.astype(float)))
    near = _OF_ITSELF * np.abs(there) + _OF_THE_LARGEST * _largest(there)
    if accuracy is not None:
        near = np.full(there.shape, accuracy * _largest(there))
    rounding = (stored.dtype.kind in "fc" or accuracy is not None) and bool((apart <= near).all())
    return Deviation(float(apart.max()), _largest(there), rounding)


def libraries(there: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, ...]:
    """What the code that computed a realization has another version of than the code here, processor included."""
    names = [name for name in {**there, **here} if name not in _ALIKE and there.get(name) != here.get(name)]
    return tuple(f"{name} {there.get(name, 'absent')} there and {here.get(name, 'absent')} here" for name in names)


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    """All numbers of an array in a row, a complex one as two."""
    flat = np.ascontiguousarray(values).ravel()
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _largest(values: NDArray[Any]) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=~np.isnan(values)))
