"""Which code computed what: found out by the driver, told with every realization, looked up in the store."""

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.models.random_state import RandomState
from ensemble.realization.comparison import different_versions
from ensemble.store import Ledger, Receipt, provenance
from ensemble.store.code_versions import CodeVersions, Part, computed_by_others
from ensemble.store.provenance import THREADS, UNKNOWN, CodeOrigin
from tests.support import SUPPORT
from tests.support.command import run
from tests.support.minimal_model import MODEL
from tests.support.processes import read_output
from tests.support.toy_model import ToyModel

Toy = Callable[..., Sweep]

PACKAGE = Path(ensemble.__file__).parent
ASK = (
    "import json, ensemble.store.provenance as p\n"
    "from ensemble.models.random_state import RandomState as model\n"
    "from dataclasses import asdict\n"
    "print(json.dumps({**asdict(p.code_origin(model)), 'file': p.__file__}))\n"
)
ASK_THREADS = (
    "import sys, ensemble.store.provenance as p\n"
    "asked = p.CodeOrigin('source', 'commit', False, '')\n"
    "before = p.current_code(asked)['numba_threads'], 'numba' in sys.modules\n"
    "import numba\n"
    "p.current_code.cache_clear()\n"
    "print(*before, p.current_code(asked)['numba_threads'])\n"
)
SWEEP = 'model = "mine.py:Mine"\nrealizations = 6\nseed = 0\naxes.size = [2, 3]\nstore.chunk = 4\n'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package, for Python to find before any other."""
    shutil.copytree(PACKAGE, tmp_path / "src" / "ensemble", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


def origin_of(folder: Path, *others: Path) -> CodeOrigin:
    """What a fresh process finds out about the package in a folder; others come after it on Python's path."""
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (folder, *others))), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = [sys.executable, "-c", ASK]
    told = json.loads(read_output(asked, folder, env={**os.environ, **paths}))
    assert Path(told.pop("file")).is_relative_to(folder)
    return CodeOrigin(**told)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false")
    return read_output(["git", *who, *arguments], folder).strip()


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(copy: Path) -> None:
    loose = origin_of(copy)
    assert loose == CodeOrigin(source=provenance.source(), commit=UNKNOWN, dirty=False, model="")
    git(copy, "init", "-q")
    assert origin_of(copy).commit == UNKNOWN, "files that git does not track are of no commit"
    git(copy, "add", "ensemble")
    git(copy, "commit", "-q", "-m", "all")
    clean = CodeOrigin(loose.source, git(copy, "rev-parse", "HEAD"), dirty=False, model="")
    assert origin_of(copy) == clean
    (copy / "beside.txt").write_text("not of the package")
    assert origin_of(copy) == clean
    with (copy / "ensemble" / "errors.py").open("a") as file:
        file.write("# changed\n")
    changed = origin_of(copy)
    assert (changed.commit, changed.dirty) == (clean.commit, True)
    assert changed.source != clean.source


def test_what_git_does_not_know_may_still_be_installed_from_a_commit(copy: Path) -> None:
    metadata = copy / "ensemble-0.2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ensemble\nVersion: 0.2.0\n")
    address = {"url": "https://localhost/ensemble.git", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
    (metadata / "direct_url.json").write_text(json.dumps(address))
    assert origin_of(copy).commit == "a" * 40
    elsewhere = copy.parent / "elsewhere"
    shutil.move(copy / "ensemble", elsewhere / "ensemble")
    assert origin_of(elsewhere, copy).commit == UNKNOWN, "another copy than the one that was installed"


def test_a_renamed_file_is_another_source(copy: Path) -> None:
    before = origin_of(copy).source
    (copy / "ensemble" / "cli" / "drawing.py").rename(copy / "ensemble" / "cli" / "drawings.py")
    assert origin_of(copy).source != before


def test_the_file_of_a_model_of_ones_own_is_told() -> None:
    path = SUPPORT / "toy_model.py"
    assert provenance.code_origin(ToyModel).model == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert provenance.code_origin(RandomState).model == ""
    made = type("Made", (), {"__module__": "nowhere"})
    assert provenance.code_origin(made).model == UNKNOWN


def test_a_worker_takes_the_word_of_a_driver_with_the_same_files_only() -> None:
    ours = CodeOrigin(provenance.source(), "c" * 40, dirty=True, model="m")
    told = provenance.current_code(ours)
    assert (told["commit"], told["dirty"], told["model"]) == ("c" * 40, "yes", "m")
    assert (told["numpy"], told["python"]) == (np.__version__, platform.python_version())
    linear_algebra = [each for each in threadpool_info() if each["user_api"] == "blas"]
    assert linear_algebra
    assert all(f"{each['internal_api']} {each['version']}" in told["blas"] for each in linear_algebra)
    assert all(told.values())
    other = provenance.current_code(CodeOrigin("another", "c" * 40, dirty=True, model="m"))
    assert (other["commit"], other["source"]) == (UNKNOWN, provenance.source())
    assert "dirty" not in other


@pytest.mark.slow
def test_a_changed_model_continues_a_store_and_is_told(tmp_path: Path, address: str) -> None:
    """First two points of 6 realizations, then 9 of a file with one more comment, and one more point."""
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "mine.toml").write_text(SWEEP)
    first = run(tmp_path, "run", "mine.toml", "--cluster", address)
    assert first.returncode == 0, first.stderr
    assert "other code" not in first.stderr
    alone = run(tmp_path, "status", "mine.zarr", "--provenance")
    assert "other code" not in alone.stdout

    changed = f"{MODEL}# a comment\n"
    (tmp_path / "mine.py").write_text(changed)
    (tmp_path / "mine.toml").write_text(SWEEP.replace("realizations = 6", "realizations = 9"))
    second = run(tmp_path, "run", "mine.toml", "--cluster", address)
    assert second.returncode == 0, second.stderr
    old, new = (hashlib.sha256(text.encode()).hexdigest()[:12] for text in (MODEL, changed))
    said = [line for line in second.stderr.splitlines() if "other code" in line]
    assert said == [f"12 realizations of this store were computed by other code: model was {old}, is {new}"]

    told = json.loads(run(tmp_path, "status", "mine.zarr", "--provenance", "--json").stdout)
    counts = [(each["versions"]["model"], each["realizations"], each["chunks"]) for each in told["codes"]]
    assert counts == [(old, 12, 4), (new, 6, 4)]
    assert told["parts"] == [{"point": {"size": size}, "first": 6, "last": 8, "code": 1} for size in (2, 3)]
    assert told["codes"][0]["last"] <= told["codes"][1]["first"]
    lines = run(tmp_path, "status", "mine.zarr", "--provenance").stdout.splitlines()
    assert [line.split()[1] for line in lines if line.split()[:1] in (["1"], ["2"])] == [old, new]
    parts = [line for line in lines if "other code than the rest" in line]
    assert parts == [
        f"size = {size}: realizations 6 to 8 were computed by other code than the rest, code 2" for size in (2, 3)
    ]


def test_another_machine_or_commit_is_no_other_code(toy: Toy, tmp_path: Path) -> None:
    """The same files on three machines; then, in the middle of one point, other files; some is not computed."""
    same = {"ensemble": "1", "source": "s", "commit": "a", "dirty": "no", "host": "one", "cpu": "x"}
    one, many = dict.fromkeys(THREADS, "1"), dict.fromkeys(THREADS, "8")
    other = {**same, "commit": "b", "dirty": "yes", "host": "three", **many}
    rows = [same, {**same, "host": "two", "cpu": "y", **one}, other]
    sweep = toy(axes={"size": [2, 3], "drift": [0.0]})
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=4) as ledger:
        slots = [slot for point in sweep.points for slot in ledger.missing(point, 10)]
        for slot, row in zip(slots, [rows[0], {**rows[1], "source": "z"}, rows[0], *rows], strict=True):
            if slot is not slots[-1]:
                ledger.enter([Receipt(slot, {}, 0.0, row, np.zeros(len(slot.indices), np.uint32))])
        assert computed_by_others(ledger, {**same, "host": "four", **one}) == (
            "4 realizations of this store were computed by other code: source was z, is s"
        )
        assert computed_by_others(ledger, {**same, "model": "m", "source": "z"}) == (
            "18 realizations of this store were computed by other code: source was s, is z; model was unknown, is m"
        )
    codes = CodeVersions.of(Ledger.reading(tmp_path / "a.zarr"))
    assert codes.differing == ["source"]
    assert [(each.hosts, each.commits) for each in codes.codes] == [(("one", "two"), ("a",)), (("two",), ("a",))]
    assert [(each.realizations, each.chunks) for each in codes.codes] == [(14, 4), (4, 1)]
    assert codes.parts == (Part({"size": 2, "drift": 0.0}, 4, 7, 1),)
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=4) as ledger:
        ledger.enter([Receipt(slots[-1], {}, 0.0, rows[2], np.zeros(len(slots[-1].indices), np.uint32))])
    codes = CodeVersions.of(Ledger.reading(tmp_path / "a.zarr"))
    assert codes.codes[0].hosts == ("one", "three", "two")
    assert codes.codes[0].commits == ("a", "b+")
    assert different_versions(same, {**other, "blas": "b"}) == ("blas absent there and b here",)


def test_the_threads_of_a_worker_are_told(toy: Toy, tmp_path: Path, address: str) -> None:
    run_sweep(toy(), tmp_path / "a.zarr", cluster=address)
    rows = Ledger.reading(tmp_path / "a.zarr").codes
    assert rows
    assert all({name: row[name] for name in THREADS} == dict.fromkeys(THREADS, "1") for row in rows)


@pytest.mark.parametrize("given", ["1", None])
def test_the_threads_of_numba_are_told_without_loading_it(given: str | None) -> None:
    """What it would take is known before, if somebody has said it; what it has taken is known afterwards."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    environment |= {"NUMBA_NUM_THREADS": given} if given else {}
    asked = [sys.executable, "-c", ASK_THREADS]
    told = read_output(asked, env=environment).split()
    assert told == [given or UNKNOWN, "False", given or str(len(os.sched_getaffinity(0)))]


def test_a_store_without_realizations_was_computed_by_nobody(toy: Toy, tmp_path: Path) -> None:
    with Ledger.writing(tmp_path / "a.zarr", toy(), chunk=4) as ledger:
        assert computed_by_others(ledger, {"source": "s"}) is None
    told = run(tmp_path, "status", "a.zarr", "--provenance")
    assert (told.returncode, told.stdout) == (0, "nothing was computed yet\n")
    told = run(tmp_path, "status", "a.zarr", "--provenance", "--json")
    assert json.loads(told.stdout) == {"store": "a.zarr", "codes": [], "parts": []}
