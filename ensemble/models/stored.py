"""The model that a store was computed with: installed, or named by the user.

A store comes from anywhere, so what it says of its model is a name to compare with and to print, and never a file or a
module to import:

    "tls_glass"              imported if an installed package offers it, as an entry point of `ensemble.models`
    "my_model.py:MyModel"    imported from the file that the user names, never from one that lies somewhere
    "my_package.glass:Glass" likewise
"""

import re
from collections.abc import Callable
from pathlib import Path

from ensemble.errors import ModelError, ModelNotNamed
from ensemble.models import catalog
from ensemble.models.model import Model

Named = str | Path | type[Model]
"""A model as the user names it: FILE.py, FILE.py:CLASS, MODULE:CLASS, the name of an installed model, or its class."""

_PLAIN = re.compile(r"(?!\.\.)[^/\\:]+|(?!\.\.)[^/\\:]+:[^\W\d]\w*")
"""What a store may call a model: a name alone, or a file or module without folders, and a class in it."""


def stored_model(
    reference: str, store: object, named: Named | None, say: Callable[[str], None] = lambda _: None
) -> type[Model]:
    """Return the model of a store.

    Parameters
    ----------
    reference
        What the store calls its model.
    store
        The path of the store, for errors.
    named
        The model as the user names it. FILE.py takes its class from `reference`. Default: only an installed model can
        be found.
    say
        Called with one line before a file or a module of the user is imported.

    Raises
    ------
    ModelNotNamed
        If the model is not installed and the user has not named it.
    ModelError
        If `reference` is no plain name, or what the user names cannot be imported.
    """
    if not (reference.isprintable() and _PLAIN.fullmatch(reference)):
        raise ModelError(
            f"the model of {store} must be a name without folders, such as mine.py:Mine, got {reference!r}: "
            "`ensemble run` has not written that"
        )
    if isinstance(named, type):
        return catalog.check_model(named, f"{named.__module__}:{named.__qualname__}")
    if named is None:
        if reference not in catalog.installed():
            raise ModelNotNamed(str(store), reference)
        return catalog.find(reference)
    return catalog.find(
        _with_class(str(named), reference, store),
        announce=lambda what: say(f"importing {what}, the model of {store}"),
    )


def _with_class(named: str, reference: str, store: object) -> str:
    """What the user names, with the class that the store names if it is a file alone."""
    if not named.endswith(".py"):
        return named
    _, colon, name = reference.rpartition(":")
    if not colon:
        raise ModelError(f"the class in {named} must be given, as {named}:CLASS: {store} calls its model {reference}")
    return f"{named}:{name}"
