"""A figure that is computed once, on the real cluster."""

from pathlib import Path

import pytest
from distributed import Client

from ensemble.figure import Declaration, Result, compute, evaluate
from ensemble.run import Watch
from tests.support.declared import written
from tests.support.once import made_once


@pytest.fixture(scope="package")
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Declaration:
    """The figure of the small glass."""
    return Declaration.read(written(tmp_path_factory.mktemp("declared")))


@pytest.fixture(scope="package")
def stores(declaration: Declaration, cluster: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its stores, at the scale quick."""

    def make(folder: Path) -> None:
        compute(declaration, "quick", folder, lambda: cluster, watch=Watch())

    return made_once(tmp_path_factory, "computed", make)


@pytest.fixture(scope="package")
def result(declaration: Declaration, stores: Path) -> Result:
    """What it shows."""
    return evaluate(declaration, "quick", stores)
