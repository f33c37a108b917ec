"""The unit of landing: one point, a run of realizations; a worker writes it whole, and nobody else does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import StoreError


@final
@dataclass(frozen=True)
class Slot:
    """A chunk of the store, and which of its realizations are to be computed."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
    start: int
    """First realization of the chunk."""
    stop: int
    """One past its last."""
    indices: tuple[int, ...]
    """Realizations to compute, in increasing order."""


@final
@dataclass(frozen=True)
class Outcome:
    """What became of one realization."""

    index: int
    """Which realization."""
    arrays: Mapping[str, NDArray[Any]] | None
    """Its observables; None if it failed."""
    exception: str = ""
    """If it failed: one line that says how, and below it the traceback."""
    seconds: float = 0.0
    """What it took."""


def land(store: Path, slot: Slot, outcomes: Iterable[Outcome], observables: Iterable[str]) -> None:
    """Write the outcomes into their chunk and keep what else the chunk holds.

    May be called twice with the same outcomes, at any time: what it writes depends on nothing but them.
    """
    outcomes = list(outcomes)
    failed = {outcome.index: outcome.exception for outcome in outcomes if outcome.arrays is None}
    try:
        for name in observables:
            rows = {outcome.index: outcome.arrays[name] for outcome in outcomes if outcome.arrays is not None}
            array = zarr.open_array(str(store / name), mode="r+")
            _write(array, slot, rows, clear=failed)
        texts = zarr.open_array(str(store / "exception"), mode="r+")
        _write(texts, slot, failed, clear=(outcome.index for outcome in outcomes if outcome.index not in failed))
    except (OSError, ValueError) as error:
        raise StoreError(f"a chunk of {store} could not be written: {type(error).__name__}: {error}") from error


def _write(array: zarr.Array[Any], slot: Slot, rows: Mapping[int, Any], clear: Iterable[int]) -> None:
    """Put rows into a chunk and fill values where rows are to be cleared, in one atomic write of the chunk."""
    region: tuple[int | slice, ...] = (*slot.cell, slice(slot.start, slot.stop))
    block = np.array(array[region])
    before = block.copy()
    for index in clear:
        block[index - slot.start] = array.fill_value
    for index, row in rows.items():
        block[index - slot.start] = row
    if rows or not np.array_equal(block, before, equal_nan=block.dtype.kind in "fc"):
        array[region] = block
