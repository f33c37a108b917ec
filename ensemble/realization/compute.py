"""Functions that run on a worker: compute realizations, write them into their chunk, and return a receipt.

If a realization is cheap, one task computes and writes whole chunks (`compute_and_write`). If it is expensive, each
realization has its own task (`compute_realizations`), and one more task writes their chunk (`write_chunks`); Dask
recomputes the results that a lost worker held. With a time limit, realizations are computed in a subprocess of the
worker, which can be stopped. Every function may run twice, on any worker, with the same bits as result.
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

from ensemble.errors import ModelError, error_text
from ensemble.models.model import Model, measures_all
from ensemble.models.packing import PackedModel, pack, unpack
from ensemble.realization import time_limit
from ensemble.realization.comparison import compare_arrays
from ensemble.realization.random_streams import random_stream, random_streams, realization_key
from ensemble.store import ChunkRegion, Outcome, Receipt, digest, provenance, write_chunk
from ensemble.store.location import Location, parse_location

_COMPILING_TAKES_LESS = 60.0
"""Seconds; a first call that takes longer is expensive, whether or not it includes compilation."""
_LARGE_ROWS = 2**16
"""Bytes of one row of an observable; larger rows are hashed one by one."""
_TIMES = 128
"""Largest number of repetitions when a cheap realization is timed."""
_TIMING = 0.05
"""Largest duration of these repetitions, in seconds."""


@final
@dataclass(frozen=True)
class ComputeTask:
    """Common data of all tasks of one point, as sent to a worker."""

    store: str
    """Path or URL of the store, as seen from the worker."""
    model: PackedModel
    """The model with its parameters; a user's own model includes its source files."""
    seed: int
    """Seed of all random streams."""
    observables: tuple[str, ...]
    """Names of the observables to measure; no other observable is computed."""
    origin: provenance.CodeOrigin
    """Package source, commit and model file of the driver."""
    limit: float | None = None
    """Timeout of one realization in seconds; a realization that takes longer fails. None: no timeout."""
    token: str = ""
    """Token of the driver's lock, checked before a chunk is written; empty: not checked."""
    key: int = 0
    """Key of the point in digests."""
    one_by_one: bool = False
    """Whether realizations are measured one by one although the model has `measure_all`."""

    @classmethod
    def at(
        cls,
        store: Location,
        model: Model,
        seed: int,
        observables: Iterable[str],
        limit: float | None = None,
        token: str = "",
        key: int = 0,
    ) -> "ComputeTask":
        """Create the task data of one point."""
        origin = provenance.code_origin(type(model))
        return cls(str(store), pack(model), seed, tuple(observables), origin, limit, token, key)


@final
@dataclass(frozen=True)
class _Form:
    """Shape and dtype of an observable for one realization."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def compute_realizations(job: ComputeTask, indices: Sequence[int]) -> list[Outcome]:
    """Compute realizations of a point; a realization that raises an exception gives a failed outcome."""
    if job.limit is not None:
        return _compute_with_timeout(replace(job, limit=None), indices, job.limit)
    _limit_zarr_threads()
    model, forms = _unpacked(job.model, job.observables)
    if measures_all(model) and not job.one_by_one and (outcome := _outcome_of_all(model, forms, job.seed, indices)):
        return [outcome]
    generators = random_streams(job.seed, model, indices)
    return [_outcome(model, forms, job.seed, index, rng) for index, rng in zip(indices, generators, strict=True)]


def measure_disorder(job: ComputeTask, index: int) -> dict[str, NDArray[Any]]:
    """Return the observables of one realization; an exception of the model reaches the caller."""
    _limit_zarr_threads()
    model, forms = _unpacked(job.model, job.observables)
    return _measured(model, forms, random_stream(job.seed, model, index))


def write_chunks(job: ComputeTask, slot: ChunkRegion, *parts: Sequence[Outcome]) -> list[Receipt]:
    """Write the outcomes of one chunk, which may come from several tasks, and return the receipt."""
    _limit_zarr_threads()
    outcomes = sorted((outcome for part in parts for outcome in part), key=lambda outcome: outcome.indices[0])
    write_chunk(parse_location(job.store), slot, outcomes, job.observables, job.token)
    receipt = Receipt(
        slot=slot,
        failed={
            index: each.exception.partition("\n")[0]
            for each in outcomes
            if each.arrays is None
            for index in each.indices
        },
        seconds=sum(outcome.seconds for outcome in outcomes),
        provenance=provenance.current_code(job.origin),
        digests=_digests(job, slot, outcomes),
    )
    return [receipt]


def _digests(job: ComputeTask, slot: ChunkRegion, outcomes: Iterable[Outcome]) -> NDArray[np.uint32]:
    """Return the observables' part of each digest, in the order of the slot; 0 for realizations that failed."""
    measured = [(outcome.indices, outcome.arrays) for outcome in outcomes if outcome.arrays is not None]
    done = np.concatenate([np.asarray(indices) for indices, _ in measured] or [np.empty(0, np.int64)])
    parts = np.zeros(len(done), np.uint32)
    for name in job.observables if measured else ():
        rows = [arrays[name] for _, arrays in measured]
        if len(rows) > 1 and rows[0].nbytes > _LARGE_ROWS:  # concatenation would double the memory
            each = zip(measured, rows, strict=True)
            parts += np.concatenate([digest.of_rows(job.key, name, indices, some) for (indices, _), some in each])
        else:
            parts += digest.of_rows(job.key, name, done, rows[0] if len(rows) == 1 else np.concatenate(rows))
    digests = np.zeros(len(slot.indices), np.uint32)
    digests[np.searchsorted(slot.indices, done)] = parts
    return digests


def compute_and_write(work: Sequence[tuple[ComputeTask, Sequence[ChunkRegion]]]) -> list[Receipt]:
    """Compute and write whole chunks of one or several points, one after the other."""
    return [
        receipt
        for job, slots in work
        for slot in slots
        for receipt in write_chunks(job, slot, compute_realizations(job, slot.indices))
    ]


@final
@dataclass(frozen=True)
class Timing:
    """Result of timing one realization of a point."""

    seconds: float
    """Time of one realization, in seconds."""
    unlike: tuple[str, ...] = ()
    """Observables that differ when the realization is computed twice."""


def time_realization(job: ComputeTask, index: int, seconds: float = _TIMING) -> Timing:
    """Compute one realization of a point several times, to measure its time and to check that it can be repeated.

    Only realization `index` is computed, because other realizations may hang or kill the worker. The first call may
    include compilation, so the time is that of the second call; the first time counts only if it exceeds a minute or
    the time limit. A cheap realization is repeated up to 128 times or for about `seconds`; then the mean time is
    returned.
    """
    (first,) = compute_realizations(job, [index])
    if first.seconds > min(_COMPILING_TAKES_LESS, job.limit or math.inf):
        return Timing(first.seconds)
    (second,) = compute_realizations(replace(job, one_by_one=True), [index])
    unlike = _differing_observables(job, first, second)
    times = min(_TIMES, int(seconds / max(second.seconds, 1e-6)))
    if times < 2:
        return Timing(second.seconds, unlike)
    return Timing(sum(outcome.seconds for outcome in compute_realizations(job, [index] * times)) / times, unlike)


def _differing_observables(job: ComputeTask, first: Outcome, second: Outcome) -> tuple[str, ...]:
    """Return the observables in which two outcomes of one realization differ by more than rounding."""
    if first.arrays is None or second.arrays is None:
        return ()
    observables = unpack(job.model).observables
    apart = {
        name: compare_arrays(second.arrays[name][0], first.arrays[name][0], observables[name].accuracy)
        for name in job.observables
    }
    return tuple(name for name, each in apart.items() if each and not each.rounding)


def _compute_with_timeout(job: ComputeTask, indices: Sequence[int], limit: float) -> list[Outcome]:
    """Compute realizations with a timeout; a realization that exceeds it gives a failed outcome."""
    results = zip(indices, time_limit.each(compute_realizations, job, indices, limit), strict=True)
    return [
        Outcome((index,), None, result.told, result.seconds)
        if isinstance(result, time_limit.TimeLimitExceeded)
        else result
        for index, result in results
    ]


def _outcome(model: Model, forms: Mapping[str, _Form], seed: int, index: int, rng: np.random.Generator) -> Outcome:
    """Compute one realization."""
    started = time.perf_counter()
    try:
        arrays = _measured(model, forms, rng)
    except BaseException as error:  # also SystemExit and KeyboardInterrupt, if the model raises them; signals do not
        return Outcome(
            (index,), None, error_text(error, realization_key(seed, model, index)), time.perf_counter() - started
        )
    rows = {name: array[np.newaxis] for name, array in arrays.items()}
    return Outcome((index,), rows, "", time.perf_counter() - started)


def _outcome_of_all(model: Model, forms: Mapping[str, _Form], seed: int, indices: Sequence[int]) -> Outcome | None:
    """Compute realizations with `measure_all`; None if it raises an exception, as one by one shows which one fails."""
    started = time.perf_counter()
    try:
        disorders = [model.draw(rng) for rng in random_streams(seed, model, indices)]
        arrays = _checked(model, forms, model.measure_all(disorders), (len(indices),))
    except BaseException:  # computing one by one finds the failing realization
        return None
    return Outcome(indices, arrays, "", time.perf_counter() - started)


def _measured(model: Model, forms: Mapping[str, _Form], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    return _checked(model, forms, model.measure(model.draw(rng)), ())


def _checked(
    model: Model, forms: Mapping[str, _Form], measured: Mapping[str, Any], together: tuple[int, ...]
) -> dict[str, NDArray[Any]]:
    """Check the measured arrays against the declared observables and return copies of the chosen ones."""
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
    """Convert an array to the stored dtype; floats may be rounded, any other change of a value is an error."""
    if array.dtype == dtype:
        return array.astype(dtype)  # a copy: the model may reuse its array
    with np.errstate(all="ignore"):
        stored = array.astype(dtype)
    changed = np.isfinite(array) & ~np.isfinite(stored) if dtype.kind in "fc" else stored != array
    if changed.any():
        value = array[changed].flat[0]
        raise ModelError(f"{name} must be stored as {dtype}, which cannot hold {value}: declare a wider dtype")
    return stored


@functools.lru_cache(maxsize=64)
def _unpacked(packed: PackedModel, observables: tuple[str, ...]) -> tuple[Model, dict[str, _Form]]:
    """Unpack the model, and return the shape and dtype of each chosen observable."""
    model = unpack(packed)
    coords = model.coords()
    chosen = {name: model.observables[name] for name in observables}
    return model, {
        name: _Form(tuple(len(coords[dim]) for dim in observable.dims), np.dtype(observable.dtype))
        for name, observable in chosen.items()
    }


@functools.cache
def _limit_zarr_threads() -> None:
    """Limit Zarr to one thread, once per process: a worker has one core."""
    zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
