"""A whole store verified: its files read, some of its realizations computed again, and mended if that is asked for."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import zarr
from distributed import Client

from ensemble.cluster import Need, connect
from ensemble.errors import StoreError
from ensemble.models.model import Model
from ensemble.models.stored import Named
from ensemble.proof.binding import Binding
from ensemble.proof.book import Book, arrays_of
from ensemble.proof.choice import Choice
from ensemble.proof.damage import Damage, of_coordinates, of_metadata, of_points
from ensemble.proof.reading import read_all
from ensemble.proof.recomputing import Recomputed, recompute
from ensemble.proof.repair import Repair
from ensemble.proof.repair import repair as mend
from ensemble.proof.settling import Settler
from ensemble.run import Watch
from ensemble.store import Layout, Status, lock
from ensemble.store.build import sweep_up
from ensemble.store.group import dims, open_group
from ensemble.store.place import Place, place
from ensemble.store.points import TABLE
from ensemble.sweep import Point

_SURE = 5
"""So many realizations of a point have to come out differently, if it has so many, to find it foreign."""


@final
@dataclass(frozen=True)
class Foreign:
    """A point of which all realizations that were computed again come out differently, whatever their digests are."""

    point: Point
    """The point."""
    count: int
    """How many were computed again."""

    def __str__(self) -> str:
        some = "the one realization" if self.count == 1 else f"all {self.count} realizations"
        return f"{self.point}: {some} computed again, recorded with other parameters or by another model"


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
    unbound: int = 0
    """Realizations that an older version recorded, without a digest: only computing them again tells what is wrong."""
    foreign: list[Foreign] = field(default_factory=list)
    """Points that were recorded with other parameters or by another model: they are not repaired."""
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
        verdict = Verdict(driver)
        watches = (reading or Watch(), computing or Watch())
        model_class = _model(path, model, watches[1]) if fraction and not damages else None
        arrays = _data(group)
        need = _need(path, model_class, book) if model_class else Need()
        say = watches[1].say
        with connect(cluster, workers, say, need=need, dashboard=dashboard, insecure=insecure) as client:
            if damages:
                read_all(arrays, axes, book, None, client, watches[0])
            else:
                examination = _Examination(path, Layout.read(path), book, arrays, fraction, choice, client, watches)
                examination.fill(verdict, model_class)
        verdict.chunks = sum(array.nchunks for array in arrays.values())
        verdict.damages = [*damages, *book.damages, *of_points(group)]
        verdict.lost = int(book.lost.sum())
        if held and verdict.mendable and (verdict.damages or verdict.lost):
            others = [str(each) for each in verdict.recomputed.differences if book.lost[each.cell][each.realization]]
            mend(path, book.lost, verdict.damages, others, held.check)
            sweep_up(path)
            verdict.repaired = True
        return verdict


@final
@dataclass(frozen=True)
class _Examination:
    """A store whose metadata and coordinates are as they were written."""

    path: Place
    layout: Layout
    book: Book
    arrays: Mapping[str, zarr.Array[Any]]
    fraction: float
    choice: int
    client: Client | None
    watches: tuple[Watch, Watch]

    def fill(self, verdict: Verdict, model: type[Model] | None) -> None:
        """Read all chunks, compute some realizations again, and enter what was found."""
        reading, computing = self.watches
        binding = Binding(self.layout, self.book)
        absent = read_all(self.arrays, self.layout.axes, self.book, binding, self.client, reading)
        strange = binding.strangers()
        absent = [each for each in absent if not binding.agrees(each.cell, each.number, strange)]
        verdict.repairs, verdict.unbound = Repair.all_of(self.path), binding.unbound
        verdict.doubtful = 0 if model else len(absent)
        settler = Settler(self.layout, self.book, self.arrays, strange)
        if model is None:
            settler.settle(Recomputed(np.zeros_like(strange)), None, [])
            return
        number = (self.choice, len(verdict.repairs)) if verdict.repairs else (self.choice,)  # a repair is not certified
        among = (self.book.status == Status.DONE) & ~self.book.lost  # by the sample that it was made by
        choice = Choice(among, self.layout.chunk, self.fraction, number, absent, strange)
        told = recompute(self.path, self.layout, model, self.book, choice, self.client, computing)
        few = [cell for cell in told.all_differ(strange) if np.count_nonzero(told.sample[cell]) < _SURE]
        if few:
            rest = np.zeros_like(among)
            for cell in few:
                rest[cell] = among[cell] & ~told.sample[cell] & ~strange[cell]
            more = Choice(rest, self.layout.chunk, 0, number, least=_SURE - 1)
            told.add(recompute(self.path, self.layout, model, self.book, more, self.client, computing))
        foreign = told.all_differ(strange)
        settler.settle(told, choice, foreign)
        verdict.recomputed = told
        for cell in foreign:
            (point,) = self.layout.at(cell, model, self.path).points
            verdict.foreign.append(Foreign(point, int(np.count_nonzero(told.sample[cell] & ~strange[cell]))))


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
