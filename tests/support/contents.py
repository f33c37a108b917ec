"""What a store holds, as bits to compare."""

from pathlib import Path

import numpy as np
import xarray as xr
import zarr


def chunks(store: Path, array: str = "walk") -> int:
    """How many chunks of an array are on disk; 0 where there is no store yet."""
    return sum(path.is_file() and path.suffix != ".partial" for path in (store / array / "c").rglob("*"))


def landed(store: Path) -> int:
    """How many realizations the status of a store knows of; 0 where there is no store yet."""
    try:
        return int(np.count_nonzero(zarr.open_array(str(store / "status"), mode="r")[...]))
    except (OSError, ValueError):
        return 0


def contents(store: str | Path, *, status: bool = True) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """Shape and bytes of every variable and coordinate: data, status, and what went wrong.

    Which code and host computed a realization (a part of its digest), how often, when and how fast, is left out: it may
    differ where the numbers must not.
    """
    left_out = ("provenance", "digest", "attempts", "landed", "core_seconds")
    with xr.open_zarr(store) as dataset:
        names = [str(name) for name in dataset.variables if name not in left_out]
        if not status:
            names.remove("status")
        arrays = {name: np.asarray(dataset[name].to_numpy()) for name in names}
    firsts = arrays.pop("exception")
    lines = np.array([str(text).partition("\n")[0] for text in firsts.flat])
    return {
        **{name: (array.shape, array.tobytes()) for name, array in arrays.items()},
        "exception": (firsts.shape, "\n".join(lines).encode()),
    }
