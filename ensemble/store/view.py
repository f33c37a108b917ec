"""The store as an xarray Dataset, unfinished realizations masked; works while a run is writing."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import zarr

from ensemble.store.damage import WHOLE, file_of, is_whole, read
from ensemble.store.group import attributes, check_coordinates, dims, member, open_group
from ensemble.store.layout import OWN, Status
from ensemble.store.limits import checked_arrays
from ensemble.store.place import Place, chunk_files, for_zarr, place
from ensemble.store.points import TABLE as POINT_TABLE

if TYPE_CHECKING:
    import xarray as xr


def open_store(path: str | Place) -> "xr.Dataset":
    """One lazy Dataset over (axes..., realization, observable dims...), with `n_done` for each point.

    The status is read now and the data when they are asked for. Data land before their status does, so
    whatever the status calls done is there, however far the run has come since. Unfinished and failed
    realizations are missing values, and so are those whose chunk has been lost: a warning names it. Axes are sorted.
    """
    import xarray as xr  # here, since all else in a store does without it and starts faster

    path = place(path)
    group = open_group(path)
    arrays = checked_arrays(group)
    check_coordinates(
        path, attributes(group), {name: read(each) for name, each in arrays.items() if dims(each) == (name,)}
    )
    try:
        dataset = xr.open_zarr(for_zarr(path), zarr_format=3)
        status = dataset["status"].load(scheduler="threads")  # here, whatever cluster the session may have
    except ValueError:
        _name_damage(group)
        raise
    done = status == Status.DONE
    observables = [name for name in dataset.data_vars if name not in (*OWN, *POINT_TABLE)]
    there = _written(group, observables, done)
    for name in observables:
        dataset[name].attrs.pop(WHOLE, None)  # how it is stored
    masked = dataset.assign({name: dataset[name].where(there.get(name, done)) for name in observables})
    counted = done.sum("realization").assign_attrs(long_name="number of finished realizations", units="1")
    axes = [str(dim) for dim in status.dims if dim != "realization"]
    view: xr.Dataset = masked.assign(n_done=counted).sortby(axes)
    return view


def _written(group: zarr.Group, observables: Sequence[str], done: "xr.DataArray") -> dict[str, "xr.DataArray"]:
    """Of observables whose chunks were lost: which realizations are done and there. A warning names the chunks.

    Zarr reads a chunk that is not there as fill values, which would count in averages of integers.
    """
    found = {}
    rank = done.ndim - 1
    for name in observables:
        array = member(group, name)
        length = array.chunks[rank]
        starts = np.arange(0, done.shape[-1], length)
        if not is_whole(array) or not len(starts):
            continue
        filled = np.logical_or.reduceat(done.to_numpy(), starts, axis=-1)
        after = (0,) * (array.ndim - rank - 1)
        kept = chunk_files(array)
        lost = [at for at in np.argwhere(filled).tolist() if file_of(array, (*at, *after)) not in kept]
        if lost:
            there = done.copy(deep=True)
            for *cell, number in lost:
                there[(*cell, slice(number * length, (number + 1) * length))] = False
            found[name] = there
            first = file_of(array, (*lost[0], *after))
            warnings.warn(
                f"{len(lost)} chunks of {name} are not there although realizations in them are done, the first one "
                f"{first}: they are missing values here, and `ensemble verify --repair` has them computed again",
                stacklevel=3,
            )
    return found


def _name_damage(group: zarr.Group) -> None:
    """Raise an error that names the chunk of a coordinate, the status or the times of landing that cannot be read."""
    for name, array in group.arrays():
        if name in ("status", "landed") or dims(array) == (name,):
            read(array)
