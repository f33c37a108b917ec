"""Models in files and in notebooks on workers that do not have them: modules, tracebacks, caches, edits."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import xarray as xr
from distributed import Client
from nbclient import NotebookClient

from ensemble import Sweep, run_sweep
from ensemble.errors import ModelError
from ensemble.models import catalog
from ensemble.models.importing import source_of
from ensemble.models.packing import pack, unpack
from ensemble.models.source import MOST_BYTES, PREFIX
from ensemble.realization.compute import ComputeTask, compute_realizations, measure_disorder
from ensemble.realization.random_streams import spawn_key
from ensemble.store import Ledger, Status
from tests.support.clusters import scheduler, worker
from tests.support.command import line
from tests.support.contents import chunks, contents
from tests.support.elsewhere import python
from tests.support.faults import workers
from tests.support.minimal_model import MODEL
from tests.support.processes import read_output, start
from tests.support.waiting import wait_during

SWEEP: dict[str, Any] = {"model": "mine.py:Mine", "realizations": 6, "seed": 1, "axes": {"size": [2, 3]}}
RAISES = MODEL.replace('return {"signal": disorder}', 'return {"signal": disorder / self.missing}')


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster whose worker runs in another folder, with no path of the tests."""
    with scheduler(tmp_path_factory.mktemp("far")) as (file, _), worker(file):
        yield file


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Sweep]:
    """Writes the files of a model and gives its sweep; keywords are other files, by their names."""

    def files(model: str = MODEL, **others: str) -> Sweep:
        (tmp_path / "mine.py").write_text(model)
        for name, text in others.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return Sweep.from_table(SWEEP, folder=tmp_path)

    return files


def away(folder: Path) -> None:
    """Move the file of a model where no process looks for it."""
    (folder / "mine.py").rename(folder / "moved.py")


def job(sweep: Sweep) -> ComputeTask:
    return ComputeTask.at(Path("unused"), sweep.points[0].model, sweep.seed, sweep.observables)


def failures(store: Path) -> list[str]:
    """What the store keeps of each failed realization."""
    ledger = Ledger.reading(store)
    assert (ledger.status == Status.FAILED).all()
    with xr.open_zarr(store) as dataset:
        return [str(text) for text in dataset["exception"].to_numpy().flat]


@pytest.mark.drift
@pytest.mark.parametrize("options", [{}, {"time_limit": 60.0}], ids=["in the worker", "beside it"])
def test_a_failure_far_away_names_file_line_and_text(
    options: dict[str, Any], write: Callable[..., Sweep], far: str, tmp_path: Path
) -> None:
    sweep = write(RAISES)
    away(tmp_path)
    run_sweep(sweep, tmp_path / "a.zarr", cluster=far, **options)
    line = RAISES.splitlines().index('        return {"signal": disorder / self.missing}') + 1
    where = (
        f'  File "{tmp_path / "mine.py"}", line {line}, in measure\n    return {{"signal": disorder / self.missing}}\n'
    )
    for text in failures(tmp_path / "a.zarr"):
        assert where in text
        assert "AttributeError: 'Mine' object has no attribute 'missing'" in text


def test_a_file_is_imported_once_by_each_process(write: Callable[..., Sweep], far: str, tmp_path: Path) -> None:
    counting = f"with open({str(tmp_path / 'imports')!r}, 'a') as file:\n    file.write('.')\n"
    sweep = write(counting + MODEL)
    for number, seed in enumerate((1, 2)):
        again = Sweep.from_table({**SWEEP, "seed": seed}, folder=tmp_path)
        run_sweep(again, tmp_path / f"{number}.zarr", cluster=far, batch=1)
    assert (tmp_path / "imports").read_text() == 2 * ".", "one import by the driver, and one by the worker"
    assert again.model is sweep.model


@pytest.mark.drift
def test_modules_beside_the_file_travel_with_it(write: Callable[..., Sweep], far: str, tmp_path: Path) -> None:
    """At the top, in a function, from a package with relative imports, from a folder without an __init__."""
    model = MODEL.replace(
        'return {"signal": disorder}', 'from late import twice\n        return {"signal": twice(disorder)}'
    )
    sweep = write(
        "import shapes.curves\nimport shapes\nfrom loose import tools\nimport random, helper as h\n"
        + model.replace("rng.random(2)", "h.shift(shapes.curves.line(tools.ones(2)) * rng.random(2))"),
        helper="def shift(x):\n    return x + 1.0\n",
        late="def twice(x):\n    return 2 * x\n",
        shapes____init__="",
        shapes__curves="from .numbers import factor\ndef line(x):\n    return factor * x\n",
        shapes__numbers="factor = 3.0\n",
        loose__tools="import numpy\ndef ones(n):\n    return numpy.ones(n)\n",
        random="raise AssertionError('the standard library comes first')\n",
    )
    files = [*tmp_path.glob("*.py"), tmp_path / "shapes", tmp_path / "loose"]
    for path in files:
        shutil.move(path, tmp_path / f"{path.name}.moved")
    run_sweep(sweep, tmp_path / "a.zarr", cluster=far)
    found = contents(tmp_path / "a.zarr")["signal"]
    signal = np.frombuffer(found[1]).reshape(found[0])[0, 0]
    key = spawn_key(sweep.points[0].model, 0)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(1, spawn_key=key)))
    np.testing.assert_array_equal(signal, 2 * (3 * rng.random(2) + 1))
    assert "helper" not in sys.modules
    assert str(tmp_path) not in sys.path


def test_models_do_not_share_modules_of_one_name(write: Callable[..., Sweep], tmp_path: Path) -> None:
    model = "from helper import FACTOR\n" + MODEL.replace('"signal": disorder', '"signal": FACTOR * np.ones(2)')
    found = []
    for factor in (1.0, 2.0):
        sweep = write(model, helper=f"FACTOR = {factor}\n")
        found.append(measure_disorder(job(sweep), 0)["signal"].tolist())
    assert found == [[1.0, 1.0], [2.0, 2.0]]


def test_an_edit_changes_the_digest_and_not_what_runs(write: Callable[..., Sweep], tmp_path: Path) -> None:
    model = "from helper import FACTOR\n" + MODEL.replace('"signal": disorder', '"signal": FACTOR * np.ones(2)')
    before = write(model, helper="FACTOR = 1.0\n")
    packed = pack(before.points[0].model)
    after = write(model, helper="FACTOR = 2.0\n")
    code = f"from ensemble.models.packing import *; print(unpack({packed!r}).measure(None)['signal'].tolist())"
    said = read_output(python(code))
    assert said == "[1.0, 1.0]\n"
    sources = [source_of(each.model) for each in (before, after)]
    assert all(sources)
    assert sources[0].digest != sources[1].digest  # type: ignore[union-attr]


def test_the_text_that_runs_is_shown_even_if_the_file_is_edited(write: Callable[..., Sweep], tmp_path: Path) -> None:
    sweep = write(RAISES)
    (tmp_path / "mine.py").write_text("# edited\n" * 40)
    (outcome,) = compute_realizations(job(sweep), [0])
    assert 'return {"signal": disorder / self.missing}' in outcome.exception
    assert "# edited" not in outcome.exception


ORDINARY = """
import enum
import functools
import numba

class Kind(enum.Enum):
    PLAIN = 1.5

@functools.lru_cache
def slow(size):
    return float(size)

@numba.njit(cache=True)
def compiled(x, factor):
    return factor * x

def scaled(factor):
    return lambda x: factor * x

TWICE = scaled(2.0)
""" + MODEL.replace(
    'return {"signal": disorder}',
    'return {"signal": TWICE(compiled(disorder, slow(self.size) * Kind.PLAIN.value * self.half))}\n\n'
    "    @functools.cached_property\n    def half(self):\n        return 0.5",
)


@pytest.mark.drift
def test_ordinary_python_works_far_away(write: Callable[..., Sweep], far: str, address: str, tmp_path: Path) -> None:
    """Caches of functions and properties, enums, closures and compiled functions that are cached on disk."""
    sweep = write(ORDINARY)
    run_sweep(sweep, tmp_path / "near.zarr", cluster=address)
    away(tmp_path)
    run_sweep(sweep, tmp_path / "far.zarr", cluster=far)
    assert contents(tmp_path / "far.zarr") == contents(tmp_path / "near.zarr")
    assert (Ledger.reading(tmp_path / "far.zarr").status == Status.DONE).all()


def test_machine_code_of_another_version_is_not_taken(write: Callable[..., Sweep], tmp_path: Path) -> None:
    """Numba's files are keyed by the file on disk; where that is not the source that runs, they are left alone."""
    text = "import numba\n@numba.njit(cache=True)\ndef number(x):\n    return 1.0 * x\n" + MODEL.replace(
        '"signal": disorder', '"signal": number(np.ones(2))'
    )
    packed = pack(write(text).points[0].model)
    newer = write(text.replace("1.0 * x", "2.0 * x"))
    assert measure_disorder(job(newer), 0)["signal"].tolist() == [2.0, 2.0]
    assert list((tmp_path / "__pycache__").glob("mine.number-*.nbi"))
    code = f"from ensemble.models.packing import *; print(unpack({packed!r}).measure(None)['signal'].tolist())"
    said = read_output(python(code))
    assert said == "[1.0, 1.0]\n"


@pytest.mark.parametrize(
    ("model", "others", "told"),
    [
        (
            "import importlib\nimportlib.import_module('helper')\n",
            {"helper": ""},
            "; helper.py does not travel with it",
        ),
        ("from ..above import thing\n", {}, "ImportError: attempted relative import beyond top-level package"),
        ("import helper\n", {"helper": "def broken(:\n"}, "SyntaxError: invalid syntax (helper.py, line 1)"),
        ("raise SystemExit(3)\n", {}, "SystemExit: 3"),
        ("import helper\n", {"helper": f"TABLE = '{'x' * MOST_BYTES}'\n"}, "bytes in all, since they travel"),
        ("# coding: nonsense\n", {}, "cannot be decoded: unknown encoding"),
        ("import nowhere_at_all\n", {}, "No module named 'nowhere_at_all'"),
    ],
)
def test_what_cannot_travel_is_refused(
    model: str, others: dict[str, str], told: str, write: Callable[..., Sweep], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=re.escape(told)):
        write(model + MODEL, **others)
    assert not [
        name for name in sys.modules if name.startswith(PREFIX) and name.endswith(".mine") and _of(name, tmp_path)
    ]


def _of(name: str, folder: Path) -> bool:
    return str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder))


def test_compiled_code_beside_a_model_is_named(write: Callable[..., Sweep], tmp_path: Path) -> None:
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"")
    with pytest.raises(ModelError, match=r"fast\.cpython-311-x86_64-linux-gnu\.so does not travel with it"):
        write("import fast\n" + MODEL)


@pytest.mark.parametrize("name", ["random.py", "my.model.py", "my-model.py", "ensemble.py"])
def test_any_file_name_will_do(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("import random\nrandom.random()\n" + MODEL)
    model = catalog.find(f"{name}:Mine", tmp_path)()
    assert type(unpack(pack(model))) is type(model)


NOTEBOOK = [
    MODEL.replace('return {"signal": disorder}', 'return {"signal": helper(disorder)}'),
    "def helper(x):\n    return x / nothing  # a name that is nowhere",
    """
from pathlib import Path
from distributed import Client
from ensemble.realization.compute import ComputeTask, compute_realizations
job = ComputeTask.at(Path("unused"), Mine(size=2), 1, ["signal"])
with Client(scheduler_file=FILE, set_as_default=False) as client:
    (outcome,) = client.submit(compute_realizations, job, [0], pure=False).result()
print(outcome.exception)
""",
]


@pytest.mark.drift
def test_a_class_in_a_notebook_travels_with_its_lines(far: str, tmp_path: Path) -> None:
    """A real kernel: the traceback on the worker shows the lines of both cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text.replace("FILE", repr(far))) for text in NOTEBOOK]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = notebook.cells[-1].outputs[0].text
    assert "NameError: name 'nothing' is not defined" in said
    assert '    return {"signal": helper(disorder)}\n' in said
    assert "    return x / nothing  # a name that is nowhere\n" in said
    assert "<dynamic-code>" not in said


@pytest.mark.drift
def test_a_class_in_a_script_travels_with_its_lines(far: str, tmp_path: Path) -> None:
    script = "\n".join(NOTEBOOK).replace("FILE", repr(far))
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "-P", "script.py"]
    said = read_output(command, tmp_path)
    line = script.splitlines().index("    return x / nothing  # a name that is nowhere") + 1
    assert f'script.py", line {line}, in helper\n    return x / nothing  # a name that is nowhere\n' in said


def test_what_travels_does_not_grow_with_the_sweep(write: Callable[..., Sweep], cluster: Client) -> None:
    """All points share the bytes of their source."""
    sweep = write()
    first, second = (pack(point.model) for point in sweep.points)
    assert first.source is second.source


@pytest.mark.slow
def test_an_edit_during_a_run_reaches_no_worker_not_even_one_that_starts_anew(tmp_path: Path, address: str) -> None:
    """The file is edited when the first chunk is there, and then every worker is killed once."""
    slow = "import time\n" + MODEL.replace("return {", "time.sleep(0.05)\n        return {")
    (tmp_path / "mine.py").write_text(slow)
    sweep = 'model = "mine.py:Mine"\nrealizations = 60\nseed = 1\naxes.size = [2, 3]\nstore.chunk = 2\n'
    (tmp_path / "sweep.toml").write_text(sweep)
    with start(line("run", "sweep.toml", "--store", "a.zarr"), tmp_path) as run:
        wait_during(run, lambda: chunks(tmp_path / "a.zarr", "signal") >= 2)
        (tmp_path / "mine.py").write_text(slow.replace('"signal": disorder', '"signal": disorder + 1.0'))
        for each in workers(run):
            each.kill()
        assert run.wait(120) == 0
    (tmp_path / "mine.py").write_text(slow)
    run_sweep(Sweep.read(tmp_path / "sweep.toml"), tmp_path / "b.zarr", cluster=address)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")
