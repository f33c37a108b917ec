"""Create a store, and grow it.

A store is created in a temporary folder and then renamed, so an incomplete store is never visible. It grows in three
steps: the arrays are resized, the coordinates are written, and the group's metadata are committed by an atomic write.
Until the commit, readers use the consolidated metadata with the old shape. If a driver dies in between, the next driver
repeats these steps. A store of an older format gets its missing arrays in the same way.
"""

import contextlib
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import zarr

from ensemble.errors import LockLost, StoreError, StoreUnreachable
from ensemble.models.model import Model, labels
from ensemble.store import digest, point_summary
from ensemble.store.group import COMPRESSORS, FORMAT, attributes, commit, is_committed, member, open_group
from ensemble.store.integrity import WHOLE
from ensemble.store.layout import EPOCH, LEDGER_ARRAYS, OWN, Layout, Status
from ensemble.store.location import Location, made_aside
from ensemble.store.object_storage import ObjectStorageLocation

_POINTS, _REALIZATIONS, _ENTRIES = 64, 65536, 64 * 4096
"""Chunks of the ledger: largest number of points (equally many along all axes), of realizations, and of entries."""
_LEDGER_FIELDS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "status": (
        "uint8",
        Status.TODO.value,
        {
            "long_name": "what became of the realization",
            "flag_values": [int(each) for each in Status],
            "flag_meanings": " ".join(each.name.lower() for each in Status),
        },
    ),
    "digest": ("uint32", digest.NO_DIGEST, {"long_name": "digest that binds the realization to its place"}),
    "provenance": ("int16", -1, {"long_name": "row in the table of code versions, an attribute of the store"}),
    "attempts": ("uint8", 0, {"long_name": "how often the realization was computed and recorded", "units": "1"}),
    "landed": (
        "uint32",
        0,
        {
            "long_name": "when the realization was recorded last, by the clock of the driver",
            "units": f"seconds since {EPOCH:%Y-%m-%dT%H:%M:%SZ}",
            "calendar": "proleptic_gregorian",
            "_FillValue": 0,
        },
    ),
}
"""The ledger arrays: dtype, fill value, attributes."""
_COORDINATE_CHUNK = 65536
"""Chunk length of axes; it is large, so that a reader with the old shape reads a grown axis correctly."""


def create(path: Location, layout: Layout, model: type[Model], check: Callable[[], None] = lambda: None) -> None:
    """Create a new, empty store in a temporary folder; `check` (of the lock) is called before it is renamed."""
    try:
        with made_aside(path, check) as aside:
            group = zarr.create_group(str(aside), zarr_format=3)
            _make_arrays(group, layout)
            _make_ledger(group, layout, block_shape(layout.shape[:-1]))
            member(group, "digest").attrs[WHOLE] = 1
            _make_coordinates(group, layout, model)
            commit(aside, _attributes(layout, provenance=[], repairs=[]))
    except (LockLost, StoreUnreachable):
        raise
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made: {error.strerror}; give another --store") from error


def sweep_up(path: Location) -> None:
    """Remove temporary files of killed writers, before and after a run: files that Zarr had not yet renamed."""
    if isinstance(path, ObjectStorageLocation):
        return  # a write of an object is atomic
    with contextlib.suppress(OSError):  # leftover files only use disk space
        for left in path.rglob("*.partial"):
            left.unlink(missing_ok=True)


def grow(path: Location, layout: Layout, check: Callable[[], None]) -> None:
    """Grow the store at `path` to the shape of `layout`; existing entries keep their positions."""
    group = open_group(path, writable=True)
    check()
    point_summary.make(group, layout.axes, layout.shape[:-1], layout.asked)
    _make_ledger(group, layout, member(group, "status").chunks)
    for name in (*OWN, *layout.observables):
        array = member(group, name)
        array.resize((*layout.shape, *array.shape[len(layout.shape) :]))
    for name, values in (*layout.axes.items(), ("realization", range(layout.realizations))):
        array = member(group, name)
        array.resize((len(values),))
        array[:] = np.asarray(values, dtype=array.dtype)
    known = attributes(group)
    commit(path, _attributes(layout, known["provenance"], known["repairs"]), check)


def is_settled(path: Location, layout: Layout) -> bool:
    """Return whether the store has the current format and its arrays have the committed shape.

    The result is False if an older version created the store, or if a driver died while it resized the arrays.
    """
    group = open_group(path, writable=True)
    if attributes(group)["ensemble_format"] != FORMAT or not is_committed(path):
        return False
    rank = len(layout.shape)
    return point_summary.settled(group, layout.shape[:-1], layout.asked) and all(
        member(group, name).shape[:rank] == layout.shape for name in (*OWN, *layout.observables)
    )


def block_shape(lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the chunk shape of the ledger of a new store, for these lengths of the parameter axes."""
    most = next(length for length in range(_POINTS, 0, -1) if length ** len(lengths) <= _POINTS)
    along = tuple(min(most, length) for length in lengths)
    return (*along, min(_REALIZATIONS, _ENTRIES // math.prod(along)))


def _attributes(layout: Layout, provenance: list[dict[str, str]], repairs: list[dict[str, Any]]) -> dict[str, Any]:
    coordinates = {**layout.axes, **layout.coords}
    return {
        "ensemble_format": FORMAT,
        "model": layout.model,
        "seed": layout.seed,
        "parameters": json.dumps(layout.parameters),
        "asked": json.dumps(layout.asked),
        "sweep": layout.sweep,
        "provenance": json.dumps(provenance),
        digest.COORDINATES: json.dumps(
            {name: (len(each), digest.of_values(np.asarray(each))) for name, each in coordinates.items()}
        ),
        "repairs": json.dumps(repairs),
    }


def _make_arrays(group: zarr.Group, layout: Layout) -> None:
    dims = (*layout.axes, "realization")
    one_point = (1,) * len(layout.axes)
    for name, observable in layout.observables.items():
        lengths = tuple(len(layout.coords[dim]) for dim in observable.dims)
        dtype = np.dtype(observable.dtype)
        group.create_array(
            name,
            shape=(*layout.shape, *lengths),
            chunks=(*one_point, layout.chunk, *lengths),
            dtype=dtype,
            fill_value=np.nan if dtype.kind in "fc" else 0,
            compressors=COMPRESSORS,
            dimension_names=(*dims, *observable.dims),
            attributes={"long_name": observable.long_name, "units": observable.units, WHOLE: 1},
        )
    group.create_array(
        "exception",
        shape=layout.shape,
        chunks=(*one_point, layout.chunk),
        dtype="str",
        fill_value="",
        compressors=COMPRESSORS,
        dimension_names=dims,
        attributes={"long_name": "what went wrong in a failed realization"},
    )
    point_summary.make(group, layout.axes, layout.shape[:-1], layout.asked)


def _make_ledger(group: zarr.Group, layout: Layout, blocks: tuple[int, ...]) -> None:
    """Create the missing ledger arrays: all of them in a new store, some of them in a store of an older format."""
    for name in LEDGER_ARRAYS:
        if name in group:
            continue
        kind, empty, label = _LEDGER_FIELDS[name]
        group.create_array(
            name,
            shape=layout.shape,
            chunks=blocks,
            dtype=kind,
            fill_value=empty,
            compressors=COMPRESSORS,
            dimension_names=(*layout.axes, "realization"),
            attributes=label,
        )


def _make_coordinates(group: zarr.Group, layout: Layout, model: type[Model]) -> None:
    attributes_of: dict[str, dict[str, Any]] = labels(model)
    attributes_of["realization"] = {"long_name": "index of the disorder realization", "units": "1"}
    coordinates: dict[str, Any] = {
        **layout.axes,
        "realization": np.arange(layout.realizations),
        **layout.coords,
    }
    for name, values in coordinates.items():
        array = np.asarray(values)
        created = group.create_array(
            name,
            shape=array.shape,
            chunks=(_COORDINATE_CHUNK,) if name in layout.axes or name == "realization" else array.shape,
            dtype="str" if array.dtype.kind == "U" else array.dtype,
            compressors=COMPRESSORS,
            dimension_names=(name,),
            attributes=attributes_of.get(name, {}),
        )
        created[:] = array
