"""What many fits tell: a Dataset over the axes, rows for JSON and CSV, lines of doubt."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ensemble.fit.families import Fitted
from ensemble.sweep import told_point
from ensemble.values import Value


def table(fitted: Sequence[Fitted], along: Sequence[Fitted] = ()) -> xr.Dataset:
    """Parameters, errors, windows and quality of fits over the axes; over `law` too where several are compared.

    `<parameter>`, `<parameter>_error` and `<parameter>_moves`, the farthest that it moves with the window; `count`,
    `window_first`, `window_last`, `window_points`, `chi2`, `degrees`, `probability`, `warnings`, `verdict`, and where
    laws are compared `aic_above`. The same of the laws `along` an axis, over the other axes, as `across_...`.
    """
    if along:
        across = table(along)
        return table(fitted).assign({f"across_{name}": values for name, values in across.data_vars.items()})
    names = list(dict.fromkeys(each.name for each in fitted))
    axes = {axis: sorted({each.point[axis] for each in fitted}) for axis in (fitted[0].point if fitted else ())}
    coords: dict[str, list[Any]] = {**axes, **({"law": names} if len(names) > 1 else {})}
    shape = tuple(map(len, coords.values()))
    result = xr.Dataset(coords=coords)
    for each in fitted:
        place = {**each.point, "law": each.name}
        cell = tuple(values.index(place[name]) for name, values in coords.items())
        for name, value in _numbers(each).items():
            if name not in result:
                empty: Any = "" if isinstance(value, str) else 0 if isinstance(value, int) else np.nan
                result[name] = (tuple(coords), np.full(shape, empty, dtype=object if empty == "" else None))
            result[name].values[cell] = value
    return result


def rows(fitted: Sequence[Fitted]) -> list[dict[str, Any]]:
    """A row for every fit: the point, the law, and the same numbers."""
    return [{"point": dict(each.point), "name": each.name, "law": each.fit.law, **_numbers(each)} for each in fitted]


def doubts(fitted: Sequence[Fitted], of: str = "") -> list[str]:
    """What to be wary of, a line each; that a law is out is what a comparison says itself."""
    return [
        ": ".join(filter(None, (", ".join(filter(None, (of, told_point(varying(each, fitted))))), said)))
        for each in fitted
        if not each.verdict
        for said in each.fit.warnings
    ]


def varying(one: Fitted, others: Sequence[Fitted]) -> dict[str, Value]:
    """What tells the point of a fit from those of the others."""
    return {axis: value for axis, value in one.point.items() if any(each.point.get(axis) != value for each in others)}


def quality(fitted: Fitted) -> dict[str, Any]:
    """What a table says of a fit besides its parameters."""
    fit = fitted.fit
    return {
        "count": fitted.count,
        "window_first": fit.window.first,
        "window_last": fit.window.last,
        "window_points": fit.window.points,
        "chi2": fit.chi2,
        "degrees": fit.degrees,
        "probability": fit.probability,
        **({"aic_above": fitted.above} if fitted.verdict else {}),
        "warnings": "; ".join(fit.warnings),
        "verdict": fitted.verdict,
    }


def _numbers(fitted: Fitted) -> dict[str, Any]:
    """The parameters of a fit with their errors, and its quality."""
    fit = fitted.fit
    told: dict[str, Any] = {"count": fitted.count}
    for name, value in fit.values.items():
        told |= {name: value, f"{name}_error": fit.errors[name], f"{name}_moves": fit.sensitivity(name)}
    return told | quality(fitted)
