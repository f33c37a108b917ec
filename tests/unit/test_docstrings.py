"""The examples in docstrings, run as they are printed."""

import doctest
import importlib
import pkgutil

import pytest

import ensemble

MODULES = [
    module.name
    for module in pkgutil.walk_packages(ensemble.__path__, "ensemble.")
    if not module.name.endswith(("__main__", ".worker", ".fork_server_preload"))
]


@pytest.mark.parametrize("folder", sorted({name.split(".")[1] for name in MODULES}))
def test_examples(folder: str) -> None:
    """All examples of a folder of the package."""
    for name in MODULES:
        if name.split(".")[1] == folder:
            failed, _ = doctest.testmod(importlib.import_module(name))
            assert failed == 0, name


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) >= 10
