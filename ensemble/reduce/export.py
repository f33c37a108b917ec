"""Write reduced data to a file for other programs: netCDF, or one table in CSV.

netCDF files are written with SciPy, which is a dependency anyway, in the classic format (version 3). This format has no
complex numbers and no 64-bit integers. So a complex variable becomes two variables, `_real` and `_imag`. A 64-bit
integer becomes a 32-bit integer where it fits, and a float where it does not.
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
    """Raise an error if a file cannot be written, before anything is computed for it."""
    if path.suffix not in (".nc", ".csv"):
        raise ReductionError(f"the output must end in .nc (netCDF) or .csv, got {path}")
    if not path.absolute().parent.is_dir():
        raise ReductionError(f"the output must be in a folder that is there, got {path}; make it first")


def write(result: xr.Dataset, path: Path) -> None:
    """Write a reduction in the format of the suffix, .nc or .csv. An existing file is replaced atomically."""
    check(path)
    result = _without_complex(result)
    with whole(path) as temporary:
        if path.suffix == ".nc":
            _classic(result).to_netcdf(temporary, engine="scipy", format="NETCDF3_64BIT")
        else:
            _table(result, path).to_csv(temporary, index=False)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; afterwards it replaces the file in one step, or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror or error}; choose another place") from error
    finally:
        with contextlib.suppress(OSError):  # on a read-only disk there is no temporary file
            temporary.unlink()


def _without_complex(result: xr.Dataset) -> xr.Dataset:
    for name in [str(name) for name, values in result.data_vars.items() if values.dtype.kind == "c"]:
        for part, values in (("real", result[name].real), ("imag", result[name].imag)):
            label = {**result[name].attrs, "long_name": f"{result[name].attrs['long_name']}, {part} part"}
            result = result.assign({f"{name}_{part}": values.assign_attrs(label)})
        result = result.drop_vars(name)
    return result


def _classic(result: xr.Dataset) -> xr.Dataset:
    """The dataset without integers beyond 32 bits, which the classic netCDF format cannot hold."""
    attributes = {name: _narrow(value) for name, value in result.attrs.items()}
    wide = [
        name
        for name, values in result.variables.items()
        if values.dtype.kind in "iu" and values.size and not _INT32.min <= values.min() <= values.max() <= _INT32.max
    ]
    return result.assign({name: result[name].astype(np.float64) for name in wide}).assign_attrs(attributes)


def _narrow(value: Any) -> Any:
    """An attribute; an integer beyond 32 bits as text."""
    return str(value) if isinstance(value, int) and not _INT32.min <= value <= _INT32.max else value


def _table(result: xr.Dataset, path: Path) -> Any:
    """A table with one row for each element of the variable with the most dimensions.

    Other variables are repeated along the rows. Points without realizations have no rows.
    """
    largest = max(result.data_vars.values(), key=lambda values: values.ndim)
    extra_dims = sorted(map(str, set(result.dims) - set(largest.dims)))
    if extra_dims:
        raise ReductionError(
            f"a CSV file is one table, but {largest.name} is not a function of {', '.join(extra_dims)} as others are; "
            f"choose one --observable, or write netCDF to {path.with_suffix('.nc')}"
        )
    table = result.to_dataframe(dim_order=[str(dim) for dim in largest.dims]).reset_index()
    return table[table["count"] > 0] if "count" in table else table
