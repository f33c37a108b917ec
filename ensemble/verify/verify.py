"""Verify a whole store: read all files, recompute a sample of realizations, and repair the store on request."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import zarr

from ensemble.cluster import MemoryNeed, connect
from ensemble.errors import StoreError
from ensemble.models.model import Model
from ensemble.models.stored import Named
from ensemble.run import Watch
from ensemble.store import Layout, Status, lock
from ensemble.store.creation import sweep_up
from ensemble.store.group import dims, open_group
from ensemble.store.location import Location, parse_location
from ensemble.store.point_summary import TABLE
from ensemble.sweep import Point
from ensemble.verify.digests import DigestCheck
from ensemble.verify.file_checks import Damage, check_coordinate_values, check_metadata_files, check_point_files
from ensemble.verify.findings import Findings
from ensemble.verify.ledger_blocks import LedgerBlocks, arrays_of
from ensemble.verify.reading import read_all
from ensemble.verify.recompute import Recomputed, recompute
from ensemble.verify.repair import Repair
from ensemble.verify.repair import repair as repair_store
from ensemble.verify.sampling import Sample


@final
@dataclass(frozen=True)
class ChangedPoint:
    """A point where every recomputed realization differs from the store, although the store matches its digests."""

    point: Point
    """The point."""
    count: int
    """Number of recomputed realizations."""

    def __str__(self) -> str:
        every = "the recomputed realization differs" if self.count == 1 else f"all {self.count} recomputed differ"
        return f"{self.point}: {every}: it was recorded with other parameters or another model"


@final
@dataclass
class VerifyResult:
    """The result of `verify`."""

    driver: str | None = None
    """The driver that was running on the store, if any; then only realizations done at the beginning are verified."""
    chunks: int = 0
    """Number of chunks of observables and error texts that were read, or found missing."""
    damages: list[Damage] = field(default_factory=list)
    """Damaged files."""
    recomputed: Recomputed = field(default_factory=lambda: Recomputed(np.zeros(0, np.bool_)))
    """The result of recomputing."""
    doubtful: int = 0
    """Number of missing chunks that may be damage or not, because no realization of them was recomputed."""
    without_digest: int = 0
    """Number of realizations without digests, from older versions; only recomputing them can find errors."""
    changed_points: list[ChangedPoint] = field(default_factory=list)
    """Points that were computed with other parameters or another model; a repair does not change them."""
    repairs: list[Repair] = field(default_factory=list)
    """Earlier repairs of the store."""
    lost: int = 0
    """Number of realizations that must be recomputed."""
    repaired: bool = False
    """Whether the store was repaired: the lost realizations were set to todo."""

    @property
    def well(self) -> bool:
        """Whether there is no damage and no difference."""
        return not self.damages and not self.recomputed.differences

    @property
    def mendable(self) -> bool:
        """Whether recomputing restores all damaged files."""
        return all(damage.mendable for damage in self.damages)


def verify(
    store: str | Location,
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
) -> VerifyResult:
    """Verify a store: read every chunk, recompute a sample of its realizations, and repair it on request.

    Parameters
    ----------
    store
        Path or URL of the store.
    fraction
        Fraction of the realizations that is recomputed, at least one at every point; 0 recomputes none. Default: 0.01.
    choice
        Seed of the sample; another value gives another sample. Default: 0.
    repair
        If true, delete damaged files, and set damaged and different realizations to todo; a later run computes them
        again. Nothing is changed if recomputing cannot restore all damaged files. This needs the lock of the store, so
        no run may be active. Default: false.
    model
        Class of the model, or where it is: FILE.py, FILE.py:CLASS or MODULE:CLASS. Default: an installed model.
    cluster
        Where the tasks run, as for `run_sweep`. Default: "local", this machine.
    workers
        Number of workers, as for `run_sweep`.
    reading
        Watch that receives the progress of reading, in chunks.
    computing
        Watch that receives the progress of recomputing, in realizations, and messages.
    dashboard
        Start Dask's dashboard, as for `run_sweep`. Default: false.
    insecure
        Start local workers without encryption, as for `run_sweep`. Default: false.

    Returns
    -------
    VerifyResult
        Damaged files, differences, and the number of lost realizations.

    Raises
    ------
    StoreError
        If `fraction` is not between 0 and 1, or if the store cannot be opened.
    StoreLocked
        If `repair` is true and a run is active.
    ModelNotNamed
        If realizations are recomputed, the model of the store is not installed and `model` is not given.
    """
    path = parse_location(store).absolute()
    if not 0 <= fraction <= 1:
        raise StoreError(f"the fraction that is computed again must be between 0 and 1, got {fraction:g}")
    with lock.hold(path) if repair and path.is_dir() else contextlib.nullcontext() as held:
        driver = None if repair else lock.holder(path)
        if damages := check_metadata_files(path):
            return VerifyResult(driver, damages=damages)
        group = open_group(path)
        axes, damages = check_coordinate_values(group)
        ledger = LedgerBlocks.read(group, axes, quiet=driver is None)
        result = VerifyResult(driver, recomputed=Recomputed(np.zeros_like(ledger.lost)))
        reading, computing = reading or Watch(), computing or Watch()
        model_class = _model(path, model, computing) if fraction and not damages else None
        arrays = _data(group)
        need = _need(path, model_class, ledger) if model_class else MemoryNeed()
        say = computing.say
        with connect(cluster, workers, say, need=need, dashboard=dashboard, insecure=insecure) as client:
            if damages:
                read_all(arrays, axes, ledger, None, client, reading)
            else:
                layout = Layout.read(path)
                digests = DigestCheck(layout, ledger)
                absent = read_all(arrays, axes, ledger, digests, client, reading)
                absent = [each for each in absent if not digests.chunk_matches(each.cell, each.number)]
                result.repairs, result.without_digest = Repair.all_of(path), digests.without_digest
                chosen = None
                if model_class:
                    # a repair must be confirmed with a sample other than the one that led to it
                    numbers = (choice, len(result.repairs)) if result.repairs else (choice,)
                    done = (ledger.status == Status.DONE) & ~ledger.lost
                    chosen = Sample(done, layout.chunk, fraction, numbers, absent, digests.mismatched)
                    result.recomputed = recompute(path, layout, model_class, ledger, chosen, client, computing)
                else:
                    result.doubtful = len(absent)
                changed = result.recomputed.changed_cells(digests.mismatched)
                Findings(layout, ledger, arrays, digests).add(result.recomputed, chosen, changed)
                result.changed_points = [
                    ChangedPoint(point, int(np.count_nonzero(result.recomputed.sample[cell])))
                    for cell in changed
                    if model_class
                    for point in layout.at(cell, model_class, path).points
                ]
        result.chunks = sum(array.nchunks for array in arrays.values())
        result.damages = [*damages, *ledger.damages, *check_point_files(group)]
        result.lost = int(ledger.lost.sum())
        if held and result.mendable and (result.damages or result.lost):
            others = [str(each) for each in result.recomputed.differences if ledger.lost[each.cell][each.realization]]
            repair_store(path, ledger.lost, result.damages, others, held.check)
            sweep_up(path)
            result.repaired = True
        return result


def _model(path: Location, named: Named | None, watch: Watch) -> type[Model]:
    """The model of a store; raises an error if the model has changed since the store was created."""
    layout = Layout.read(path)
    model = layout.find_model(path, named, watch.say)
    layout.at((0,) * len(layout.axes), model, path)
    return model


def _need(path: Location, model: type[Model], ledger: LedgerBlocks) -> MemoryNeed:
    """The largest memory that a realization at any point with done realizations needs."""
    if model.memory is Model.memory:
        return MemoryNeed()
    layout, done = Layout.read(path), (ledger.status == Status.DONE).any(axis=-1)
    cells = (cell for cell in np.ndindex(done.shape) if done[cell])
    return MemoryNeed.of(point for cell in cells for point in layout.at(cell, model, path).points)


def _data(group: zarr.Group) -> dict[str, zarr.Array[Any]]:
    """The arrays that workers write: the observables and the error texts."""
    others = {*arrays_of(group), *TABLE}
    return {name: array for name, array in group.arrays() if name not in others and dims(array) != (name,)}
