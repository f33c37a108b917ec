"""Many at a time: readers beside a driver, observables in one store, bytes that are changed in metadata."""

import contextlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.errors import EnsembleError
from ensemble.store import Ledger
from ensemble.verify import verify
from tests.support.command import line
from tests.support.contents import chunks, contents
from tests.support.faults import FAILURES_TOLD, RUN, ContentsOf, sweep, told
from tests.support.processes import start
from tests.support.waiting import wait_during

pytestmark = [pytest.mark.faults, pytest.mark.slow]

SMALL, LARGE = sweep(realizations=20), sweep(realizations=40, sizes=(2, 3, 5))


def test_twenty_readers_beside_a_store_that_grows(tmp_path: Path, address: str, contents_of: ContentsOf) -> None:
    """Along both dimensions; each of them meets a whole store, the old one or the new one, and none is in the way."""
    (tmp_path / "sweep.toml").write_text(SMALL)
    run_sweep(Sweep.read(tmp_path / "sweep.toml"), tmp_path / "a.zarr", cluster=address)
    (tmp_path / "sweep.toml").write_text(LARGE)
    before = chunks(tmp_path / "a.zarr")
    with start(line(*RUN, "--cluster", address), tmp_path) as run, contextlib.ExitStack() as stack:
        wait_during(run, lambda: chunks(tmp_path / "a.zarr") > before)
        commands = [("average", "a.zarr", "--json"), ("status", "a.zarr"), ("verify", "a.zarr", "--fraction", "0")]
        commands[2] += ("--cluster", address)
        readers = [stack.enter_context(start(line(*commands[number % 3]), tmp_path)) for number in range(20)]
        for number, reader in enumerate(readers):
            code, said = told(reader)
            assert code == 0, (commands[number % 3], said)
            assert "Traceback" not in said
        code, said = told(run)
        assert code == FAILURES_TOLD, said
    assert contents(tmp_path / "a.zarr") == contents_of(LARGE)


def test_bytes_that_are_changed_in_metadata(tmp_path: Path, address: str) -> None:
    """In each of its files, at random: the right numbers, or one sentence, whoever reads."""
    (tmp_path / "sweep.toml").write_text(SMALL)
    asked = Sweep.read(tmp_path / "sweep.toml")
    run_sweep(asked, tmp_path / "right.zarr", cluster=address)
    right = ensemble.average(tmp_path / "right.zarr")
    store, dice = tmp_path / "a.zarr", random.Random(7)
    readers: tuple[Callable[[], Any], ...] = (
        lambda: ensemble.average(store),
        lambda: ensemble.open(store)["walk"].mean("realization").load(),
        lambda: Ledger.reading(store).status,
        lambda: verify(store, fraction=0, cluster=address),
        lambda: run_sweep(asked, store, cluster=address),
    )
    files = sorted(path.relative_to(tmp_path / "right.zarr") for path in (tmp_path / "right.zarr").rglob("zarr.json"))
    assert len(files) > 10
    refused = 0
    for file in files:
        for _ in range(6):
            shutil.rmtree(store, ignore_errors=True)
            shutil.copytree(tmp_path / "right.zarr", store)
            data = bytearray((store / file).read_bytes())
            for _ in range(dice.choice((1, 1, 3))):
                data[dice.randrange(len(data))] = dice.randrange(256)
            (store / file).write_bytes(data)
            try:
                found = dice.choice(readers)()
            except EnsembleError:
                refused += 1
                continue
            if hasattr(found, "data_vars"):
                for name in right.data_vars:
                    assert np.array_equal(found[name], right[name], equal_nan=found[name].dtype.kind == "f")
    assert refused > 5  # most files are needed by some readers only


MANY = """
from dataclasses import dataclass
import numpy as np
from ensemble import Model, Observable, parameter

@dataclass(frozen=True)
class Many(Model):
    size: int = parameter(2, long_name="size")
    observables = {
        f"of_{number}": Observable("one of many", dims=(), dtype=("int64", "float64", "complex64")[number % 3])
        for number in range(50)
    }
    draw_fields = ("size",)

    def draw(self, rng):
        return rng.integers(0, 1000, 50)

    def measure(self, disorder):
        return {name: disorder[number] for number, name in enumerate(self.observables)}
"""


def test_fifty_observables(tmp_path: Path, address: str) -> None:
    (tmp_path / "many.py").write_text(MANY)
    table: dict[str, Any] = {"model": "many.py:Many", "realizations": 30, "seed": 1, "axes": {"size": [2, 3, 4]}}
    run_sweep(Sweep.from_table(table, folder=tmp_path), tmp_path / "a.zarr", cluster=address)
    assert verify(tmp_path / "a.zarr", fraction=1, model=tmp_path / "many.py", cluster=address).well
    changed = zarr.open_array(tmp_path / "a.zarr" / "of_31", mode="r+")
    changed[1, 7] = float(np.asarray(changed[1, 7])) + 1
    (damage,) = verify(tmp_path / "a.zarr", model=tmp_path / "many.py", cluster=address).damages
    assert (damage.holds, damage.realizations) == ("of_31", (7, 8))
