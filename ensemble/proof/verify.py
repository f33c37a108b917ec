"""A whole store verified: its files read, some of its realizations computed again, and mended if that is asked for."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import zarr

from ensemble.cluster import Need, connect
from ensemble.errors import StoreError
from ensemble.models.model import Model
from ensemble.models.stored import Named
from ensemble.proof.book import Book, arrays_of
from ensemble.proof.choice import Choice
from ensemble.proof.damage import Damage, of_coordinates, of_metadata, of_points
from ensemble.proof.digests import DigestCheck
from ensemble.proof.findings import Findings
from ensemble.proof.reading import read_all
from ensemble.proof.recomputing import Recomputed, recompute
from ensemble.proof.repair import Repair
from ensemble.proof.repair import repair as mend
from ensemble.run import Watch
from ensemble.store import Layout, Status, lock
from ensemble.store.build import sweep_up
from ensemble.store.group import dims, open_group
from ensemble.store.place import Place, place
from ensemble.store.points import TABLE
from ensemble.sweep import Point


@final
@dataclass(frozen=True)
class ChangedPoint:
    """A point where every recomputed realization differs from the store, although it matches its digest."""

    point: Point
    """The point."""
    count: int
    """How many realizations were recomputed."""

    def __str__(self) -> str:
        every = "the recomputed realization differs" if self.count == 1 else f"all {self.count} recomputed differ"
        return f"{self.point}: {every}: it was recorded with other parameters or another model"


@final
@dataclass
class Verdict:
    """What was found."""

    driver: str | None = None
    """Who was at work on the store; then only what was done when this began counts."""
    chunks: int = 0
    """Chunks of observables and failures that were read or looked for."""
    damages: list[Damage] = field(default_factory=list)
    """Files that are not as they were written."""
    recomputed: Recomputed = field(default_factory=lambda: Recomputed(np.zeros(0, np.bool_)))
    """What came of computing again."""
    doubtful: int = 0
    """Absent chunks of which nothing was computed again, so that nobody knows whether they should be there."""
    without_digest: int = 0
    """Realizations that an older version recorded, without a digest: only recomputing them finds what is wrong."""
    changed_points: list[ChangedPoint] = field(default_factory=list)
    """Points that were recorded with other parameters or another model; a repair leaves them alone."""
    repairs: list[Repair] = field(default_factory=list)
    """What was repaired before."""
    lost: int = 0
    """Realizations that have to be computed again."""
    repaired: bool = False
    """Whether they are marked to be."""

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages and not self.recomputed.differences

    @property
    def mendable(self) -> bool:
        """Whether computing again brings back all that is damaged."""
        return all(damage.mendable for damage in self.damages)


def verify(
    store: str | Place,
    *,
    fraction: float = 0.01,
    choice: int = 0,
    repair: bool = False,
    model: Named | None = None,
    cluster: str = "local",
    workers: int | None = None,
    reading: Watch | None = None,
    computing: Watch | None = None,
    dashboard: bool = False,
    insecure: bool = False,
) -> Verdict:
    """Read every chunk of a store, and compute a fraction of its realizations again: at least one of every point.

    A `fraction` of 0 computes none. Another `choice` is another sample. `repair` marks what is damaged or different
    to be computed again, which is then for a run to do; it needs the store for itself. `model` is the class of the
    model, or FILE.py, FILE.py:CLASS or MODULE:CLASS; by default only an installed model is found. One watch is told of
    chunks that are read, the other of realizations and of the file that is imported. `cluster`, `workers`, `dashboard`
    and `insecure` are those of `run_sweep`.
    """
    path = place(store).absolute()
    if not 0 <= fraction <= 1:
        raise StoreError(f"the fraction that is computed again must be between 0 and 1, got {fraction:g}")
    with lock.hold(path) if repair and path.is_dir() else contextlib.nullcontext() as held:
        driver = None if repair else lock.holder(path)
        if damages := of_metadata(path):
            return Verdict(driver, damages=damages)
        group = open_group(path)
        axes, damages = of_coordinates(group)
        book = Book.read(group, axes, quiet=driver is None)
        verdict = Verdict(driver, recomputed=Recomputed(np.zeros_like(book.lost)))
        reading, computing = reading or Watch(), computing or Watch()
        model_class = _model(path, model, computing) if fraction and not damages else None
        arrays = _data(group)
        need = _need(path, model_class, book) if model_class else Need()
        say = computing.say
        with connect(cluster, workers, say, need=need, dashboard=dashboard, insecure=insecure) as client:
            if damages:
                read_all(arrays, axes, book, None, client, reading)
            else:
                layout = Layout.read(path)
                digests = DigestCheck(layout, book)
                absent = read_all(arrays, axes, book, digests, client, reading)
                absent = [each for each in absent if not digests.chunk_matches(each.cell, each.number)]
                verdict.repairs, verdict.without_digest = Repair.all_of(path), digests.without_digest
                chosen = None
                if model_class:
                    # a sample that led to a repair must not be the one that confirms it
                    numbers = (choice, len(verdict.repairs)) if verdict.repairs else (choice,)
                    done = (book.status == Status.DONE) & ~book.lost
                    chosen = Choice(done, layout.chunk, fraction, numbers, absent, digests.mismatched)
                    verdict.recomputed = recompute(path, layout, model_class, book, chosen, client, computing)
                else:
                    verdict.doubtful = len(absent)
                changed = verdict.recomputed.changed_cells(digests.mismatched)
                Findings(layout, book, arrays, digests).add(verdict.recomputed, chosen, changed)
                verdict.changed_points = [
                    ChangedPoint(point, int(np.count_nonzero(verdict.recomputed.sample[cell])))
                    for cell in changed
                    if model_class
                    for point in layout.at(cell, model_class, path).points
                ]
        verdict.chunks = sum(array.nchunks for array in arrays.values())
        verdict.damages = [*damages, *book.damages, *of_points(group)]
        verdict.lost = int(book.lost.sum())
        if held and verdict.mendable and (verdict.damages or verdict.lost):
            others = [str(each) for each in verdict.recomputed.differences if book.lost[each.cell][each.realization]]
            mend(path, book.lost, verdict.damages, others, held.check)
            sweep_up(path)
            verdict.repaired = True
        return verdict


def _model(path: Place, named: Named | None, watch: Watch) -> type[Model]:
    """The model of a store, if it still is what the store holds."""
    layout = Layout.read(path)
    model = layout.find_model(path, named, watch.say)
    layout.at((0,) * len(layout.axes), model, path)
    return model


def _need(path: Place, model: type[Model], book: Book) -> Need:
    """The most memory that a realization takes which may be computed again."""
    if model.memory is Model.memory:
        return Need()
    layout, done = Layout.read(path), (book.status == Status.DONE).any(axis=-1)
    cells = (cell for cell in np.ndindex(done.shape) if done[cell])
    return Need.of(point for cell in cells for point in layout.at(cell, model, path).points)


def _data(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """What workers write: the observables, and what realizations raised."""
    others = {*arrays_of(group), *TABLE}
    return {name: array for name, array in group.arrays() if name not in others and dims(array) != (name,)}
