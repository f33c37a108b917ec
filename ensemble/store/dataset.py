"""Open a store as an xarray Dataset, with unfinished realizations masked; also while a run is writing."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import zarr

from ensemble.store.group import attributes, check_coordinates, dims, member, open_group
from ensemble.store.integrity import WHOLE, file_of, is_intact, read
from ensemble.store.layout import OWN, Status
from ensemble.store.location import Location, chunk_files, for_zarr, parse_location
from ensemble.store.point_summary import TABLE as POINT_TABLE
from ensemble.store.size_limits import checked_arrays

if TYPE_CHECKING:
    import xarray as xr


def open_store(path: str | Location) -> "xr.Dataset":
    """Open a store as one lazy Dataset over (axes..., realization, observable dims...).

    Parameters
    ----------
    path
        Path, URL or location of the store.

    Returns
    -------
    xarray.Dataset
        The observables, with NaN for realizations that are not done, and `n_done`, the number of finished realizations
        of each point. The axes are sorted.

    Raises
    ------
    StoreNotFound
        If there is no store.
    StoreError
        If the store cannot be read.

    Notes
    -----
    The status is read now, and the data are read when they are used. Data are written before their status, so all data
    that the status calls done exist, even if a run continues. Realizations whose chunk is lost are also NaN, and a
    warning names the chunk.
    """
    import xarray as xr  # imported here, because other functions start faster without it

    path = parse_location(path)
    group = open_group(path)
    arrays = checked_arrays(group)
    check_coordinates(
        path, attributes(group), {name: read(each) for name, each in arrays.items() if dims(each) == (name,)}
    )
    try:
        dataset = xr.open_zarr(for_zarr(path), zarr_format=3)
        status = dataset["status"].load(scheduler="threads")  # in this process, even if a Dask cluster is the default
    except ValueError:
        _name_damage(group)
        raise
    done = status == Status.DONE
    observables = [name for name in dataset.data_vars if name not in (*OWN, *POINT_TABLE)]
    readable = _written(group, observables, done)
    for name in observables:
        dataset[name].attrs.pop(WHOLE, None)  # a detail of the storage
    masked = dataset.assign({name: dataset[name].where(readable.get(name, done)) for name in observables})
    counted = done.sum("realization").assign_attrs(long_name="number of finished realizations", units="1")
    axes = [str(dim) for dim in status.dims if dim != "realization"]
    view: xr.Dataset = masked.assign(n_done=counted).sortby(axes)
    return view


def _written(group: zarr.Group, observables: Sequence[str], done: "xr.DataArray") -> dict[str, "xr.DataArray"]:
    """Return, for observables with lost chunks, which realizations are done and exist; a warning names the chunks.

    Zarr reads a missing chunk as fill values, which would count in averages of integers.
    """
    found = {}
    rank = done.ndim - 1
    for name in observables:
        array = member(group, name)
        length = array.chunks[rank]
        starts = np.arange(0, done.shape[-1], length)
        if not is_intact(array) or not len(starts):
            continue
        filled = np.logical_or.reduceat(done.to_numpy(), starts, axis=-1)
        after = (0,) * (array.ndim - rank - 1)
        kept = chunk_files(array)
        lost = [at for at in np.argwhere(filled).tolist() if file_of(array, (*at, *after)) not in kept]
        if lost:
            kept_done = done.copy(deep=True)
            for *cell, number in lost:
                kept_done[(*cell, slice(number * length, (number + 1) * length))] = False
            found[name] = kept_done
            first = file_of(array, (*lost[0], *after))
            warnings.warn(
                f"{len(lost)} chunks of {name} are not there although realizations in them are done, the first one "
                f"{first}: they are missing values here, and `ensemble verify --repair` has them computed again",
                stacklevel=3,
            )
    return found


def _name_damage(group: zarr.Group) -> None:
    """Raise an error that names the unreadable chunk of a coordinate, the status or the recording times."""
    for name, array in group.arrays():
        if name in ("status", "landed") or dims(array) == (name,):
            read(array)
