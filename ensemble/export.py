"""Reduced data as files for other programs: netCDF, or one table in CSV.

netCDF is written by SciPy, which is there anyway, in its classic format (version 3): reduced data are small, and what
that format lacks is put otherwise. Complex numbers become two variables, `_real` and `_imag`; integers of 64 bits
become 32 where they fit and floats where they do not.
"""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ensemble.errors import ReductionError, StoreError

_INT32 = np.iinfo(np.int32)


def check(path: Path) -> None:
    """Refuse a file that could not be written, before anything is computed for it."""
    if path.suffix not in (".nc", ".csv"):
        raise ReductionError(f"the output must end in .nc (netCDF) or .csv, got {path}")
    if not path.absolute().parent.is_dir():
        raise ReductionError(f"the output must be in a folder that is there, got {path}; make it first")


def write(result: xr.Dataset, path: Path) -> None:
    """Write a reduction in the format that the suffix tells; a file that is there is replaced whole."""
    check(path)
    result = _without_complex(result)
    with whole(path) as aside:
        if path.suffix == ".nc":
            _classic(result).to_netcdf(aside, engine="scipy", format="NETCDF3_64BIT")
        else:
            _table(result, path).to_csv(aside, index=False)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to: what is written takes the place of the file at once, or not at all."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror or error}; choose another place") from error
    finally:
        with contextlib.suppress(OSError):  # on a disk that is read-only there is none
            aside.unlink()


def _without_complex(result: xr.Dataset) -> xr.Dataset:
    for name in [str(name) for name, values in result.data_vars.items() if values.dtype.kind == "c"]:
        for part, values in (("real", result[name].real), ("imag", result[name].imag)):
            label = {**result[name].attrs, "long_name": f"{result[name].attrs['long_name']}, {part} part"}
            result = result.assign({f"{name}_{part}": values.assign_attrs(label)})
        result = result.drop_vars(name)
    return result


def _classic(result: xr.Dataset) -> xr.Dataset:
    """What the classic format can hold: no integer beyond 32 bits."""
    attributes = {name: _narrow(value) for name, value in result.attrs.items()}
    wide = [
        name
        for name, values in result.variables.items()
        if values.dtype.kind in "iu" and values.size and not _INT32.min <= values.min() <= values.max() <= _INT32.max
    ]
    return result.assign({name: result[name].astype(np.float64) for name in wide}).assign_attrs(attributes)


def _narrow(value: Any) -> Any:
    """An attribute, as text where it is an integer beyond 32 bits."""
    return str(value) if isinstance(value, int) and not _INT32.min <= value <= _INT32.max else value


def _table(result: xr.Dataset, path: Path) -> Any:
    """A row for each place in the grid of the variable with the most dimensions; the others repeat along its rows.

    Points without realizations have none.
    """
    most = max(result.data_vars.values(), key=lambda values: values.ndim)
    beyond = sorted(map(str, set(result.dims) - set(most.dims)))
    if beyond:
        raise ReductionError(
            f"a CSV file is one table, but {most.name} is not a function of {', '.join(beyond)} as others are; "
            f"choose one --observable, or write netCDF to {path.with_suffix('.nc')}"
        )
    table = result.to_dataframe(dim_order=[str(dim) for dim in most.dims]).reset_index()
    return table[table["count"] > 0] if "count" in table else table
