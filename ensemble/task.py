"""The only code that a worker calls: realize a few, land a chunk.

A cheap model computes and lands whole chunks in one task (`realize_and_land`). An expensive one has a task for
every realization (`realize`), and one more that lands the chunk they make up (`land_all`); what a lost worker
held is computed again by Dask. Every function may run twice, anywhere, and leaves the same bits.
"""

import functools
import importlib.metadata
import platform
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import cloudpickle
import numpy as np
import zarr
from numpy.typing import NDArray

from ensemble.errors import ModelError
from ensemble.models.model import Model
from ensemble.realization import stream
from ensemble.store import Outcome, Receipt, Slot, land

_COMPILING_TAKES_LESS = 60.0
"""Seconds: a first call that took longer than this is costly whether it compiled something or not."""


@final
@dataclass(frozen=True)
class Job:
    """What all tasks at one point have in common, as it travels to a worker."""

    store: str
    """Path of the store, seen from the worker."""
    model: bytes
    """The model with its parameters, pickled; classes from a user's file are inside by value."""
    seed: int
    """The root of all random streams."""
    observables: tuple[str, ...]
    """Names of the observables to measure; no other is computed."""

    @classmethod
    def at(cls, store: Path, model: Model, seed: int, observables: Iterable[str]) -> "Job":
        """The job of one point."""
        return cls(str(store), cloudpickle.dumps(model), seed, tuple(observables))


def realize(job: Job, indices: Sequence[int]) -> list[Outcome]:
    """Compute some realizations of a point; one that raises is an outcome like any other."""
    _settle()
    model, shapes = _unpacked(job.model, job.observables)
    return [_outcome(model, shapes, job.seed, index) for index in indices]


def land_all(job: Job, slot: Slot, *parts: Sequence[Outcome]) -> list[Receipt]:
    """Land the outcomes of one chunk, from however many tasks they come."""
    _settle()
    outcomes = sorted((outcome for part in parts for outcome in part), key=lambda outcome: outcome.index)
    land(Path(job.store), slot, outcomes, job.observables)
    receipt = Receipt(
        slot=slot,
        failed={each.index: each.exception.partition("\n")[0] for each in outcomes if each.arrays is None},
        seconds=sum(outcome.seconds for outcome in outcomes),
        provenance=_provenance(),
    )
    return [receipt]


def realize_and_land(job: Job, slots: Sequence[Slot]) -> list[Receipt]:
    """Compute and land whole chunks, one after the other."""
    return [receipt for slot in slots for receipt in land_all(job, slot, realize(job, slot.indices))]


def seconds_each(job: Job, index: int) -> float:
    """What one realization of a point costs on this worker, compilation left out where it can be told apart."""
    (first,) = realize(job, [index])
    if first.seconds > _COMPILING_TAKES_LESS:
        return first.seconds
    (second,) = realize(job, [index])
    return second.seconds


def _outcome(model: Model, shapes: Mapping[str, tuple[int, ...]], seed: int, index: int) -> Outcome:
    started = time.perf_counter()
    try:
        disorder = model.draw(stream(seed, model, index))
        arrays = _checked(model, shapes, model.measure(disorder))
    except Exception as error:
        said = " ".join(str(error).split())
        text = f"{type(error).__name__}: {said}\n\n{traceback.format_exc()}"
        return Outcome(index, None, text, time.perf_counter() - started)
    return Outcome(index, arrays, "", time.perf_counter() - started)


def _checked(
    model: Model, shapes: Mapping[str, tuple[int, ...]], measured: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """The chosen arrays, each read once, if they are as the model has declared them."""
    if not set(shapes) <= set(measured):
        raise ModelError(f"measure must return {sorted(shapes)}, but it returned {sorted(measured)}")
    if not set(measured) <= set(model.observables):
        raise ModelError(f"measure must return {sorted(model.observables)}, but it returned {sorted(measured)}")
    arrays = {}
    for name, shape in shapes.items():
        observable = model.observables[name]
        array = np.asarray(measured[name])
        if array.shape != shape:
            raise ModelError(f"{name} must have the shape {shape} of {observable.dims}, but it has {array.shape}")
        if not np.can_cast(array.dtype, observable.dtype, "same_kind"):
            raise ModelError(f"{name} must be stored as {observable.dtype}, but it is {array.dtype}")
        arrays[name] = array.astype(observable.dtype)
    return arrays


@functools.lru_cache(maxsize=64)
def _unpacked(pickled: bytes, observables: tuple[str, ...]) -> tuple[Model, dict[str, tuple[int, ...]]]:
    """The model, and the shapes that the arrays of the chosen observables must have."""
    model: Model = cloudpickle.loads(pickled)
    coords = model.coords()
    return model, {name: tuple(len(coords[dim]) for dim in model.observables[name].dims) for name in observables}


@functools.cache
def _provenance() -> dict[str, str]:
    """The code and the machine that compute here."""
    packages = ("ensemble", "numpy", "scipy", "numba", "zarr")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {**versions, "python": platform.python_version(), "host": platform.node()}


@functools.cache
def _settle() -> None:
    """Once in a process: one worker is one core, so Zarr's own threads would only be in the way."""
    zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
