"""The conformance suite, over every model in the repository and the one that README shows."""

from pathlib import Path
from typing import Any

import pytest

from ensemble import Sweep
from ensemble.models import catalog
from tests.support import conformance
from tests.support.cases import CASES
from tests.support.documents import block


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sweep, dict[str, Any]]:
    (tmp_path / "random_field.py").write_text(block("random_field.py"))
    table, changes = CASES[request.param]
    common = {"realizations": 20, "seed": 3, "store": {"chunk": 8}}
    return Sweep.from_table({**common, **table}, folder=tmp_path), changes


def test_every_installed_model_is_a_case() -> None:
    assert set(catalog.installed()) <= set(CASES)


def test_shapes(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_shapes(case[0])


def test_observables_alone(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_observables_alone(case[0])


def test_measured_together(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_measured_together(case[0])


def test_of_means(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_of_means(case[0])


def test_labels(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_labels(case[0].model)


def test_determinism(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_determinism(case[0])


def test_pickling(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_pickling(case[0])


def test_common_disorder(case: tuple[Sweep, dict[str, Any]]) -> None:
    conformance.check_common_disorder(*case)


@pytest.mark.slow
def test_independence(case: tuple[Sweep, dict[str, Any]], tmp_path: Path, one_worker: str, address: str) -> None:
    conformance.check_independence(case[0], tmp_path, one_worker, address)
