"""Points of a store by the values of its axes, as the command line gives them: AXIS=VALUE[,VALUE...], or one point."""

from collections.abc import Sequence

from ensemble.errors import PointError, ReductionError, cure
from ensemble.store import Layout
from ensemble.store.place import Place
from ensemble.sweep import shown
from ensemble.values import Value

_TRUTH = {"true": True, "false": False}


def selection(store: Place, given: Sequence[str], option: str = "--at") -> dict[str, list[Value]]:
    """What reductions take as `select`: an axis that is given several times has all these values."""
    axes = Layout.read(store).axes
    selected: dict[str, list[Value]] = {}
    for each in given:
        name, _, listed = each.partition("=")
        texts = [text.strip() for text in listed.split(",")]
        if not name.strip() or not all(texts):
            raise ReductionError(f"{option} must be an axis with values, such as {_example(axes)}, got {each!r}")
        values = axes.get(name.strip(), ("",))
        selected.setdefault(name.strip(), []).extend(_value(type(values[0]), text) for text in texts)
    return selected


def cell_of(layout: Layout, text: str) -> tuple[int, ...]:
    """Where a point lies in the grid of a store: AXIS=VALUE,AXIS=VALUE; an axis with a single value may be left out."""
    given: dict[str, str] = {}
    for each in text.split(",") if text.strip() not in ("", "-") else ():
        name, _, value = (part.strip() for part in each.partition("="))
        if not name or not value:
            raise PointError(f"POINT must be values of axes, such as {_example_point(layout.axes)}, got {each!r}")
        if name not in layout.axes:
            told = cure(name, layout.axes, "it has")
            raise PointError(f"POINT must name axes that the store has, got {name!r}: {told}")
        if name in given:
            raise PointError(f"POINT must give every axis once, but {name} is there twice")
        given[name] = value
    return tuple(_place(layout, name, given.get(name)) for name in layout.axes)


def _place(layout: Layout, name: str, text: str | None) -> int:
    """Where a value lies along its axis, as it is or as tables show it."""
    values = layout.axes[name]
    there = f"the store has {', '.join(map(shown, values))}"
    if text is None:
        if len(values) > 1:
            raise PointError(f"POINT must give {name}, such as {_example_point(layout.axes)}, but it does not: {there}")
        return 0
    exact = [place for place, value in enumerate(values) if _is_exactly(value, text)]
    places = exact or [place for place, value in enumerate(values) if shown(value) == text]
    if len(places) != 1:
        raise PointError(f"{name} must be one of the values that the store has, got {text!r}: {there}")
    return places[0]


def _is_exactly(value: Value, text: str) -> bool:
    """Whether a text means a value of an axis; 1e5 may be an integer."""
    if isinstance(value, bool | str):
        return str(value).lower() == text.lower() if isinstance(value, bool) else value == text
    try:
        return float(text) == value
    except ValueError:
        return False


def _example_point(axes: dict[str, tuple[Value, ...]]) -> str:
    """The first point, as it is to be written."""
    return ",".join(f"{name}={shown(values[0])}" for name, values in axes.items())


def _value(kind: type[Value], text: str) -> Value:
    """A text as a value of an axis; one that cannot be read as that stays as it is, for the reduction to refuse."""
    if kind is bool:
        return _TRUTH.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def _example(axes: dict[str, tuple[Value, ...]]) -> str:
    """The last axis with its first value, as it is to be written."""
    name, values = list(axes.items())[-1]
    return f"{name}={str(values[0]).lower() if isinstance(values[0], bool) else values[0]}"
