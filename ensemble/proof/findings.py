"""What reading and recomputing have found: which files are damaged, and which realizations have to be computed again.

content that does not match its digest       damaged: these realizations are computed again
content that matches, but comes out          its whole chunk is computed again
differently
a point where every recomputed sample        recorded with other parameters or another model: left alone, because
comes out differently                        recomputing a part of it would mix two ensembles in one store
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr

from ensemble.proof.book import Book
from ensemble.proof.choice import Choice
from ensemble.proof.damage import Damage, of_chunk
from ensemble.proof.digests import DigestCheck
from ensemble.proof.reading import Absent
from ensemble.proof.recomputing import NOTHING, Difference, Recomputed
from ensemble.store import Layout, Status
from ensemble.store.group import ABSENT

Cell = tuple[int, ...]
_MISMATCH = "its content does not match the recorded digest"


@final
@dataclass(frozen=True)
class Findings:
    """Enters into a book what was found."""

    layout: Layout
    """What the store holds."""
    book: Book
    """The status of its realizations; lost ones and damages are added to it."""
    arrays: Mapping[str, zarr.Array[Any]]
    """Its observables."""
    digests: DigestCheck
    """Which realizations match their digests."""

    def add(self, recomputed: Recomputed, choice: Choice | None, changed: Sequence[Cell]) -> None:
        """Mark what is damaged or different as lost, except at points that have changed as a whole.

        Differences that a damage explains are removed from the list of differences.
        """
        if choice:
            self._add_absent(recomputed, choice)
        self._add_mismatched(recomputed)
        for each in recomputed.differences:
            if each.cell not in changed:
                self._lose_chunk(each.cell, each.realization // self.layout.chunk)

    def _add_absent(self, recomputed: Recomputed, choice: Choice) -> None:
        """Add the absent chunks that should have been there."""
        different = {self._chunk_of(each) for each in recomputed.differences}
        absent: dict[tuple[str, Cell, int], Absent] = {
            (each.name, each.cell, each.number): each for each in choice.absent
        }
        incomplete = {(name, cell) for name, cell, _ in different & set(absent)}
        for key, each in absent.items():
            if key in different or (each not in choice.expected and (each.name, each.cell) in incomplete):
                self.book.damages.append(of_chunk(self.arrays[each.name], each.chunk, self.layout.axes, ABSENT))
                self._lose_chunk(each.cell, each.number)
        recomputed.differences = [each for each in recomputed.differences if self._chunk_of(each) not in absent]

    def _add_mismatched(self, recomputed: Recomputed) -> None:
        """Add the chunks whose realizations do not match their digests."""
        mismatched = self.digests.mismatched
        explained = {each for each in recomputed.differences if mismatched[each.cell][each.realization]}
        starts = np.arange(0, mismatched.shape[-1], self.layout.chunk)
        for *cell, number in np.argwhere(np.logical_or.reduceat(mismatched, starts, axis=-1)).tolist():
            here = {each for each in explained if self._chunk_of(each)[1:] == (tuple(cell), number)}
            self.book.damages += self._damages(tuple(cell), number, recomputed, here)
        recomputed.differences = [each for each in recomputed.differences if each not in explained]
        self.book.lost[...] |= mismatched

    def _damages(self, cell: Cell, number: int, recomputed: Recomputed, here: set[Difference]) -> list[Damage]:
        """The damages of one chunk, given the differences that were found in it."""
        first = number * self.layout.chunk
        chunk = slice(first, first + self.layout.chunk)
        rows = np.flatnonzero(self.digests.mismatched[cell][chunk]) + first
        axes = {name: (values[at],) for (name, values), at in zip(self.layout.axes.items(), cell, strict=True)}
        where = (axes, (int(rows[0]), int(rows[-1]) + 1))
        if not here and recomputed.sample[cell][rows].any():  # the observables are right, so the digests are wrong
            return [Damage("digest", "the digests", _MISMATCH, *where, removable=False)]
        names = sorted({each.observable for each in here} - {NOTHING})
        if not names and len(self.layout.observables) == 1:
            names = list(self.layout.observables)
        if not names:  # nothing was recomputed that would tell which one
            file = f"*/c/{'/'.join(map(str, (*cell, number)))}"
            return [Damage(file, "an observable", _MISMATCH, *where, removable=False)]
        all_wrong = len(rows) == np.count_nonzero(self.book.status[cell][chunk] == Status.DONE)
        files = ((self._file(name, cell, number), name) for name in names)
        return [Damage(file, name, _MISMATCH, *where, removable=all_wrong) for file, name in files]

    def _file(self, name: str, cell: Cell, number: int) -> str:
        """The file of a chunk of an observable, relative to the store."""
        array = self.arrays[name]
        inner = (0,) * (array.ndim - len(cell) - 1)
        return f"{name}/{array.metadata.encode_chunk_key((*cell, number, *inner))}"

    def _lose_chunk(self, cell: Cell, number: int) -> None:
        """Mark all realizations of a chunk that are done to be computed again."""
        chunk = slice(number * self.layout.chunk, (number + 1) * self.layout.chunk)
        self.book.lost[cell][chunk] |= self.book.status[cell][chunk] == Status.DONE

    def _chunk_of(self, each: Difference) -> tuple[str, Cell, int]:
        """The observable, point and chunk of a difference."""
        return each.observable, each.cell, each.realization // self.layout.chunk
