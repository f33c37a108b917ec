"""How a store is created and grown.

A store is made in a folder of its own and comes to its place as a whole, so there is never half a store. It grows in
three steps: arrays are resized, then coordinates written, then the group's metadata committed by an atomic write.
Until then a reader goes by the consolidated metadata, which still tell the old shape; a driver that dies in
between leaves nothing that the next one does not set right. A store of an older format gets what it lacks in the
same way.
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
from ensemble.store import digest, points
from ensemble.store.damage import WHOLE
from ensemble.store.group import COMPRESSORS, FORMAT, attributes, commit, is_committed, member, open_group
from ensemble.store.layout import BOOK, EPOCH, OWN, Layout, Status
from ensemble.store.place import Place, made_aside
from ensemble.store.remote import Remote

_POINTS, _REALIZATIONS, _ENTRIES = 64, 65536, 64 * 4096
"""Chunks of the book: at most so many points, equally many along all axes, so many realizations, so many of both."""
_BOOK_ARRAYS: dict[str, tuple[str, int, dict[str, Any]]] = {
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
"""The arrays of the book: type, what stands where nothing was written, label."""
_COORDINATE_CHUNK = 65536
"""Axes are chunked this large, so that whoever still has the old shape reads a grown axis correctly."""


def create(path: Place, layout: Layout, model: type[Model], check: Callable[[], None] = lambda: None) -> None:
    """Make a new, empty store: built aside, then brought to its place if the lock is still ours by then."""
    try:
        with made_aside(path, check) as aside:
            group = zarr.create_group(str(aside), zarr_format=3)
            _make_arrays(group, layout)
            _make_book(group, layout, block_shape(layout.shape[:-1]))
            member(group, "digest").attrs[WHOLE] = 1
            _make_coordinates(group, layout, model)
            commit(aside, _attributes(layout, provenance=[], repairs=[]))
    except (LockLost, StoreUnreachable):
        raise
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made: {error.strerror}; give another --store") from error


def sweep_up(path: Place) -> None:
    """Remove what killed writers left, before a run and after it: files that Zarr had not yet renamed into place."""
    if isinstance(path, Remote):
        return  # an object is there as a whole or not at all
    with contextlib.suppress(OSError):  # they take room, but harm nothing
        for left in path.rglob("*.partial"):
            left.unlink(missing_ok=True)


def grow(path: Place, layout: Layout, check: Callable[[], None]) -> None:
    """Give the store at `path` the shape of `layout`, which holds all that it had, in the same places."""
    group = open_group(path, writable=True)
    check()
    points.make(group, layout.axes, layout.shape[:-1], layout.asked)
    _make_book(group, layout, member(group, "status").chunks)
    for name in (*OWN, *layout.observables):
        array = member(group, name)
        array.resize((*layout.shape, *array.shape[len(layout.shape) :]))
    for name, values in (*layout.axes.items(), ("realization", range(layout.realizations))):
        array = member(group, name)
        array.resize((len(values),))
        array[:] = np.asarray(values, dtype=array.dtype)
    told = attributes(group)
    commit(path, _attributes(layout, told["provenance"], told["repairs"]), check)


def is_settled(path: Place, layout: Layout) -> bool:
    """Whether the store is of this format and its arrays have the shape that was committed.

    Not so if an older version made it, or if a driver died while it grew the arrays.
    """
    group = open_group(path, writable=True)
    if attributes(group)["ensemble_format"] != FORMAT or not is_committed(path):
        return False
    rank = len(layout.shape)
    return points.settled(group, layout.shape[:-1], layout.asked) and all(
        member(group, name).shape[:rank] == layout.shape for name in (*OWN, *layout.observables)
    )


def block_shape(lengths: Sequence[int]) -> tuple[int, ...]:
    """Chunk shape of the book of a new store for the lengths of its parameter axes."""
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
    points.make(group, layout.axes, layout.shape[:-1], layout.asked)


def _make_book(group: zarr.Group, layout: Layout, blocks: tuple[int, ...]) -> None:
    """Make those arrays of the book that are not there: all in a new store, some in one of an older format."""
    for name in BOOK:
        if name in group:
            continue
        kind, empty, label = _BOOK_ARRAYS[name]
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
    told: dict[str, dict[str, Any]] = labels(model)
    told["realization"] = {"long_name": "index of the disorder realization", "units": "1"}
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
            attributes=told.get(name, {}),
        )
        created[:] = array
