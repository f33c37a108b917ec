"""Recompute realizations in tasks; each task compares its realizations with the store."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from ensemble.errors import error_line
from ensemble.models.model import Model
from ensemble.realization.comparison import compare_arrays, different_versions
from ensemble.realization.compute import ComputeTask, measure_disorder
from ensemble.reduce.reading import map_chunks
from ensemble.run import Watch
from ensemble.store import ChunkRegion, Layout
from ensemble.store.integrity import Region, open_array, read
from ensemble.store.location import Location, parse_location
from ensemble.store.provenance import current_code
from ensemble.sweep import Point
from ensemble.verify.ledger_blocks import LedgerBlocks
from ensemble.verify.sampling import Sample

_MIN_SAMPLES = 5
"""A point counts as changed only if at least this many recomputed realizations differ, or all that it has."""
NOTHING = ""
"""Used instead of the name of an observable if recomputing a done realization raises an error."""


@final
@dataclass(frozen=True)
class RealizationDifference:
    """An observable of a realization whose recomputed value differs from the stored value."""

    cell: tuple[int, ...]
    """Grid indices of the point."""
    point: Point
    """The point."""
    realization: int
    """Index of the realization."""
    observable: str
    """Name of the observable, or `NOTHING`."""
    said: str
    """What is different."""

    def __str__(self) -> str:
        what = self.observable or "everything"
        return f"{what} at {self.point}, realization {self.realization}: {self.said}"


@final
@dataclass
class Recomputed:
    """The result of recomputing."""

    sample: NDArray[np.bool_]
    """Mask of the recomputed realizations: (axes..., realization)."""
    rounded: int = 0
    """Number of realizations that are equal up to rounding, with other library versions."""
    differences: list[RealizationDifference] = field(default_factory=list)
    """Observables that differ."""
    libraries: Counter[str] = field(default_factory=Counter)
    """Differences in the code version since the realizations were computed, with the number of realizations."""

    @property
    def count(self) -> int:
        """Number of recomputed realizations."""
        return int(np.count_nonzero(self.sample))

    def add(self, more: "Recomputed") -> None:
        """Add the result of recomputing more realizations."""
        self.sample |= more.sample
        self.rounded += more.rounded
        self.differences += more.differences
        self.libraries.update(more.libraries)

    def changed_cells(self, mismatched: NDArray[np.bool_]) -> list[tuple[int, ...]]:
        """The points where every recomputed realization differs; those that do not match their digests are ignored."""
        different = np.zeros(self.sample.shape, np.bool_)
        for each in self.differences:
            different[each.cell][each.realization] = True
        sample = self.sample & ~mismatched
        cells = np.ndindex(sample.shape[:-1])
        return [cell for cell in cells if sample[cell].any() and different[cell][sample[cell]].all()]


@final
@dataclass(frozen=True)
class _Answer:
    """The result of one task."""

    slot: ChunkRegion
    rounded: int
    different: list[tuple[int, str, str]]
    libraries: Counter[str]


def recompute(
    path: Location,
    layout: Layout,
    model: type[Model],
    ledger: LedgerBlocks,
    choice: Sample,
    client: Client | None,
    watch: Watch,
) -> Recomputed:
    """Recompute the sample; where all differ, recompute more realizations to decide whether the point has changed."""
    mismatched = np.zeros_like(choice.among) if choice.mismatched is None else choice.mismatched
    found = _recompute(path, layout, model, ledger, choice, client, watch)
    rest = np.zeros_like(choice.among)
    for cell in found.changed_cells(mismatched):
        if np.count_nonzero(found.sample[cell]) < _MIN_SAMPLES:
            rest[cell] = choice.among[cell] & ~found.sample[cell] & ~mismatched[cell]
    if rest.any():
        more = Sample(rest, layout.chunk, 0, choice.numbers, least=_MIN_SAMPLES - 1)
        found.add(_recompute(path, layout, model, ledger, more, client, watch))
    return found


def _recompute(
    path: Location,
    layout: Layout,
    model: type[Model],
    ledger: LedgerBlocks,
    choice: Sample,
    client: Client | None,
    watch: Watch,
) -> Recomputed:
    result = Recomputed(sample=choice.sample)
    watch.begin(result.count, 0)
    try:
        for answer in map_chunks(client, _compare, _tasks(path, layout, model, ledger, choice)):
            slot = answer.slot
            result.rounded += answer.rounded
            result.libraries.update(answer.libraries)
            if answer.different:
                (point,) = layout.at(slot.cell, model, path).points
                result.differences += [RealizationDifference(slot.cell, point, *each) for each in answer.different]
            watch.landed(len(slot.indices), 0)
            watch.tick()
    finally:
        watch.end()
    return result


def _tasks(
    path: Location, layout: Layout, model: type[Model], ledger: LedgerBlocks, choice: Sample
) -> Iterator[tuple[ComputeTask, ChunkRegion, tuple[Mapping[str, str], ...], Mapping[str, float | None]]]:
    """Arguments of the tasks, one task for each chunk.

    They are the point, the realizations, the code that computed each of them, and the accuracy of each observable.
    """
    accuracy = {name: model.observables[name].accuracy for name in layout.observables}
    cell, job = None, None
    for slot in choice.slots():
        if slot.cell != cell or job is None:
            (point,) = layout.at(slot.cell, model, path).points
            cell, job = slot.cell, ComputeTask.at(path, point.model, layout.seed, layout.observables)
        rows = ledger.provenance[slot.cell][list(slot.indices)].tolist()
        yield job, slot, tuple(ledger.codes[row] for row in rows), accuracy


def _compare(
    job: ComputeTask, slot: ChunkRegion, codes: Sequence[Mapping[str, str]], accuracy: Mapping[str, float | None]
) -> _Answer:
    """The task: recompute realizations and compare them with the stored ones."""
    first, last = slot.indices[0], slot.indices[-1]
    region: Region = (*slot.cell, slice(first, last + 1))
    stored = {name: read(open_array(parse_location(job.store), name), region) for name in job.observables}
    answer = _Answer(slot, 0, [], Counter())
    rounded = 0
    for index, code in zip(slot.indices, codes, strict=True):
        others = different_versions(code, current_code(job.origin))
        answer.libraries.update(others)
        try:
            arrays = measure_disorder(job, index)
        except BaseException as error:  # a model may raise anything, also SystemExit
            answer.different.append((index, NOTHING, f"it raises {error_line(error)}"))
            continue
        apart = {
            name: compare_arrays(arrays[name], stored[name][index - first], accuracy[name]) for name in job.observables
        }
        found = {name: each for name, each in apart.items() if each}
        excused = {name for name, each in found.items() if others and each.rounding}
        rounded += bool(found) and excused == set(found)
        answer.different.extend((index, name, str(each)) for name, each in found.items() if name not in excused)
    return _Answer(slot, rounded, answer.different, answer.libraries)
