"""Audit of rare realizations: which realizations carry the late-time mean of an observable.

If only a few realizations carry the mean, neither the mean nor its error is reliable. The weight of a realization is
|x| divided by the sum of |x| over all realizations. Here x is the plateau of the realization, or its value if the
observable is not a function of t.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.models.model import Observable
from ensemble.reduce.moments import Moments
from ensemble.reduce.plateaus import plateau_mean
from ensemble.reduce.reading import ChunkRun, Select, StoreReader, put
from ensemble.store.location import Location

_HANDFUL = 10
"""If fewer realizations than this carry half of a mean, the mean and its error are unreliable."""
_FEW = 0.1
"""They must also be less than this fraction of all: among 30 ordinary realizations, 9 may carry half."""


def rare_realizations(
    store: str | Location,
    observable: str,
    *,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """Find the realizations that carry the late-time mean of an observable.

    Parameters
    ----------
    store
        Path or URL of the store.
    observable
        Name of the observable.
    select
        Values of axes, such as ``{"N": [8, 10], "epsilon": 0}``. Only points with these values are read. Default: all
        points.
    realizations
        Use only the realizations with an index below this number. Default: all realizations that are done.
    client
        Dask client whose workers read the store. Default: this process reads it.

    Returns
    -------
    xarray.Dataset
        Over (axes..., observable dims without t...):

        - `half`: the smallest number of realizations that together carry half of the weight; 0 if all weights are 0.
        - `heaviest`: weight of the heaviest realization, between 0 and 1.
        - `heaviest_index`: index of the heaviest realization; -1 if all weights are 0.
        - `mean` and `error`: mean of the plateau and its standard error.
        - `mean_without` and `error_without`: the same without the heaviest realization.
        - `handful`: true if half of the weight is on fewer than 10 realizations, and these are less than a tenth of
          all. Then the mean and its error are unreliable.

        `count`, over (axes...), is the number of realizations.

    Raises
    ------
    ReductionError
        If the store has no such observable, axis or value of an axis.

    Notes
    -----
    The weight of realization r is |x_r| / Σ_s |x_s|. Here x_r is the plateau, the mean over the last tenth of the time
    points, or the value if the observable is not a function of t.

    This process holds one number for each realization of one point and for each element of the other dimensions: 8 MB
    for a million realizations of a function of t.
    """
    source = StoreReader.of(store, select, realizations)
    kind = source.observable(observable)
    rest = tuple(dim for dim in kind.dims if dim != "t")
    time = kind.dims.index("t") if "t" in kind.dims else None
    result = source.frame(rest)
    weights = [realization_weights(parts) for parts in source.reduced(observable, _plateaus, client, time)]
    put_weights(result, weights, {name: name for name in weights[0]}, kind)
    return result.sortby(list(source.layout.axes))


def put_weights(
    result: xr.Dataset, weights: Sequence[Mapping[str, NDArray[Any]]], names: Mapping[str, str], kind: Observable
) -> None:
    """Add results of `realization_weights` at every point to `result`; `names` maps a result to its variable name."""
    dims = (*map(str, result["count"].dims), *(dim for dim in kind.dims if dim != "t"))
    late = f"late-time mean {kind.long_name}" if "t" in kind.dims else f"mean {kind.long_name}"
    labels = {
        "mean": late,
        "error": f"standard error of the {late}",
        "mean_without": f"{late} without the heaviest realization",
        "error_without": f"standard error of the {late} without the heaviest realization",
        "half": f"number of realizations that carry half of the {late}",
        "heaviest": f"share of the heaviest realization in the {late}",
        "heaviest_index": "index of the heaviest realization",
        "handful": f"whether the {late} rests on a handful of realizations",
    }
    for each, name in names.items():
        units = kind.units if each.startswith(("mean", "error")) else "1"
        put(result, name, dims, (point[each] for point in weights), labels[each], units)


def _plateaus(rows: NDArray[Any], run: ChunkRun, time: int | None) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Chunk: the indices and the plateaus of the done realizations of a chunk run."""
    return run.indices, plateau_mean(rows, time)


def realization_weights(parts: Iterable[tuple[NDArray[np.int64], NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Combine and finalize: the results of one point, from the indices and the plateaus of its realizations."""
    indices, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    shape = values.shape[1:]
    mean, error = Moments.of(values).finalize()
    if not len(values):
        undefined = np.full(shape, np.nan)
        zeros = np.zeros(shape, np.int64)
        return {
            "mean": mean, "error": error, "mean_without": mean, "error_without": error,
            "half": zeros, "heaviest": undefined, "heaviest_index": zeros - 1, "handful": zeros > 0,
        }  # fmt: skip
    weights = np.abs(values).astype(np.float64)
    carried = np.cumsum(-np.sort(-weights, axis=0), axis=0)
    total = carried[-1]
    has_weight = total > 0
    half = np.where(has_weight, (carried < 0.5 * total).sum(axis=0) + 1, 0)
    heaviest = weights.argmax(axis=0)
    kept = np.arange(len(values)).reshape(-1, *(1,) * len(shape)) != heaviest
    mean_without, error_without = Moments.of(np.where(kept, values, 0), kept).finalize()
    return {
        "mean": mean,
        "error": error,
        "mean_without": mean_without,
        "error_without": error_without,
        "half": half,
        "heaviest": np.where(has_weight, weights.max(axis=0) / np.where(has_weight, total, 1), np.nan),
        "heaviest_index": np.where(has_weight, indices[heaviest], -1),
        "handful": has_weight & (half < _HANDFUL) & (half < _FEW * len(values)),
    }
