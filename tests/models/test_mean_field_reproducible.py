"""The same realization of a mean-field glass has the same observables to the last bit, whoever measures it."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from threadpoolctl import threadpool_limits

from ensemble.models.mean_field import ElectronGlass, MeanFieldTLSGlass
from ensemble.store.group import commit
from ensemble.verify import verify
from tests.support import command
from tests.support.digests import record
from tests.support.elsewhere import printed
from tests.support.processes import read_output

Glass = MeanFieldTLSGlass | ElectronGlass


def bits(N: int) -> str:
    """All observables of one realization of each glass, to the last bit."""
    found = []
    models: list[Any] = [MeanFieldTLSGlass(N=N), ElectronGlass(N=N), ElectronGlass(N=N, precise=False)]
    for model in models:
        measured = model.measure(model.draw(np.random.default_rng(5)))
        found.append([np.asarray(measured[name]).tobytes().hex() for name in sorted(type(model).observables)])
    return repr(found)


def elsewhere(threads: int, leftover: int) -> str:
    """What another process finds."""
    return printed("from tests.models.test_mean_field_reproducible import bits; print(bits(80))", threads, leftover)


@pytest.mark.slow
def test_processes_and_leftovers_in_memory_change_no_bit() -> None:
    assert elsewhere(1, leftover=1) == elsewhere(2, leftover=127) == bits(80)


def test_threads_of_the_linear_algebra_change_no_bit() -> None:
    """300 x 300 matrices, where those of one and of two threads do differ."""
    with threadpool_limits(limits=1, user_api="blas"):
        expected = bits(300)
    with threadpool_limits(limits=2, user_api="blas"):
        assert bits(300) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"), [("tls_glass_mean_field", MeanFieldTLSGlass), ("electron_glass", ElectronGlass)]
)
def test_a_store_of_another_processor_is_well(name: str, kind: type[Glass], tmp_path: Path, address: str) -> None:
    """Computed with the linear algebra of an older one, verified with that of this one; and a value that is wrong."""
    found_by_lapack = sorted(name for name, observable in kind.observables.items() if observable.on_request)
    (tmp_path / "glass.toml").write_text(
        f"""
        model = "{name}"
        realizations = 4
        seed = 1
        observables = {json.dumps([*found_by_lapack, "mean_log_rate", "relaxation"])}
        axes.N = [10, 100]
        """
    )
    older = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    read_output(command.line("run", "glass.toml"), tmp_path, env=older)
    store = tmp_path / "glass.zarr"
    (code,) = json.loads(str(zarr.open_group(store).attrs["provenance"]))
    commit(store, {"provenance": json.dumps([{**code, "cpu": "an older one"}])})
    verdict = verify(store, fraction=1, cluster=address)
    assert verdict.well
    assert not verdict.recomputed.differences
    relaxation = zarr.open_array(store / "relaxation", mode="r+")
    relaxation[0, 0, 0, 0, 2] = np.asarray(relaxation[0, 0, 0, 0, 2]) * (1 - 1e-4)
    record(store)
    (found,) = verify(store, fraction=1, cluster=address).recomputed.differences
    assert (found.observable, found.realization) == ("relaxation", 2)
