"""Find the model that a store was computed with: an installed model, or one that the user names.

A store may come from an untrusted source. So the model name in a store is only compared and printed; no file or module
that a store names is imported:

    "tls_glass"              imported if an installed package provides this entry point of `ensemble.models`
    "my_model.py:MyModel"    imported only from the file that the user names
    "my_package.glass:Glass" imported only if the user names it
"""

import re
from collections.abc import Callable
from pathlib import Path

from ensemble.errors import ModelError, ModelNotNamed
from ensemble.models import catalog
from ensemble.models.model import Model

Named = str | Path | type[Model]
"""Model as the user gives it: FILE.py, FILE.py:CLASS, MODULE:CLASS, the name of an installed model, or its class."""

_PLAIN = re.compile(r"(?!\.\.)[^/\\:]+|(?!\.\.)[^/\\:]+:[^\W\d]\w*")
"""Valid model names in a store: a name alone, or a file or module without folders, with the name of a class."""


def stored_model(
    reference: str, store: object, named: Named | None, say: Callable[[str], None] = lambda _: None
) -> type[Model]:
    """Return the model class of a store.

    Parameters
    ----------
    reference
        Name of the model in the store.
    store
        Path of the store, for error messages.
    named
        The model as the user gives it. For FILE.py alone, the name of the class is taken from `reference`. Default:
        only installed models are found.
    say
        Called with one line before a file or module of the user is imported.

    Returns
    -------
    type
        The class of the model.

    Raises
    ------
    ModelNotNamed
        If the model is not installed and the user has not named it.
    ModelError
        If `reference` is not a valid name, or if the model that the user names cannot be imported.
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
    """Return the model that the user names; the name of the class in the store is appended to FILE.py."""
    if not named.endswith(".py"):
        return named
    _, colon, name = reference.rpartition(":")
    if not colon:
        raise ModelError(f"the class in {named} must be given, as {named}:CLASS: {store} calls its model {reference}")
    return f"{named}:{name}"
