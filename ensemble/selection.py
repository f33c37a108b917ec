"""Points of a store by the values of its axes, as the command line gives them: AXIS=VALUE[,VALUE...]."""

from collections.abc import Sequence
from pathlib import Path

from ensemble.errors import ReductionError
from ensemble.store import Layout
from ensemble.values import Value

_TRUTH = {"true": True, "false": False}


def selection(store: Path, given: Sequence[str], option: str = "--at") -> dict[str, list[Value]]:
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
