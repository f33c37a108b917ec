"""Parse points and axis values from the command line: AXIS=VALUE[,VALUE...], or AXIS=VALUE,AXIS=VALUE for one point."""

from collections.abc import Sequence

from ensemble.errors import PointError, ReductionError, remedy
from ensemble.store import Layout
from ensemble.store.location import Location
from ensemble.sweep.sweep import format_value
from ensemble.sweep.toml_values import Value

_TRUTH = {"true": True, "false": False}


def parse_selection(store: Location, given: Sequence[str], option: str = "--select") -> dict[str, list[Value]]:
    """Parse `select` for reductions; the values of an axis that is given several times are combined."""
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


def parse_point(layout: Layout, text: str) -> tuple[int, ...]:
    """Parse AXIS=VALUE,AXIS=VALUE and return the grid indices; an axis with a single value may be omitted."""
    given: dict[str, str] = {}
    for each in text.split(",") if text.strip() not in ("", "-") else ():
        name, _, value = (part.strip() for part in each.partition("="))
        if not name or not value:
            raise PointError(f"POINT must be values of axes, such as {_example_point(layout.axes)}, got {each!r}")
        if name not in layout.axes:
            details = remedy(name, layout.axes, "it has")
            raise PointError(f"POINT must name axes that the store has, got {name!r}: {details}")
        if name in given:
            raise PointError(f"POINT must give every axis once, but {name} is there twice")
        given[name] = value
    return tuple(_place(layout, name, given.get(name)) for name in layout.axes)


def _place(layout: Layout, name: str, text: str | None) -> int:
    """Return the index of a value along its axis; the text may be exact or formatted as in tables."""
    values = layout.axes[name]
    known = f"the store has {', '.join(map(format_value, values))}"
    if text is None:
        if len(values) > 1:
            raise PointError(f"POINT must give {name}, such as {_example_point(layout.axes)}, but it does not: {known}")
        return 0
    exact = [place for place, value in enumerate(values) if _is_exactly(value, text)]
    places = exact or [place for place, value in enumerate(values) if format_value(value) == text]
    if len(places) != 1:
        raise PointError(f"{name} must be one of the values that the store has, got {text!r}: {known}")
    return places[0]


def _is_exactly(value: Value, text: str) -> bool:
    """Return whether a text is equal to a value of an axis; 1e5 may be an integer."""
    if isinstance(value, bool | str):
        return str(value).lower() == text.lower() if isinstance(value, bool) else value == text
    try:
        return float(text) == value
    except ValueError:
        return False


def _example_point(axes: dict[str, tuple[Value, ...]]) -> str:
    """Return the first point in the form in which the user writes it."""
    return ",".join(f"{name}={format_value(values[0])}" for name, values in axes.items())


def _value(kind: type[Value], text: str) -> Value:
    """Convert a text to a value of an axis; a text that cannot be converted is returned for the reduction to refuse."""
    if kind is bool:
        return _TRUTH.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def _example(axes: dict[str, tuple[Value, ...]]) -> str:
    """Return the last axis and its first value in the form in which the user writes it."""
    name, values = list(axes.items())[-1]
    return f"{name}={str(values[0]).lower() if isinstance(values[0], bool) else values[0]}"
