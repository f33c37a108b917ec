"""Which realizations carry a late-time mean: where they are a handful, neither the mean nor its error can be trusted.

The weight of a realization is |x|, of its plateau or of its value where the observable is no function of t, over
that of all realizations together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from distributed import Client
from numpy.typing import NDArray

from ensemble.models.model import Observable
from ensemble.reduce.moments import Moments
from ensemble.reduce.plateaus import late_mean
from ensemble.reduce.reading import Run, Select, Source, put
from ensemble.store.place import Place

_HANDFUL = 10
"""A mean that rests on fewer realizations than this is hardly known, nor is its error."""
_FEW = 0.1
"""Nor are they a handful unless they are less than this part of all: of 30 ordinary realizations, 9 may carry half."""


def audit(
    store: str | Place,
    observable: str,
    *,
    select: Select | None = None,
    realizations: int | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    """The realizations that carry the late-time mean of an observable, over (axes..., observable dims without t...).

    `half` is how many of the heaviest carry half of the weight, `heaviest` the share of the heaviest and
    `heaviest_index` its realization; `mean` and `error` are those of the plateau, `mean_without` and `error_without`
    the same without the heaviest. `handful` warns where half of the weight is on fewer than 10 realizations that
    are less than a tenth of all. Where nothing has weight, `half` is 0 and `heaviest_index` -1. `select` takes some
    of the points, as in `average`, and `realizations` the first ones only.

    The driver holds one number of every realization of one point, 8 MB for a million, for each element of the other
    dimensions.
    """
    source = Source.of(store, select, realizations)
    kind = source.observable(observable)
    rest = tuple(dim for dim in kind.dims if dim != "t")
    time = kind.dims.index("t") if "t" in kind.dims else None
    result = source.frame(rest)
    weights = [weighed(parts) for parts in source.reduced(observable, _plateaus, client, time)]
    put_weights(result, weights, {name: name for name in weights[0]}, kind)
    return result.sortby(list(source.layout.axes))


def put_weights(
    result: xr.Dataset, weights: Sequence[Mapping[str, NDArray[Any]]], names: Mapping[str, str], kind: Observable
) -> None:
    """Add what is known of the weights at every point to a result; `names` tells what, and what it is called there."""
    dims = (*map(str, result["count"].dims), *(dim for dim in kind.dims if dim != "t"))
    late = f"late-time mean {kind.long_name}" if "t" in kind.dims else f"mean {kind.long_name}"
    said = {
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
        put(result, name, dims, (point[each] for point in weights), said[each], units)


def _plateaus(rows: NDArray[Any], run: Run, time: int | None) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Chunk: the late-time means of a run's realizations, and which they are."""
    return run.indices, late_mean(rows, time)


def weighed(parts: Iterable[tuple[NDArray[np.int64], NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Combine and finalize: all about one point, from its realizations and the late-time means of them."""
    indices, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    shape = values.shape[1:]
    mean, error = Moments.of(values).finalize()
    if not len(values):
        nothing = np.full(shape, np.nan)
        none = np.zeros(shape, np.int64)
        return {
            "mean": mean, "error": error, "mean_without": mean, "error_without": error,
            "half": none, "heaviest": nothing, "heaviest_index": none - 1, "handful": none > 0,
        }  # fmt: skip
    weights = np.abs(values).astype(np.float64)
    carried = np.cumsum(-np.sort(-weights, axis=0), axis=0)
    total = carried[-1]
    weighty = total > 0
    half = np.where(weighty, (carried < 0.5 * total).sum(axis=0) + 1, 0)
    heaviest = weights.argmax(axis=0)
    kept = np.arange(len(values)).reshape(-1, *(1,) * len(shape)) != heaviest
    mean_without, error_without = Moments.of(np.where(kept, values, 0), kept).finalize()
    return {
        "mean": mean,
        "error": error,
        "mean_without": mean_without,
        "error_without": error_without,
        "half": half,
        "heaviest": np.where(weighty, weights.max(axis=0) / np.where(weighty, total, 1), np.nan),
        "heaviest_index": np.where(weighty, indices[heaviest], -1),
        "handful": weighty & (half < _HANDFUL) & (half < _FEW * len(values)),
    }
