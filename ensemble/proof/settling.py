"""What was found by reading and by computing again, put together: which files are damaged, and what has to be computed.

a chunk that does not agree with its digests    is damaged: a run computes what does not agree
one that agrees, but comes out differently      a run computes all of it
a point of which all comes out differently      was recorded with other parameters or another model: computing it
                                                again would put two things into one store, so it is left alone
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.proof.book import Book
from ensemble.proof.choice import Choice
from ensemble.proof.damage import Damage, of_chunk
from ensemble.proof.reading import Absent
from ensemble.proof.recomputing import NOTHING, Difference, Recomputed
from ensemble.store import Layout, Status
from ensemble.store.group import ABSENT

Cell = tuple[int, ...]
STRANGE = "it is not what was recorded there"


@final
@dataclass(frozen=True)
class Settler:
    """All that was found about a store."""

    layout: Layout
    """What the store holds."""
    book: Book
    """What became of its realizations; takes note of what is lost and damaged."""
    arrays: Mapping[str, zarr.Array[Any]]
    """Its observables."""
    strange: NDArray[np.bool_]
    """The realizations that do not agree with their digests."""

    def settle(self, told: Recomputed, choice: Choice | None, foreign: Sequence[Cell]) -> None:
        """Enter into the book what is damaged or different, but for points that are foreign as a whole.

        Differences that come from damage are not told twice.
        """
        if choice:
            self._settle_absent(told, choice)
        self._settle_strange(told)
        length = self.layout.chunk
        for each in told.differences:
            if each.cell not in foreign:
                first = each.realization - each.realization % length
                self._lose(each.cell, first, first + length)

    def _settle_absent(self, told: Recomputed, choice: Choice) -> None:
        """Enter the absent chunks that should have been there."""
        length = self.layout.chunk
        seen = {self._source(each) for each in told.differences}
        absent: dict[tuple[str, Cell, int], Absent] = {
            (each.name, each.cell, each.number): each for each in choice.absent
        }
        robbed = {(name, cell) for name, cell, number in seen & set(absent)}
        for key, gone in absent.items():
            if key in seen or (gone not in choice.expected and (gone.name, gone.cell) in robbed):
                self.book.damages.append(of_chunk(self.arrays[gone.name], gone.chunk, self.layout.axes, ABSENT))
                self._lose(gone.cell, gone.number * length, (gone.number + 1) * length)
        told.differences = [each for each in told.differences if self._source(each) not in absent]

    def _settle_strange(self, told: Recomputed) -> None:
        """Enter the chunks that do not agree with their digests."""
        explained = {each for each in told.differences if self.strange[each.cell][each.realization]}
        for *cell, number in self._strange_chunks():
            place, first = tuple(cell), number * self.layout.chunk
            rows = np.flatnonzero(self.strange[place][first : first + self.layout.chunk]) + first
            names = {each.observable for each in explained if each.cell == place and each.realization in rows}
            if not names and told.sample[place][rows].any():
                found = [("digest", "the digests")]  # the observables come out as they are
            elif known := sorted(names - {NOTHING}) or self._only_observable:
                found = [(self._file(name, (*place, number)), name) for name in known]
            else:
                found = [(f"*/c/{'/'.join(map(str, (*place, number)))}", "an observable")]
            axes = {name: (values[at],) for (name, values), at in zip(self.layout.axes.items(), place, strict=True)}
            where = (axes, (int(rows[0]), int(rows[-1]) + 1))
            done = self.book.status[place][first : first + self.layout.chunk] == Status.DONE
            gone = len(rows) == np.count_nonzero(done)  # or else what is right in the file stays
            for file, holds in found:
                removable = gone and holds in self.layout.observables
                self.book.damages.append(Damage(file, holds, STRANGE, *where, removable=removable))
        told.differences = [each for each in told.differences if each not in explained]
        self.book.lost[...] |= self.strange

    @property
    def _only_observable(self) -> list[str]:
        """The observable, if there is no other."""
        return list(self.layout.observables) if len(self.layout.observables) == 1 else []

    def _file(self, name: str, chunk: Cell) -> str:
        """The file of a chunk of an observable, as seen from its store."""
        array = self.arrays[name]
        return f"{name}/{array.metadata.encode_chunk_key((*chunk, *(0 for _ in array.shape[len(chunk) :])))}"

    def _strange_chunks(self) -> list[list[int]]:
        """Where chunks are that hold realizations which do not agree with their digests."""
        starts = np.arange(0, self.strange.shape[-1], self.layout.chunk)
        found: list[list[int]] = np.argwhere(np.logical_or.reduceat(self.strange, starts, axis=-1)).tolist()
        return found

    def _lose(self, cell: Cell, first: int, last: int) -> None:
        """All that is done in a range of a point is to be computed again."""
        self.book.lost[cell][first:last] |= self.book.status[cell][first:last] == Status.DONE

    def _source(self, each: Difference) -> tuple[str, Cell, int]:
        """From which chunk a difference comes."""
        return each.observable, each.cell, each.realization // self.layout.chunk
