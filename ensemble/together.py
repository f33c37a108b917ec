"""Axes that vary together: paths through the grid of parameters, where a sweep is no product.

    together = [["W", "T"]]
    [axes]
    W = [1.0, 10.0, 100.0]
    T = [0.1, 1.0, 10.0]
    N = [4, 6]

The axes of one list go value by value, the first with the first and so on; everything else stays a product: here six
points. A store has the whole grid all the same, and nothing at the points off the path.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ensemble.errors import SweepError, cure
from ensemble.values import Value

Together = Sequence[Sequence[str]]
"""Lists of axes that go value by value."""


def check_together(given: Any, axes: Mapping[str, Sequence[Value]]) -> Together:
    """The lists of a sweep, checked against its axes."""
    if not isinstance(given, list | tuple) or not all(isinstance(names, list | tuple) for names in given):
        raise SweepError(f'together must be a list of lists of axes, such as [["W", "T"]], got {given!r}')
    met: set[str] = set()
    for names in given:
        if len(names) < 2:
            raise SweepError(f"together must name at least two axes in each of its lists, got {list(names)!r}")
        for name in names:
            if not isinstance(name, str) or name not in axes:
                told = cure(str(name), axes, "they are")
                raise SweepError(f"together must name axes of the sweep, got {name!r}: {told}")
            if name in met:
                raise SweepError(f"together must name an axis once, but {name} is there twice")
            met.add(name)
        lengths = [len(axes[name]) for name in names]
        if len(set(lengths)) > 1:
            told = " and ".join(f"{name} has {length}" for name, length in zip(names, lengths, strict=True))
            raise SweepError(f"axes that vary together must have equally many values, but {told}")
    return tuple(tuple(names) for names in given)


def combinations(axes: Mapping[str, Sequence[Value]], together: Together) -> Iterator[dict[str, Value]]:
    """The values at every point, the axes in their order; what comes last varies fastest."""
    lists = dict.fromkeys(next((tuple(names) for names in together if name in names), (name,)) for name in axes)
    steps = [list(zip(*(axes[name] for name in names), strict=True)) for names in lists]
    for each in itertools.product(*steps):
        named = dict(zip(itertools.chain(*lists), itertools.chain(*each), strict=True))
        yield {name: named[name] for name in axes}


def left_out(change: Collection[str], together: Together) -> str | None:
    """An axis that varies together with some of those that are changed and is none of them; None if there is none."""
    for names in together:
        left = [name for name in names if name not in change]
        if 0 < len(left) < len(names):
            return left[0]
    return None


def partners(axis: str, together: Together, points: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The axes that vary together with one, if at these points each of its values goes with one of theirs."""
    names = next((names for names in together if axis in names), ())
    met = {tuple(point.get(name) for name in names) for point in points}
    for values in zip(*met, strict=True):
        if None in values or len(set(values)) < len(met):
            return ()
    return tuple(name for name in names if name != axis) if met else ()
