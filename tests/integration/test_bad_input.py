"""Bad input: one sentence that names what is wrong, exit code 2, no traceback, nothing created."""

import os
import tempfile
from pathlib import Path

import cloudpickle
import pytest

from ensemble import Sweep
from ensemble.errors import SweepError
from ensemble.store import Ledger
from tests.support import command
from tests.support.command import invoke, refused
from tests.support.minimal_model import MODEL
from tests.support.toy_model import TOY
from tests.support.users import nobody

GOOD = """
model = "tls_glass"
realizations = 3
seed = 1
[axes]
N = [4]
epsilon = [0.0]
eta = [1e5]
[time]
start = 1e-3
stop = 1e3
num = 7
spacing = "log"
"""

TIMES = 'start = 1e-3\nstop = 1e3\nnum = 7\nspacing = "log"'

REPLACED = {
    "no model": ('model = "tls_glass"', "", "model must be given"),
    "no realizations": ("realizations = 3", "", "realizations must be given"),
    "no seed": ("seed = 1", "", "seed must be given"),
    "no axes": ("[axes]\nN = [4]\nepsilon = [0.0]\neta = [1e5]\n", "", "axes must be given"),
    "no N": ("N = [4]", "", "N must be given in [axes] or [parameters]"),
    "no epsilon": ("epsilon = [0.0]", "", "epsilon must be given"),
    "axes empty": ("N = [4]\nepsilon = [0.0]\neta = [1e5]", "", "[axes] must hold at least one"),
    "unknown key": ("seed = 1", "seed = 1\nsede = 2", "unknown key 'sede': did you mean 'seed'?"),
    "unknown axis": ("eta = [1e5]", "eta = [1e5]\nepsilom = [1.0]", "did you mean 'epsilon'?"),
    "unknown parameter": ("[time]", "[parameters]\ncolour = 1\n[time]", "unknown key 'colour'"),
    "unknown store key": ("[time]", "[store]\nchunks = 1\n[time]", "did you mean 'chunk'?"),
    "unknown time key": ("num = 7", "num = 7\nstep = 1", "unknown key 'step'"),
    "unknown model": ("tls_glass", "tls_gals", "model must be one of"),
    "model not a text": ('"tls_glass"', "7", "model must be a text, got 7"),
    "model file missing": ("tls_glass", "nowhere.py:Model", "there is no"),
    "model module missing": ("tls_glass", "no.such.module:Model", "cannot be imported"),
    "model class missing": ("tls_glass", "ensemble.models.tls_glass:Nothing", "has no 'Nothing'"),
    "model not a model": ("tls_glass", "pathlib:Path", "must be a class that derives from ensemble.Model"),
    "N text": ("N = [4]", 'N = ["four"]', "N must be an integer, got 'four'"),
    "N zero": ("N = [4]", "N = [0]", "N must be an integer of at least 2, got 0"),
    "N one": ("N = [4]", "N = [4, 1]", "N must be an integer of at least 2, got 1"),
    "N negative": ("N = [4]", "N = [-4]", "N must be an integer of at least 2, got -4"),
    "N not whole": ("N = [4]", "N = [4.5]", "N must be an integer, got 4.5"),
    "N true": ("N = [4]", "N = [true]", "N must be an integer, got True"),
    "N not a list": ("N = [4]", "N = 4", "N must be a list of values or a table"),
    "N without values": ("N = [4]", "N = []", "N must have at least one value"),
    "N twice": ("N = [4]", "N = [4, 6, 4]", "N must not repeat a value, but 4 is there twice"),
    "zipped not lists": ("seed = 1", 'seed = 1\nzipped_axes = ["N", "eta"]', "zipped_axes must be a list of lists"),
    "zipped of one": ("seed = 1", 'seed = 1\nzipped_axes = [["N"]]', "zipped_axes must name at least two axes"),
    "together of no axis": ("seed = 1", 'seed = 1\nzipped_axes = [["N", "epsilom"]]', "did you mean 'epsilon'?"),
    "a former key": ("seed = 1", 'seed = 1\ntogether = [["N", "eta"]]', "it is called 'zipped_axes' now"),
    "together twice": ("seed = 1", 'seed = 1\nzipped_axes = [["N", "N"]]', "an axis once, but N is there twice"),
    "together of other lengths": (
        "seed = 1\n[axes]\nN = [4]",
        'seed = 1\nzipped_axes = [["N", "eta"]]\n[axes]\nN = [4, 6]',
        "axes that vary together must have equally many values, but N has 2 and eta has 1",
    ),
    "N in both": ("[time]", "[parameters]\nN = 4\n[time]", "N must be in [axes] or in [parameters]"),
    "epsilon negative": ("epsilon = [0.0]", "epsilon = [-1.0]", "epsilon must not be negative"),
    "epsilon nan": ("epsilon = [0.0]", "epsilon = [nan]", "epsilon must be a finite number, got nan"),
    "eta infinite": ("eta = [1e5]", "eta = [inf]", "eta must be a finite number, got inf"),
    "axis table without num": ("N = [4]", "N = { start = 4, stop = 8 }", "num is missing"),
    "axis table backwards": ("N = [4]", "N = { start = 8, stop = 4, num = 2 }", "stop must be greater than start"),
    "axis table of halves": ("N = [4]", "N = { start = 4, stop = 5, num = 3 }", "N must be an integer, got 4.5"),
    "temperature negative": ("[time]", "[parameters]\ntemperature = -1\n[time]", "temperature must not be negative"),
    "parameter of wrong type": ("[time]", '[parameters]\nL0 = "wide"\n[time]', "L0 must be a finite number"),
    "realizations zero": ("realizations = 3", "realizations = 0", "realizations must be at least 1, got 0"),
    "realizations not whole": ("realizations = 3", "realizations = 3.5", "realizations must be an integer"),
    "realizations text": ("realizations = 3", 'realizations = "many"', "realizations must be an integer"),
    "seed negative": ("seed = 1", "seed = -1", "seed must be at least 0, got -1"),
    "times unsorted": (f"[time]\n{TIMES}", "", "increase strictly"),
    "times negative": (TIMES, "start = -1\nstop = 1\nnum = 3", "negative"),
    "times logarithmic from zero": ("start = 1e-3", "start = 0.0", "must start above zero"),
    "times without num": ("num = 7", "", "num is missing"),
    "times of none": ("num = 7", "num = 0", "num must be at least 1, got 0"),
    "times of unknown spacing": ('"log"', '"cubic"', 'spacing must be "linear" or "log"'),
    "times not a table": (f"[time]\n{TIMES}", "", "must be a list of values"),
    "chunk zero": ("[time]", "[store]\nchunk = 0\n[time]", "chunk must be at least 1, got 0"),
    "chunk text": ("[time]", '[store]\nchunk = "big"\n[time]', "chunk must be an integer"),
    "store not a table": ("seed = 1", "seed = 1\nstore = 5", "[store] must be a table"),
    "observable unknown": ("seed = 1", 'seed = 1\nobservables = ["concurence"]', "did you mean 'concurrence'?"),
    "observable twice": (
        "seed = 1",
        'seed = 1\nobservables = ["concurrence", "concurrence"]',
        "observables must not repeat a value, but concurrence is there twice",
    ),
    "observables empty": ("seed = 1", "seed = 1\nobservables = []", "observables must hold at least one of"),
    "observables a text": ("seed = 1", 'seed = 1\nobservables = "concurrence"', "observables must be a list of names"),
    "observables numbers": ("seed = 1", "seed = 1\nobservables = [1]", "observables must be a list of names, got [1]"),
    "observables a table": ("[time]", "[observables]\nconcurrence = true\n[time]", "must be a list of names"),
    "preset not a text": ("seed = 1", "seed = 1\npreset = 2", "preset must be a text, got 2"),
    "integer beyond 64 bits": ("seed = 1", f"seed = {2**63}", "must hold integers of at most 64 bits"),
    "integer of 5000 digits": ("seed = 1", f"seed = {'1' * 5000}", "is not valid TOML: Exceeds the limit"),
    "nested too deeply": ("seed = 1", f"seed = {'[' * 5000}", "must not nest lists and tables as deeply"),
    "axis of too many values": (
        "N = [4]", "N = { start = 4, stop = 8, num = 1_000_000_000 }", "N: num must be at most 1000000, got 1000000000"
    ),
    "times of too many": ("num = 7", f"num = {2**62}", "[time]: num must be at most 1000000"),
    "too many points": (
        "epsilon = [0.0]\neta = [1e5]",
        "epsilon = { start = 0, stop = 1, num = 2000 }\neta = { start = 0, stop = 1, num = 2000 }",
        "[axes] must span at most 1000000 points, got 4000000",
    ),
    "too many realizations": ("realizations = 3", f"realizations = {10**18}", "realizations must be at most"),
    "model file of a long name": ("tls_glass", f"{'a' * 5000}.py:Model", "there is no"),
    "model file of no name": ("tls_glass", "\\u0000.py:Model", "there is no"),
    "broken TOML": ("[axes]", "[axes", "is not valid TOML"),
}  # fmt: skip

LEADING = {"times unsorted": "time = [1.0, 0.5]\n", "times not a table": "time = 5\n"}
"""What must stand before the first table of the file."""


@pytest.mark.parametrize("verb", ["run", "plan"])
@pytest.mark.parametrize("case", REPLACED)
def test_a_bad_sweep_file(case: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, told = REPLACED[case]
    assert old in GOOD
    monkeypatch.chdir(tmp_path)
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(LEADING.get(case, "") + GOOD.replace(old, new, 1))
    refused(invoke(verb, "sweep.toml"), told)
    assert os.listdir(tmp_path) == ["sweep.toml"]


@pytest.mark.parametrize(
    ("model", "line", "told"),
    [
        (TOY, 'preset = "gael"', "preset must be one that ToyModel has, got 'gael': did you mean 'gale'?"),
        (TOY, 'preset = "calm"', "preset must be one that ToyModel has, got 'calm': it has gale, breeze, crowd"),
        ("mine.py:Mine", 'preset = "gale"', "preset must be left out, got 'gale': Mine has no presets"),
        (TOY, 'observables = ["paths"]', "walkers, a dimension of paths, must not be empty"),
        (TOY, 'axes.unless = ["a\\nb", "a\\nb"]', "unless must not repeat a value, but a b is there twice"),
        (TOY, 'observables = ["path"]', "some that ToyModel measures, got 'path': did you mean 'paths'?"),
    ],
)
def test_a_bad_choice_of_preset_or_observables(model: str, line: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "a.toml").write_text(f'model = "{model}"\nrealizations = 1\nseed = 0\n{line}\naxes.size = [2]\n')
    for verb in ("run", "plan"):
        refused(invoke(verb, tmp_path / "a.toml", "--store", tmp_path / "a.zarr"), told)
    assert sorted(os.listdir(tmp_path)) == ["a.toml", "mine.py"]


def test_a_class_that_has_travelled_still_knows_what_it_needs() -> None:
    table = {"model": TOY, "realizations": 1, "seed": 0, "axes": {"drift": [0.0]}}
    cloudpickle.loads(cloudpickle.dumps(Sweep.from_table({**table, "axes": {"size": [2]}}).model))
    with pytest.raises(SweepError, match="size must be given"):
        Sweep.from_table(table)


def test_an_integer_beyond_all_numbers() -> None:
    with pytest.raises(SweepError, match="drift must be a finite number"):
        Sweep.from_table({"model": TOY, "realizations": 1, "seed": 0, "axes": {"size": [2], "drift": [10**400]}})


@pytest.mark.parametrize("until", ["9999-12-31T23:59-12:00", "0001-01-01T00:00+10:00"])
def test_an_end_beyond_all_calendars(until: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    refused(invoke("run", tmp_path / "a.toml", "--until", until), "--until must be a time such as 07:00")


@pytest.mark.parametrize("span", [f"{'9' * 400}:00:00", f"{'9' * 400}d"])
def test_a_span_beyond_all_numbers(span: str, tmp_path: Path) -> None:
    result = invoke("run", tmp_path / "a.toml", "--max-time", span)
    assert result.exit_code == 2
    assert "a span of time must be" in result.stderr


def test_a_store_with_other_observables(tmp_path: Path) -> None:
    text = f'model = "{TOY}"\nrealizations = 1\nseed = 0\naxes.size = [2]\n'
    (tmp_path / "a.toml").write_text(text)
    with Ledger.writing(tmp_path / "a.zarr", Sweep.read(tmp_path / "a.toml"), chunk=1):
        pass
    (tmp_path / "a.toml").write_text('observables = ["wave"]\n' + text)
    for verb in ("run", "plan"):
        told = (
            f"observables must be ['final', 'walk'] as in the store {tmp_path / 'a.zarr'}, but the sweep has ['wave']"
        )
        refused(invoke(verb, tmp_path / "a.toml", "--store", tmp_path / "a.zarr"), told)


def test_a_sweep_file_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'model = "\xe9"')
    refused(invoke("run", tmp_path), "cannot be read: Is a directory")
    refused(invoke("run", tmp_path / "missing.toml"), "cannot be read: No such file")
    refused(invoke("run", tmp_path / "latin.toml"), "must be UTF-8")
    assert os.listdir(tmp_path) == ["latin.toml"]


def test_files_and_folders_without_the_right_to_use_them() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        secret, sweep, closed = folder / "secret.toml", folder / "sweep.toml", folder / "closed"
        for path in (secret, sweep):
            path.write_text(GOOD)
        secret.chmod(0)
        closed.mkdir(mode=0o555)
        with nobody():
            refused(invoke("run", secret), "cannot be read: Permission denied")
            refused(invoke("run", sweep, "--store", closed / "a.zarr"), "cannot be made there: Permission denied")
        assert os.listdir(closed) == []


def test_a_store_path_where_no_store_can_be(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(GOOD)
    (tmp_path / "file.zarr").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("important")
    for store, told in (
        ("file.zarr", "is a file"),
        ("folder", "is no Zarr group"),
        ("missing/out.zarr", "No such file"),
        ("/proc/out.zarr", "cannot be made there"),
        ("file.zarr/out.zarr", "Not a directory"),
    ):
        refused(invoke("run", tmp_path / "sweep.toml", "--store", tmp_path / store), told)
    assert sorted(os.listdir(tmp_path)) == ["file.zarr", "folder", "sweep.toml"]
    assert os.listdir(tmp_path / "folder") == ["thesis.tex"]


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ensemble.cluster.existing_cluster._PATIENCE", 0.5)
    for name in ("sweep.toml", "sweep.txt"):
        (tmp_path / name).write_text(GOOD)
    for where, told in (
        ("clusters", "must be local, slurm, a profile.toml, an address such as tcp://host:8786, or a scheduler file"),
        ("tcp://127.0.0.1:1", "cannot be reached"),
        ("carrier-pigeon://home", "cannot be reached"),
        (str(tmp_path / "sweep.txt"), "cannot be reached"),
        (str(tmp_path / "sweep.toml"), "a profile holds an unknown key"),
    ):
        refused(invoke("run", tmp_path / "sweep.toml", "--store", tmp_path / "a.zarr", "--cluster", where), told)
    refused(
        invoke(
            "run", tmp_path / "sweep.toml", "--store", tmp_path / "a.zarr", "--cluster", "tcp://x:1", "--workers", 2
        ),
        "--workers belongs to --cluster local",
    )
    assert sorted(os.listdir(tmp_path)) == ["sweep.toml", "sweep.txt"]


def test_commands_that_need_a_store_say_so(tmp_path: Path) -> None:
    for verb in ("status", "average", "plot"):
        refused(invoke(verb, tmp_path / "nothing.zarr"), "there must be a store")
        refused(invoke(verb, tmp_path), "is no Zarr group")


def test_the_installed_command_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(GOOD.replace("N = [4]", "N = [1]"))
    done = command.run(tmp_path, "run", "sweep.toml")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "ensemble: sweep.toml: tls_glass refuses N=1, epsilon=0.0, eta=100000.0: " + (
        "N must be an integer of at least 2, got 1\n"
    )
