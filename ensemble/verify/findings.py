"""Combine the results of reading and recomputing: which files are damaged, and which realizations are recomputed.

- If stored data do not match their digest, they are damaged. These realizations are marked as lost, to be recomputed.
- If stored data match their digest, but recomputing gives different values, all done realizations of the chunk are
  marked as lost.
- If all recomputed realizations of a point differ, the point was computed with other parameters or another model. It is
  not changed, because recomputing a part of it would mix two ensembles in one store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr

from ensemble.store import Layout, Status
from ensemble.store.group import ABSENT
from ensemble.verify.digests import DigestCheck
from ensemble.verify.file_checks import Damage, check_chunk_file
from ensemble.verify.ledger_blocks import LedgerBlocks
from ensemble.verify.reading import MissingChunk
from ensemble.verify.recompute import NOTHING, RealizationDifference, Recomputed
from ensemble.verify.sampling import Sample

Cell = tuple[int, ...]
_MISMATCH = "its content does not match the recorded digest"


@final
@dataclass(frozen=True)
class Findings:
    """Adds damages and lost realizations to the ledger."""

    layout: Layout
    """Layout of the store."""
    ledger: LedgerBlocks
    """The ledger of the store, to which lost realizations and damages are added."""
    arrays: Mapping[str, zarr.Array[Any]]
    """Arrays of the observables, by name."""
    digests: DigestCheck
    """Which realizations match their digests."""

    def add(self, recomputed: Recomputed, choice: Sample | None, changed: Sequence[Cell]) -> None:
        """Mark damaged and different realizations as lost, except differences at the points `changed`.

        Differences that are explained by a damage are removed from `recomputed.differences`.
        """
        if choice:
            self._add_absent(recomputed, choice)
        self._add_mismatched(recomputed)
        for each in recomputed.differences:
            if each.cell not in changed:
                self._lose_chunk(each.cell, each.realization // self.layout.chunk)

    def _add_absent(self, recomputed: Recomputed, choice: Sample) -> None:
        """Add the absent chunks that should exist."""
        different = {self._chunk_of(each) for each in recomputed.differences}
        absent: dict[tuple[str, Cell, int], MissingChunk] = {
            (each.name, each.cell, each.number): each for each in choice.absent
        }
        incomplete = {(name, cell) for name, cell, _ in different & set(absent)}
        for key, each in absent.items():
            if key in different or (each not in choice.expected and (each.name, each.cell) in incomplete):
                self.ledger.damages.append(
                    check_chunk_file(self.arrays[each.name], each.chunk, self.layout.axes, ABSENT)
                )
                self._lose_chunk(each.cell, each.number)
        recomputed.differences = [each for each in recomputed.differences if self._chunk_of(each) not in absent]

    def _add_mismatched(self, recomputed: Recomputed) -> None:
        """Add the chunks whose realizations do not match their digests."""
        mismatched = self.digests.mismatched
        explained = {each for each in recomputed.differences if mismatched[each.cell][each.realization]}
        starts = np.arange(0, mismatched.shape[-1], self.layout.chunk)
        for *cell, number in np.argwhere(np.logical_or.reduceat(mismatched, starts, axis=-1)).tolist():
            in_chunk = {each for each in explained if self._chunk_of(each)[1:] == (tuple(cell), number)}
            self.ledger.damages += self._damages(tuple(cell), number, recomputed, in_chunk)
        recomputed.differences = [each for each in recomputed.differences if each not in explained]
        self.ledger.lost[...] |= mismatched

    def _damages(
        self, cell: Cell, number: int, recomputed: Recomputed, in_chunk: set[RealizationDifference]
    ) -> list[Damage]:
        """The damages of one chunk, given the differences `in_chunk` that were found in it."""
        first = number * self.layout.chunk
        chunk = slice(first, first + self.layout.chunk)
        rows = np.flatnonzero(self.digests.mismatched[cell][chunk]) + first
        axes = {name: (values[at],) for (name, values), at in zip(self.layout.axes.items(), cell, strict=True)}
        where = (axes, (int(rows[0]), int(rows[-1]) + 1))
        # If recomputed realizations do not differ, the observables are correct and the digests are wrong.
        if not in_chunk and recomputed.sample[cell][rows].any():
            return [Damage("digest", "the digests", _MISMATCH, *where, removable=False)]
        names = sorted({each.observable for each in in_chunk} - {NOTHING})
        if not names and len(self.layout.observables) == 1:
            names = list(self.layout.observables)
        if not names:  # no recomputed realization shows which observable is wrong
            file = f"*/c/{'/'.join(map(str, (*cell, number)))}"
            return [Damage(file, "an observable", _MISMATCH, *where, removable=False)]
        all_wrong = len(rows) == np.count_nonzero(self.ledger.status[cell][chunk] == Status.DONE)
        files = ((self._file(name, cell, number), name) for name in names)
        return [Damage(file, name, _MISMATCH, *where, removable=all_wrong) for file, name in files]

    def _file(self, name: str, cell: Cell, number: int) -> str:
        """Path of the file of a chunk of an observable, relative to the store."""
        array = self.arrays[name]
        inner = (0,) * (array.ndim - len(cell) - 1)
        return f"{name}/{array.metadata.encode_chunk_key((*cell, number, *inner))}"

    def _lose_chunk(self, cell: Cell, number: int) -> None:
        """Mark all done realizations of a chunk as lost."""
        chunk = slice(number * self.layout.chunk, (number + 1) * self.layout.chunk)
        self.ledger.lost[cell][chunk] |= self.ledger.status[cell][chunk] == Status.DONE

    def _chunk_of(self, each: RealizationDifference) -> tuple[str, Cell, int]:
        """The observable, point and chunk number of a difference."""
        return each.observable, each.cell, each.realization // self.layout.chunk
