"""Models that raise oddly or return what cannot be stored: failed realizations, quickly, and the sweep goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client

from ensemble import Sweep, run_sweep
from ensemble.store import Ledger, Status
from ensemble.task import Job, realize
from tests.support.minimal_model import MODEL

HEAD = """
class Broken(Exception):
    def __str__(self):
        raise RuntimeError("no message either")

class Base(BaseException):
    pass
"""

RAISES = {
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "sys.exit": ("import sys; sys.exit('enough')", "SystemExit: enough"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt:"),
    "broken": ("raise Broken", "Broken: (its __str__ raised RuntimeError)"),
    "base": ("raise Base('of its own')", "Base: of its own"),
    "surrogate": (r"raise ValueError('\udcff')", r"ValueError: \udcff"),
    "escapes": (r"raise ValueError('\x1b[31mred')", r"ValueError: \x1b[31mred"),
    "huge": ("raise ValueError(30_000_000 * 'x')", "ValueError: xxx"),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Sweep]:
    """The sweep of a model whose `measure` begins with a statement where the first number is below 0.3."""

    def sweep(statement: str, *changes: tuple[str, str]) -> Sweep:
        text = MODEL.replace("return {", f"if disorder[0] < 0.3:\n            {statement}\n        return {{")
        for old, new in changes:
            text = text.replace(old, new)
        (tmp_path / "mine.py").write_text(HEAD + text)
        table: dict[str, Any] = {"model": "mine.py:Mine", "realizations": 40, "seed": 1, "axes": {"size": [2]}}
        return Sweep.from_table(table, folder=tmp_path)

    return sweep


@pytest.mark.parametrize(
    "limit", [None, pytest.param(60.0, marks=pytest.mark.slow)], ids=["in the worker", "beside it"]
)
@pytest.mark.parametrize("case", RAISES)
def test_whatever_a_model_raises_fails_its_realization_alone(
    case: str, limit: float | None, write: Callable[..., Sweep], cluster: Client, address: str, tmp_path: Path
) -> None:
    """No worker ends, nothing is lost, and what is stored can be read by everyone."""
    statement, line = RAISES[case]
    before = set(cluster.run(lambda: __import__("os").getpid()).values())
    summary = run_sweep(write(statement), tmp_path / "a.zarr", cluster=address, time_limit=limit)
    assert set(cluster.run(lambda: __import__("os").getpid()).values()) == before
    status = Ledger.reading(tmp_path / "a.zarr").status
    assert 0 < (status == Status.FAILED).sum() == summary.failed < 40
    assert (status != Status.TODO).all()
    with xr.open_zarr(tmp_path / "a.zarr") as dataset:
        texts = [str(text) for text in dataset["exception"].to_numpy()[status == Status.FAILED]]
    for text in texts:
        assert text.startswith(line)
        assert 'mine.py", line ' in text
        assert len(text) < 110_000
        assert "\x1b" not in text


def outcome(write: Callable[..., Sweep], dtype: str, value: str) -> Any:
    """What becomes of a realization that returns such a value for an observable of such a type."""
    changes = ('Observable("signal")', f'Observable("signal", dtype="{dtype}")'), ('"signal": disorder', value)
    sweep = write("pass", changes[0], (changes[1][0], f'"signal": {value}'))
    job = Job.at(Path("unused"), sweep.points[0].model, sweep.seed, sweep.observables)
    return realize(job, [0])[0]


@pytest.mark.parametrize(
    ("dtype", "value", "told"),
    [
        ("int8", "np.array([300, 1])", "signal must be stored as int8, which cannot hold 300: declare a wider dtype"),
        ("uint8", "np.array([-1, 1])", "signal must be stored as uint8, but it is int64"),
        ("int64", "np.array([2**63, 1], np.uint64)", "which cannot hold 9223372036854775808"),
        ("float32", "np.array([1e300, 1.0])", "signal must be stored as float32, which cannot hold 1e+300"),
        ("complex64", "np.array([1e300j, 1.0])", "signal must be stored as complex64, which cannot hold 1e+300j"),
        ("float64", "np.array([1j, 1.0])", "signal must be stored as float64, but it is complex128"),
        ("int64", "np.array([1.5, 1.0])", "signal must be stored as int64, but it is float64"),
    ],
)
def test_a_value_that_its_type_cannot_hold_fails_the_realization(
    dtype: str, value: str, told: str, write: Callable[..., Sweep]
) -> None:
    result = outcome(write, dtype, value)
    assert result.arrays is None
    assert result.exception.startswith("ModelError: ")
    assert told in result.exception.partition("\n")[0]


@pytest.mark.parametrize(
    ("dtype", "value", "stored"),
    [
        ("int8", "np.array([-128, 127])", [-128, 127]),
        ("float32", "np.array([0.1, np.inf])", [np.float32(0.1), np.inf]),
        ("float64", "np.array([2, 3], np.int8)", [2.0, 3.0]),
        ("int64", "np.array([True, False])", [1, 0]),
    ],
)
def test_a_value_that_its_type_holds_is_stored(
    dtype: str, value: str, stored: list[float], write: Callable[..., Sweep]
) -> None:
    result = outcome(write, dtype, value)
    assert result.arrays["signal"][0].tolist() == stored, result.exception
    assert result.arrays["signal"].dtype == dtype
