"""Models that raise oddly or return what cannot be stored: failed realizations, quickly, and the sweep goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from distributed import Client

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.realization.compute import ComputeTask, compute_realizations
from ensemble.run.plan import plan
from ensemble.store import Ledger, Status
from ensemble.verify import verify
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
    job = ComputeTask.at(Path("unused"), sweep.points[0].model, sweep.seed, sweep.observables)
    return compute_realizations(job, [0])[0]


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


ONES = """    def measure_all(self, disorders):
        return {"signal": np.ones((len(disorders), 2))}

"""
ODD = {
    "starts a thread": "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "forks": "import os; (os.fork() or os._exit(0)) and os.wait()",
    "starts a process": "import subprocess; subprocess.run(['true'], check=True)",
    "holds the interpreter": "import ctypes; ctypes.PyDLL(None).usleep(300_000)",
    "changes its disorder": "disorder[:] = disorder[::-1].copy(); disorder = disorder[::-1]",
    "keeps memory": "self.__class__.kept = [*getattr(self.__class__, 'kept', ()), bytearray(2**20)]",
    "prints": "import sys; print('here'); print('there', file=sys.stderr)",
    "leaves its folder": "import os; os.chdir('/')",
    "empties the environment": "import os; os.environ.clear()",
    "lets numbers raise": "np.seterr(all='raise')",
    "seeds the global stream": "np.random.seed(1)",
}


@pytest.mark.parametrize("what", ODD)
def test_what_a_model_does_besides_changes_nothing(
    what: str, write: Callable[..., Sweep], tmp_path: Path, one_worker: str
) -> None:
    run_sweep(write("pass"), tmp_path / "a.zarr", cluster=one_worker)
    assert run_sweep(write(ODD[what]), tmp_path / "b.zarr", cluster=one_worker).computed == 40
    first, second = (ensemble.open(tmp_path / name)["signal"].to_numpy() for name in ("a.zarr", "b.zarr"))
    assert first.tobytes() == second.tobytes()


def test_a_model_that_changes_its_disorder_in_place_is_given_it_anew(
    write: Callable[..., Sweep], tmp_path: Path, one_worker: str
) -> None:
    change = ('"signal": disorder', '"signal": disorder.copy() + 0 * disorder.__imul__(0)')
    run_sweep(write("pass", change), tmp_path / "a.zarr", cluster=one_worker)
    assert verify(tmp_path / "a.zarr", fraction=1, model=tmp_path / "mine.py", cluster=one_worker).well


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"signal": disorder', '"signal": np.random.rand(2)'), "all random numbers must come from the generator"),
        (
            (
                "    def measure(",
                f"{ONES}    def measure(",
            ),
            "measure_all must give what measure gives",
        ),
    ],
    ids=["the global stream", "measure_all"],
)
def test_a_model_that_is_not_the_same_again_is_told(
    change: tuple[str, str], told: str, write: Callable[..., Sweep], tmp_path: Path, one_worker: str
) -> None:
    """Its averages would be those of something that nobody can compute again."""
    with pytest.warns(UserWarning, match=rf"signal of realization 0 at size=2 differ when computed twice, .*{told}"):
        run_sweep(write("pass", change), tmp_path / "a.zarr", cluster=one_worker)
    with pytest.warns(UserWarning, match=told):
        plan(write("pass", change), tmp_path / "b.zarr", 1)
