"""Names of a package whose modules load when they are first used, so that what needs little starts fast."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from typing import Any


def deferred(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: its names, each from the module that is its home, and its own modules.

    A name that differs from the one at home is written as `"name=name_at_home"`.
    """
    found = {}
    for home, names in homes.items():
        for each in names:
            name, _, inside = each.partition("=")
            found[name] = home, inside or name

    def load(name: str) -> Any:
        if name in found:
            home, inside = found[name]
            value = getattr(importlib.import_module(home), inside)
        elif importlib.util.find_spec(f"{package}.{name}"):
            value = importlib.import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    return load
