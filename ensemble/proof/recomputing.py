"""Realizations computed again, as tasks, and compared with the store where they are computed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from ensemble.agreement import deviation, libraries
from ensemble.failure import line_of
from ensemble.models.model import Model
from ensemble.proof.book import Book
from ensemble.proof.choice import Choice
from ensemble.provenance import here
from ensemble.reduce.reading import mapped
from ensemble.run import Watch
from ensemble.store import Layout, Slot
from ensemble.store.damage import Region, open_array, read
from ensemble.store.place import Place, place
from ensemble.sweep import Point
from ensemble.task import Job, measured

_MIN_SAMPLES = 5
"""Realizations of a point that have to differ, if it has so many, before the whole point counts as changed."""
NOTHING = ""
"""In the place of an observable, where a realization that was done raised instead of giving any."""


@final
@dataclass(frozen=True)
class Difference:
    """An observable of a realization that came out in another way than it is stored."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
    point: Point
    """The point."""
    realization: int
    """Which realization."""
    observable: str
    """Which observable, or NOTHING."""
    said: str
    """What is different."""

    def __str__(self) -> str:
        what = self.observable or "everything"
        return f"{what} at {self.point}, realization {self.realization}: {self.said}"


@final
@dataclass
class Recomputed:
    """What came of computing again."""

    sample: NDArray[np.bool_]
    """Which realizations were computed again."""
    rounded: int = 0
    """Of these, the same but for rounding, where libraries have other versions."""
    differences: list[Difference] = field(default_factory=list)
    """What is not the same."""
    libraries: Counter[str] = field(default_factory=Counter)
    """What has another version than when they were computed, and how many of them it concerns."""

    @property
    def count(self) -> int:
        """Realizations computed again."""
        return int(np.count_nonzero(self.sample))

    def add(self, more: "Recomputed") -> None:
        """Others that were computed again after these."""
        self.sample |= more.sample
        self.rounded += more.rounded
        self.differences += more.differences
        self.libraries.update(more.libraries)

    def changed_cells(self, mismatched: NDArray[np.bool_]) -> list[tuple[int, ...]]:
        """The points where every recomputed realization differs, those left out that do not match their digests."""
        different = np.zeros(self.sample.shape, np.bool_)
        for each in self.differences:
            different[each.cell][each.realization] = True
        sample = self.sample & ~mismatched
        cells = np.ndindex(sample.shape[:-1])
        return [cell for cell in cells if sample[cell].any() and different[cell][sample[cell]].all()]


@final
@dataclass(frozen=True)
class _Answer:
    """What a task tells."""

    slot: Slot
    rounded: int
    different: list[tuple[int, str, str]]
    libraries: Counter[str]


def recompute(
    path: Place, layout: Layout, model: type[Model], book: Book, choice: Choice, client: Client | None, watch: Watch
) -> Recomputed:
    """Recompute what was chosen, and more at points where everything differs, to tell whether the whole point does."""
    mismatched = np.zeros_like(choice.among) if choice.mismatched is None else choice.mismatched
    found = _recompute(path, layout, model, book, choice, client, watch)
    rest = np.zeros_like(choice.among)
    for cell in found.changed_cells(mismatched):
        if np.count_nonzero(found.sample[cell]) < _MIN_SAMPLES:
            rest[cell] = choice.among[cell] & ~found.sample[cell] & ~mismatched[cell]
    if rest.any():
        more = Choice(rest, layout.chunk, 0, choice.numbers, least=_MIN_SAMPLES - 1)
        found.add(_recompute(path, layout, model, book, more, client, watch))
    return found


def _recompute(
    path: Place, layout: Layout, model: type[Model], book: Book, choice: Choice, client: Client | None, watch: Watch
) -> Recomputed:
    told = Recomputed(sample=choice.sample)
    watch.begin(told.count, 0)
    try:
        for answer in mapped(client, _compare, _tasks(path, layout, model, book, choice)):
            slot = answer.slot
            told.rounded += answer.rounded
            told.libraries.update(answer.libraries)
            if answer.different:
                (point,) = layout.at(slot.cell, model, path).points
                told.differences += [Difference(slot.cell, point, *each) for each in answer.different]
            watch.landed(len(slot.indices), 0)
            watch.tick()
    finally:
        watch.end()
    return told


def _tasks(
    path: Place, layout: Layout, model: type[Model], book: Book, choice: Choice
) -> Iterator[tuple[Job, Slot, tuple[Mapping[str, str], ...], Mapping[str, float | None]]]:
    """A chunk each: what to compute in it, with which code that was computed before, and how accurate it is."""
    accuracy = {name: model.observables[name].accuracy for name in layout.observables}
    cell, job = None, None
    for slot in choice.slots():
        if slot.cell != cell or job is None:
            (point,) = layout.at(slot.cell, model, path).points
            cell, job = slot.cell, Job.at(path, point.model, layout.seed, layout.observables)
        rows = book.provenance[slot.cell][list(slot.indices)].tolist()
        yield job, slot, tuple(book.codes[row] for row in rows), accuracy


def _compare(job: Job, slot: Slot, codes: Sequence[Mapping[str, str]], accuracy: Mapping[str, float | None]) -> _Answer:
    """The task: compute realizations again and put them beside what is stored."""
    first, last = slot.indices[0], slot.indices[-1]
    region: Region = (*slot.cell, slice(first, last + 1))
    stored = {name: read(open_array(place(job.store), name), region) for name in job.observables}
    answer = _Answer(slot, 0, [], Counter())
    rounded = 0
    for index, code in zip(slot.indices, codes, strict=True):
        others = libraries(code, here(job.origin))
        answer.libraries.update(others)
        try:
            arrays = measured(job, index)
        except BaseException as error:  # whatever the model raises, SystemExit as well
            answer.different.append((index, NOTHING, f"it raises {line_of(error)}"))
            continue
        apart = {name: deviation(arrays[name], stored[name][index - first], accuracy[name]) for name in job.observables}
        found = {name: each for name, each in apart.items() if each}
        excused = {name for name, each in found.items() if others and each.rounding}
        rounded += bool(found) and excused == set(found)
        answer.different.extend((index, name, str(each)) for name, each in found.items() if name not in excused)
    return _Answer(slot, rounded, answer.different, answer.libraries)
