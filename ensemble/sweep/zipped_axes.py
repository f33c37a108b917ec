"""Zipped axes: axes that vary together, so that a sweep is a path through the grid instead of a product.

    zipped_axes = [["W", "T"]]
    [axes]
    W = [1.0, 10.0, 100.0]
    T = [0.1, 1.0, 10.0]
    N = [4, 6]

The axes of one list are zipped: the first value of W goes with the first value of T, and so on. All other axes form a
product with them. The example has six points. The store has the whole grid; points off the path stay empty.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ensemble.errors import SweepError, remedy
from ensemble.sweep.toml_values import Value

ZippedAxes = Sequence[Sequence[str]]
"""Lists of axes that vary together."""


def check_zipped_axes(given: Any, axes: Mapping[str, Sequence[Value]]) -> ZippedAxes:
    """Check the lists of zipped axes against the axes of the sweep and return them as tuples."""
    if not isinstance(given, list | tuple) or not all(isinstance(names, list | tuple) for names in given):
        raise SweepError(f'zipped_axes must be a list of lists of axes, such as [["W", "T"]], got {given!r}')
    seen: set[str] = set()
    for names in given:
        if len(names) < 2:
            raise SweepError(f"zipped_axes must name at least two axes in each of its lists, got {list(names)!r}")
        for name in names:
            if not isinstance(name, str) or name not in axes:
                details = remedy(str(name), axes, "they are")
                raise SweepError(f"zipped_axes must name axes of the sweep, got {name!r}: {details}")
            if name in seen:
                raise SweepError(f"zipped_axes must name an axis once, but {name} is there twice")
            seen.add(name)
        lengths = [len(axes[name]) for name in names]
        if len(set(lengths)) > 1:
            details = " and ".join(f"{name} has {length}" for name, length in zip(names, lengths, strict=True))
            raise SweepError(f"axes that vary together must have equally many values, but {details}")
    return tuple(tuple(names) for names in given)


def combinations(axes: Mapping[str, Sequence[Value]], zipped_axes: ZippedAxes) -> Iterator[dict[str, Value]]:
    """Iterate over the points as mappings from axis to value, axes in their order; the last axis varies fastest."""
    lists = dict.fromkeys(next((tuple(names) for names in zipped_axes if name in names), (name,)) for name in axes)
    steps = [list(zip(*(axes[name] for name in names), strict=True)) for names in lists]
    for each in itertools.product(*steps):
        named = dict(zip(itertools.chain(*lists), itertools.chain(*each), strict=True))
        yield {name: named[name] for name in axes}


def dropped_axes(change: Collection[str], zipped_axes: ZippedAxes) -> str | None:
    """Return an axis that is not in `change` although an axis zipped with it is; None if there is none."""
    for names in zipped_axes:
        left = [name for name in names if name not in change]
        if 0 < len(left) < len(names):
            return left[0]
    return None


def zipped_with(axis: str, zipped_axes: ZippedAxes, points: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the axes that are zipped with `axis`.

    The result is empty unless each value of one axis goes with exactly one value of the others at these points.
    """
    names = next((names for names in zipped_axes if axis in names), ())
    seen = {tuple(point.get(name) for name in names) for point in points}
    for values in zip(*seen, strict=True):
        if None in values or len(set(values)) < len(seen):
            return ()
    return tuple(name for name in names if name != axis) if seen else ()
