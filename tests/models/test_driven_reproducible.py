"""The same realization of driven spins has the same observables to the last bit, whoever measures it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import zarr
from threadpoolctl import threadpool_limits

from ensemble.models.driven_spins import DrivenSpins
from ensemble.store.group import commit
from ensemble.verify import verify
from tests.support import command
from tests.support.digests import record
from tests.support.elsewhere import printed
from tests.support.processes import read_output


def bits(N: int) -> str:
    """All observables of one realization at every point, to the last bit."""
    found = []
    for temperature in (1.2, 12.0):
        for dynamics in ("nonsecular", "hilbert"):
            model = DrivenSpins(N=N, temperature=temperature, dynamics=dynamics, frequency=(-1.2, 0.0, 2.0))
            measured = model.measure(model.draw(np.random.default_rng(5)))
            found.append([np.asarray(measured[name]).tobytes().hex() for name in sorted(model.observables)])
    return repr(found)


def elsewhere(threads: int, leftover: int) -> str:
    """What another process finds."""
    return printed("from tests.models.test_driven_reproducible import bits; print(bits(6))", threads, leftover)


@pytest.mark.slow
def test_processes_and_leftovers_in_memory_change_no_bit() -> None:
    assert elsewhere(1, leftover=1) == elsewhere(2, leftover=127) == bits(6)


def test_threads_of_the_linear_algebra_change_no_bit() -> None:
    """256 x 256 matrices, where those of one and of two threads do differ."""
    with threadpool_limits(limits=1, user_api="blas"):
        expected = bits(8)
    with threadpool_limits(limits=2, user_api="blas"):
        assert bits(8) == expected


@pytest.mark.slow
def test_a_store_of_another_processor_is_well(tmp_path: Path, address: str) -> None:
    """Computed with the linear algebra of an older one, verified with that of this one; and a value that is wrong."""
    (tmp_path / "spins.toml").write_text(
        f"""
        model = "driven_spins"
        realizations = 6
        seed = 1
        observables = {json.dumps(sorted(DrivenSpins.observables))}
        axes.N = [4, 6]
        axes.temperature = [1.2, 12.0]
        axes.dynamics = ["nonsecular", "hilbert"]
        parameters.frequency = {{ start = -5, stop = 5, num = 11 }}
        """
    )
    older = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    read_output(command.line("run", "spins.toml"), tmp_path, env=older)
    store = tmp_path / "spins.zarr"
    (code,) = json.loads(str(zarr.open_group(store).attrs["provenance"]))
    commit(store, {"provenance": json.dumps([{**code, "cpu": "an older one"}])})
    verdict = verify(store, fraction=1, cluster=address)
    assert verdict.well
    assert not verdict.recomputed.differences
    spectrum = zarr.open_array(store / "spectrum", mode="r+")
    spectrum[0, 0, 0, 0, 2] = np.asarray(spectrum[0, 0, 0, 0, 2]) * (1 + 1e-4)
    record(store)
    (found,) = verify(store, fraction=1, cluster=address).recomputed.differences
    assert (found.observable, found.realization) == ("spectrum", 2)
