"""The store as an xarray Dataset, unfinished realizations masked; works while a run is writing."""

from typing import TYPE_CHECKING

import zarr

from ensemble.store.damage import read
from ensemble.store.group import dims, open_group
from ensemble.store.layout import OWN, Status
from ensemble.store.place import Place, for_zarr, place
from ensemble.store.points import TABLE as POINT_TABLE

if TYPE_CHECKING:
    import xarray as xr


def open_store(path: str | Place) -> "xr.Dataset":
    """One lazy Dataset over (axes..., realization, observable dims...), with `n_done` for each point.

    The status is read now and the data when they are asked for. Data land before their status does, so
    whatever the status calls done is there, however far the run has come since. Unfinished and failed
    realizations are missing values; axes are sorted.
    """
    import xarray as xr  # here, since all else in a store does without it and starts faster

    path = place(path)
    group = open_group(path)
    try:
        dataset = xr.open_zarr(for_zarr(path))
        status = dataset["status"].load(scheduler="threads")  # here, whatever cluster the session may have
    except ValueError:
        _name_damage(group)
        raise
    done = status == Status.DONE
    observables = [name for name in dataset.data_vars if name not in (*OWN, *POINT_TABLE)]
    masked = dataset.assign({name: dataset[name].where(done) for name in observables})
    counted = done.sum("realization").assign_attrs(long_name="number of finished realizations", units="1")
    axes = [str(dim) for dim in status.dims if dim != "realization"]
    view: xr.Dataset = masked.assign(n_done=counted).sortby(axes)
    return view


def _name_damage(group: zarr.Group) -> None:
    """Raise an error that names the chunk of a coordinate, the status or the times of landing that cannot be read."""
    for name, array in group.arrays():
        if name in ("status", "landed") or dims(array) == (name,):
            read(array)
