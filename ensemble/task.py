"""The only code that a worker calls: realize a few, land a chunk.

A cheap model computes and lands whole chunks in one task (`realize_and_land`). An expensive one has a task for
every realization (`realize`), and one more that lands the chunk they make up (`land_all`); what a lost worker
held is computed again by Dask. Where time is limited, realizations are computed in a process beside the worker, which
can be ended. Every function may run twice, anywhere, and leaves the same bits.
"""

import functools
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble import guard, provenance
from ensemble.agreement import deviation
from ensemble.errors import ModelError
from ensemble.failure import text_of
from ensemble.models.model import Model, measures_all
from ensemble.models.packing import PackedModel, pack, unpack
from ensemble.realization import key, stream, streams
from ensemble.store import Outcome, Receipt, Slot, digest, land
from ensemble.store.place import Place, place

_COMPILING_TAKES_LESS = 60.0
"""Seconds: a first call that took longer than this is costly whether it compiled something or not."""
_LARGE_ROWS = 2**16
"""Bytes of one row of an observable from which on rows are hashed one by one."""
_TIMES = 128
"""So often a cheap realization is timed ..."""
_TIMING = 0.05
"""... or less, if that would take more seconds than this."""


@final
@dataclass(frozen=True)
class Job:
    """What all tasks at one point have in common, as it travels to a worker."""

    store: str
    """Path or URL of the store, seen from the worker."""
    model: PackedModel
    """The model with its parameters; the files of a user's own class are inside."""
    seed: int
    """The root of all random streams."""
    observables: tuple[str, ...]
    """Names of the observables to measure; no other is computed."""
    origin: provenance.Origin
    """What the driver knows of the code."""
    limit: float | None = None
    """Seconds that a realization may take; one that takes longer has failed."""
    token: str = ""
    """What the lock of the store holds while it is that of the driver; without it, nobody asks."""
    key: int = 0
    """The key of the point in digests."""
    one_by_one: bool = False
    """Whether realizations are measured one by one even where the model can measure many together."""

    @classmethod
    def at(
        cls,
        store: Place,
        model: Model,
        seed: int,
        observables: Iterable[str],
        limit: float | None = None,
        token: str = "",
        key: int = 0,
    ) -> "Job":
        """The job of one point."""
        origin = provenance.origin(type(model))
        return cls(str(store), pack(model), seed, tuple(observables), origin, limit, token, key)


@final
@dataclass(frozen=True)
class _Form:
    """What the array of an observable must look like for one realization."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def realize(job: Job, indices: Sequence[int]) -> list[Outcome]:
    """Compute some realizations of a point; one that raises is an outcome like any other."""
    if job.limit is not None:
        return _guarded(replace(job, limit=None), indices, job.limit)
    _settle()
    model, forms = _unpacked(job.model, job.observables)
    if measures_all(model) and not job.one_by_one and (outcome := _outcome_of_all(model, forms, job.seed, indices)):
        return [outcome]
    generators = streams(job.seed, model, indices)
    return [_outcome(model, forms, job.seed, index, rng) for index, rng in zip(indices, generators, strict=True)]


def measured(job: Job, index: int) -> dict[str, NDArray[Any]]:
    """The observables of one realization, to be looked at; what it raises goes on to the caller."""
    _settle()
    model, forms = _unpacked(job.model, job.observables)
    return _measured(model, forms, stream(job.seed, model, index))


def land_all(job: Job, slot: Slot, *parts: Sequence[Outcome]) -> list[Receipt]:
    """Land the outcomes of one chunk, from however many tasks they come."""
    _settle()
    outcomes = sorted((outcome for part in parts for outcome in part), key=lambda outcome: outcome.indices[0])
    land(place(job.store), slot, outcomes, job.observables, job.token)
    receipt = Receipt(
        slot=slot,
        failed={
            index: each.exception.partition("\n")[0]
            for each in outcomes
            if each.arrays is None
            for index in each.indices
        },
        seconds=sum(outcome.seconds for outcome in outcomes),
        provenance=provenance.here(job.origin),
        digests=_digests(job, slot, outcomes),
    )
    return [receipt]


def _digests(job: Job, slot: Slot, outcomes: Iterable[Outcome]) -> NDArray[np.uint32]:
    """The parts of the observables in the digests of what was computed, in the order of the slot; 0 for failures."""
    measured = [(outcome.indices, outcome.arrays) for outcome in outcomes if outcome.arrays is not None]
    done = np.concatenate([np.asarray(indices) for indices, _ in measured] or [np.empty(0, np.int64)])
    parts = np.zeros(len(done), np.uint32)
    for name in job.observables if measured else ():
        rows = [arrays[name] for _, arrays in measured]
        if len(rows) > 1 and rows[0].nbytes > _LARGE_ROWS:  # concatenating them would need as much memory again
            each = zip(measured, rows, strict=True)
            parts += np.concatenate([digest.of_rows(job.key, name, indices, some) for (indices, _), some in each])
        else:
            parts += digest.of_rows(job.key, name, done, rows[0] if len(rows) == 1 else np.concatenate(rows))
    digests = np.zeros(len(slot.indices), np.uint32)
    digests[np.searchsorted(slot.indices, done)] = parts
    return digests


def realize_and_land(work: Sequence[tuple[Job, Sequence[Slot]]]) -> list[Receipt]:
    """Compute and land whole chunks of one point or several, one after the other."""
    return [
        receipt for job, slots in work for slot in slots for receipt in land_all(job, slot, realize(job, slot.indices))
    ]


@final
@dataclass(frozen=True)
class Trial:
    """What computing one realization has shown about a point."""

    seconds: float
    """Time that a realization takes."""
    unlike: tuple[str, ...] = ()
    """Observables that differ when the realization is computed twice."""


def try_out(job: Job, index: int, seconds: float = _TIMING) -> Trial:
    """Compute one realization of a point, to measure its time and to see whether it can be repeated.

    Compilation is left out of its cost where it can be told apart. It is the only one that is computed, and a cheap one
    again and again, for so many `seconds`: others may hang, or kill a worker.
    """
    (first,) = realize(job, [index])
    if first.seconds > min(_COMPILING_TAKES_LESS, job.limit or math.inf):
        return Trial(first.seconds)
    (second,) = realize(replace(job, one_by_one=True), [index])
    unlike = _unlike(job, first, second)
    times = min(_TIMES, int(seconds / max(second.seconds, 1e-6)))
    if times < 2:
        return Trial(second.seconds, unlike)
    return Trial(sum(outcome.seconds for outcome in realize(job, [index] * times)) / times, unlike)


def _unlike(job: Job, first: Outcome, second: Outcome) -> tuple[str, ...]:
    """The observables in which two outcomes of one realization differ by more than rounding."""
    if first.arrays is None or second.arrays is None:
        return ()
    observables = unpack(job.model).observables
    apart = {
        name: deviation(second.arrays[name][0], first.arrays[name][0], observables[name].accuracy)
        for name in job.observables
    }
    return tuple(name for name, each in apart.items() if each and not each.rounding)


def _guarded(job: Job, indices: Sequence[int], limit: float) -> list[Outcome]:
    """Compute realizations where they can be stopped; one that had to be is an outcome like any other."""
    results = zip(indices, guard.each(realize, job, indices, limit), strict=True)
    return [
        Outcome((index,), None, result.told, result.seconds) if isinstance(result, guard.GivenUp) else result
        for index, result in results
    ]


def _outcome(model: Model, forms: Mapping[str, _Form], seed: int, index: int, rng: np.random.Generator) -> Outcome:
    """Compute one realization."""
    started = time.perf_counter()
    try:
        arrays = _measured(model, forms, rng)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the model raised them, no signal does here
        return Outcome((index,), None, text_of(error, key(seed, model, index)), time.perf_counter() - started)
    rows = {name: array[np.newaxis] for name, array in arrays.items()}
    return Outcome((index,), rows, "", time.perf_counter() - started)


def _outcome_of_all(model: Model, forms: Mapping[str, _Form], seed: int, indices: Sequence[int]) -> Outcome | None:
    """Compute realizations together; None if anything raises, and then one by one tells which is at fault."""
    started = time.perf_counter()
    try:
        disorders = [model.draw(rng) for rng in streams(seed, model, indices)]
        arrays = _checked(model, forms, model.measure_all(disorders), (len(indices),))
    except BaseException:  # one by one tells what it is
        return None
    return Outcome(indices, arrays, "", time.perf_counter() - started)


def _measured(model: Model, forms: Mapping[str, _Form], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    return _checked(model, forms, model.measure(model.draw(rng)), ())


def _checked(
    model: Model, forms: Mapping[str, _Form], measured: Mapping[str, Any], together: tuple[int, ...]
) -> dict[str, NDArray[Any]]:
    """The chosen arrays, each read once, if they are as the model has declared them; a model may use its own again."""
    names = set(measured)
    if not names >= forms.keys():
        raise ModelError(f"measure must return {sorted(forms)}, but it returned {sorted(names)}")
    if not names <= model.observables.keys():
        raise ModelError(f"measure must return {sorted(model.observables)}, but it returned {sorted(names)}")
    arrays = {}
    for name, form in forms.items():
        array, shape = np.asarray(measured[name]), together + form.shape
        if array.shape != shape:
            dims = model.observables[name].dims
            raise ModelError(f"{name} must have the shape {shape} of {dims}, but it has {array.shape}")
        if not np.can_cast(array.dtype, form.dtype, "same_kind"):
            raise ModelError(f"{name} must be stored as {form.dtype}, but it is {array.dtype}")
        arrays[name] = _stored(name, array, form.dtype)
    return arrays


def _stored(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array as it is stored: rounded to a narrower type of floats, but of the same values otherwise."""
    if array.dtype == dtype:
        return array.astype(dtype)  # a copy: the model may use its own again
    with np.errstate(all="ignore"):
        stored = array.astype(dtype)
    changed = np.isfinite(array) & ~np.isfinite(stored) if dtype.kind in "fc" else stored != array
    if changed.any():
        value = array[changed].flat[0]
        raise ModelError(f"{name} must be stored as {dtype}, which cannot hold {value}: declare a wider dtype")
    return stored


@functools.lru_cache(maxsize=64)
def _unpacked(packed: PackedModel, observables: tuple[str, ...]) -> tuple[Model, dict[str, _Form]]:
    """The model, and what the arrays of the chosen observables must look like."""
    model = unpack(packed)
    coords = model.coords()
    chosen = {name: model.observables[name] for name in observables}
    return model, {
        name: _Form(tuple(len(coords[dim]) for dim in observable.dims), np.dtype(observable.dtype))
        for name, observable in chosen.items()
    }


@functools.cache
def _settle() -> None:
    """Once in a process: one worker is one core, so Zarr's own threads would only be in the way."""
    zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
