"""A figure that is computed once, on the real cluster."""

import pickle
from pathlib import Path

import pytest
from distributed import Client

from ensemble.plot.figure import Declaration, Result, compute, evaluate
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
def result(declaration: Declaration, stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What it shows; its fits take long, so they too are made in one process only."""

    def make(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "result").write_bytes(pickle.dumps(evaluate(declaration, "quick", stores)))

    found = pickle.loads((made_once(tmp_path_factory, "evaluated", make) / "result").read_bytes())
    assert isinstance(found, Result)
    return found
