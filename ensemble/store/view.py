"""The store as an xarray Dataset, unfinished realizations masked; works while a run is writing."""

from pathlib import Path

import xarray as xr

from ensemble.store.group import open_group
from ensemble.store.layout import Status


def open_store(path: str | Path) -> xr.Dataset:
    """One lazy Dataset over (axes..., realization, observable dims...), with `n_done` for each point.

    The status is read now and the data when they are asked for. Data land before their status does, so
    whatever the status calls done is there, however far the run has come since. Unfinished and failed
    realizations are missing values; axes are sorted.
    """
    path = Path(path)
    _ = open_group(path)
    dataset = xr.open_zarr(path)
    status = dataset["status"].load(scheduler="threads")  # here, whatever cluster the session may have
    done = status == Status.DONE
    observables = [name for name in dataset.data_vars if name not in ("status", "provenance", "exception")]
    masked = dataset.assign({name: dataset[name].where(done) for name in observables})
    counted = done.sum("realization").assign_attrs(long_name="number of finished realizations", units="1")
    axes = [str(dim) for dim in status.dims if dim != "realization"]
    view: xr.Dataset = masked.assign(n_done=counted).sortby(axes)
    return view
