"""Tables of many fits: a Dataset over the axes, rows for JSON and CSV, lines of warnings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ensemble.fit.store_fits import PointFit
from ensemble.sweep.sweep import format_point
from ensemble.sweep.toml_values import Value


def table(fitted: Sequence[PointFit], along: Sequence[PointFit] = ()) -> xr.Dataset:
    """A Dataset of parameters, errors, windows and quality of fits over the axes.

    If several laws are compared, it also has the dimension `law`. Variables: `<parameter>`, `<parameter>_error` and
    `<parameter>_moves`, the largest change on parts of the window; `count`, `window_first`, `window_last`,
    `window_points`, `chi2`, `degrees`, `probability`, `warnings`, `verdict`; and `aic_above` if laws are compared.
    The fits in `along`, which are those along an axis, add the same variables as `across_...`, over the other axes.
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


def rows(fitted: Sequence[PointFit]) -> list[dict[str, Any]]:
    """A row for every fit: the point, the law, and the same numbers as in `table`."""
    return [{"point": dict(each.point), "name": each.name, "law": each.fit.law, **_numbers(each)} for each in fitted]


def warning_lines(fitted: Sequence[PointFit], of: str = "") -> list[str]:
    """One line for each warning of a fit. Fits of a comparison are left out: `verdict` reports on them."""
    return [
        ": ".join(filter(None, (", ".join(filter(None, (of, format_point(varying_axes(each, fitted))))), warning)))
        for each in fitted
        if not each.verdict
        for warning in each.fit.warnings
    ]


def varying_axes(one: PointFit, others: Sequence[PointFit]) -> dict[str, Value]:
    """The values of the axes along which the points of the fits differ."""
    return {axis: value for axis, value in one.point.items() if any(each.point.get(axis) != value for each in others)}


def fit_quality(fitted: PointFit) -> dict[str, Any]:
    """Number of realizations, window, chi2, probability and warnings of a fit, for a table."""
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


def _numbers(fitted: PointFit) -> dict[str, Any]:
    """The parameters of a fit with their errors and changes with the window, and its quality."""
    fit = fitted.fit
    numbers: dict[str, Any] = {"count": fitted.count}
    for name, value in fit.values.items():
        numbers |= {name: value, f"{name}_error": fit.errors[name], f"{name}_moves": fit.sensitivity(name)}
    return numbers | fit_quality(fitted)
