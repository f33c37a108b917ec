"""Stores that come from elsewhere: none has a model imported that the user has not named, or controls a terminal."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zarr

import ensemble
from ensemble import Sweep, reduce, run_sweep
from ensemble.errors import ModelError
from ensemble.store import Ledger, Status
from ensemble.store.group import commit
from ensemble.verify import Replay, verify
from tests.support.command import invoke, refused
from tests.support.digests import record
from tests.support.toy_model import TOY

EVIL = '''
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from ensemble import Model, Observable, FunctionOfMeans, parameter

(Path(__file__).parent / "ran").touch()

@dataclass(frozen=True)
class X(Model):
    """A model whose file leaves a trace when it is imported."""
    size: int = parameter(2, long_name="size")
    t: tuple[float, ...] = parameter((0.0, 1.0, 2.0), long_name="time")
    observables = {"signal": Observable("signal")}
    functions_of_means = {
        "half": FunctionOfMeans("half of the signal", ("signal",), lambda _, signal: signal / 2, dims=("t",))
    }
    draw_fields = ("size",)

    def draw(self, rng):
        return rng.random(3)

    def measure(self, disorder):
        return {"signal": disorder}
'''
TABLE: dict[str, Any] = {"realizations": 4, "seed": 1, "axes": {"size": [2, 3]}, "store": {"chunk": 2}}

PLAIN = ("evil.py:X", "evil:X")
"""References that a run may write."""
FORGED = (
    *("../evil.py:X", "{folder}/evil.py:X", "a.zarr/evil.py:X", "./evil.py:X", "..:X", "..\\\\evil.py:X", "../evil"),
    *("evil.py:X\n", "evil.py:X()", "evil.py:", ":X", "evil:X:X", "\u202eevil.py:X", "evil\x1b[2J.py:X", ""),
)
"""References that no run writes."""
OTHERS = ("os:system", "evil", "subprocess:run", "ensemble.cli:main")
"""References to modules that are there, but hold no model; and the name of a model that is not installed."""

SOME = ("evil.py:X", "evil:X", "../evil.py:X", "evil\x1b[2J.py:X")

LOOKS = (
    ("status",),
    ("status", "--json"),
    ("status", "--provenance"),
    ("average",),
    ("average", "--observable", "signal", "--json"),
    ("average", "--statistics", "--observable", "signal"),
    ("fit", "--law", "plateau"),
    ("plot", "--output", "signal.png"),
    ("verify", "--fraction", "0"),
)
"""Commands that do without the model."""
NEEDS = (
    ("replay", "size=2", "1"),
    ("verify", "--fraction", "1"),
    ("average", "--observable", "half"),
    ("plot", "--observable", "half", "--output", "half.png"),
)
"""Commands that need it."""

CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HIDDEN = "\x1b]0;renamed\x07\x1b[2J\u202e\x9b[1A\r[/bold][link=file:///]:skull:"
"""Text that renames the window of a terminal, clears it, and that Rich would take for markup."""

Forge = Callable[[str], Path]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "evil.py").write_text(EVIL)
    run_sweep(Sweep.from_table({"model": "evil.py:X", **TABLE}, folder=folder), folder / "a.zarr", cluster=address)
    assert (folder / "ran").exists()
    return folder / "a.zarr"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a download, which is this one; the file that must not be imported is wherever it might be."""
    found = tmp_path / "downloads"
    found.mkdir()
    monkeypatch.chdir(found)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    before = set(sys.modules)
    yield found
    for name in set(sys.modules) - before:
        if name == "evil":
            del sys.modules[name]


@pytest.fixture
def forge(undisturbed: Path, folder: Path) -> Forge:
    """Makes a store that says that its model is another one."""

    def make(reference: str) -> Path:
        store = folder / "a.zarr"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(undisturbed, store)
        commit(store, {"model": reference.format(folder=folder)})
        record(store)
        for place in (folder, folder.parent, store, folder.parent / "path"):
            place.mkdir(exist_ok=True)
            (place / "evil.py").write_text(EVIL)
        return store

    return make


def traces(folder: Path) -> list[Path]:
    """Where the file has been imported."""
    return sorted(folder.parent.rglob("ran"))


def answered(store: Path, address: str, command: str, *options: str) -> Any:
    """What a command says about a store."""
    on = ("--cluster", address) if command == "verify" else ()
    return invoke(command, store, *options, *on)


# Models


@pytest.mark.parametrize("reference", SOME)
def test_looking_at_a_store_imports_nothing(reference: str, forge: Forge, folder: Path, address: str) -> None:
    store = forge(reference)
    for command in LOOKS:
        done = answered(store, address, *command)
        assert done.exit_code == 0, (command, done.output)
        assert not CONTROL.search(done.output)
    unknown = invoke("average", store, "--observable", "unknown")
    refused(unknown, f"the observable must be one that {store} has, got 'unknown': it has signal")
    with ensemble.open(store) as dataset:
        assert dataset.n_done.sum() == 8
    assert ensemble.average(store)["count"].sum() == 8
    assert reduce.statistics(store, "signal")["count"].sum() == 8
    assert reduce.block_means(store, "signal")["count"].sum() == 8
    assert reduce.rare_realizations(store, "signal")["count"].sum() == 8
    assert reduce.histogram(store, "signal", None, bins=[0.0, 1.0])["count"].sum() == 8
    assert verify(store, fraction=0, cluster=address).well
    assert traces(folder) == []


@pytest.mark.parametrize("reference", SOME)
def test_what_needs_the_model_imports_nothing_that_the_store_names(
    reference: str, forge: Forge, folder: Path, address: str
) -> None:
    store = forge(reference)
    for command in NEEDS:
        done = answered(store, address, *command)
        refused(done, "must be one that" if "half" in command else why(reference))
        assert not CONTROL.search(done.output)
    with pytest.raises(ModelError, match=why(reference)):
        verify(store, cluster=address)
    assert traces(folder) == []


@pytest.mark.parametrize("reference", [*PLAIN, *FORGED, *OTHERS])
def test_no_reference_is_imported(reference: str, forge: Forge, folder: Path) -> None:
    """Nor is one that no run has written taken for the name of a class in a file that the user names."""
    store = forge(reference)
    calls: list[Callable[[], object]] = [
        lambda: Replay.of(store, "size=2", 1),
        lambda: reduce.functions_of_means(store, "half"),
    ]
    for call in calls:
        with pytest.raises(ModelError, match=why(reference)) as raised:
            call()
        assert not CONTROL.search(str(raised.value))
        assert "--" not in str(raised.value)
    refused(invoke("replay", store, "size=2", 1), why(reference))
    if reference in FORGED:
        refused(invoke("replay", store, "size=2", 1, "--model", "evil.py:X"), why(reference))
    assert traces(folder) == []


def why(reference: str) -> str:
    """Why a model is not found."""
    return "must be a name without folders" if reference in FORGED else "was computed with the model"


@pytest.mark.parametrize(
    ("reference", "named", "imported"),
    [
        ("evil.py:X", "evil.py", "evil.py"),
        ("evil.py:X", "../evil.py", "../evil.py"),
        ("evil.py:X", "evil.py:X", "evil.py"),
        ("evil.py:X", "evil:X", None),
        ("evil:X", "evil:X", None),
        ("evil:X", "evil.py", "evil.py"),
        ("os:system", "evil.py:X", "evil.py"),
        ("evil", "evil.py:X", "evil.py"),
    ],
)
def test_what_the_user_names_is_imported_and_the_command_says_so(
    reference: str, named: str, imported: str | None, forge: Forge, folder: Path, address: str
) -> None:
    store = forge(reference)
    where = folder / imported if imported else folder.parent / "path" / "evil.py"
    for command in NEEDS:
        if command[0] == "verify" and not imported:
            continue  # workers of the tests do not have the module
        done = answered(store, address, *command, "--model", named)
        assert done.exit_code == 0, (command, done.output)
        told = f"importing {where if imported else 'evil'}, the model of {store}"
        assert [line for line in done.stderr.splitlines() if line.startswith("importing ")] == [told]
    assert [path.resolve() for path in traces(folder)] == [(where.parent / "ran").resolve()]
    again = Replay.of(store, "size=2", 1, named)
    assert not any(again.deviations(again.compute()).values())
    model = type(again.point.model)
    assert reduce.functions_of_means(store, "half", model=model)["count"].sum() == 8
    if imported:
        assert verify(store, fraction=1, model=model, cluster=address).recomputed.count == 8
        assert verify(store, model=named, cluster=address).well


def test_a_model_is_imported_only_where_it_is_needed(forge: Forge, folder: Path, address: str) -> None:
    store = forge("evil.py:X")
    named = ("--model", "evil.py")
    for command in (("average", "--observable", "signal"), ("plot",), ("verify", "--fraction", "0")):
        assert answered(store, address, *command, *named).exit_code == 0
    refused(invoke("replay", store, "size=7", 0, *named), "size must be one of the values that the store has")
    refused(invoke("replay", folder / "b.zarr", "size=7", 0, *named), "there must be a store")
    assert traces(folder) == []


@pytest.mark.parametrize(
    ("reference", "named", "told"),
    [
        ("evil", "evil.py", "the class in evil.py must be given, as evil.py:CLASS"),
        ("evil.py:X", "nowhere.py", "the model's file must exist, but there is no "),
        ("evil.py:Y", "evil.py", "must name a class, but evil.py has no 'Y'"),
        ("evil.py:X", "os:system", "must be a class that derives from ensemble.Model"),
        ("evil.py:X", "evil", "model must be one of "),
    ],
)
def test_what_the_user_names_must_be_a_model(reference: str, named: str, told: str, forge: Forge) -> None:
    store = forge(reference)
    for command in (("average", "--observable", "half"), ("replay", "size=2", "0")):
        done = invoke(command[0], store, *command[1:], "--model", named)
        assert done.exit_code == 2
        assert done.stderr.splitlines()[-1].startswith("ensemble: ")
        assert told in done.stderr


def test_a_run_imports_the_model_of_its_sweep_and_no_other(forge: Forge, folder: Path) -> None:
    """And refuses the store, since its model is another one."""
    store = forge("../evil.py:X")
    (folder / "sweep.toml").write_text(f'model = "{TOY}"\nrealizations = 4\nseed = 1\naxes.size = [2, 3]\n')
    for command in (("run",), ("plan",), ("submit", "--once")):
        refused(invoke(*command, "sweep.toml", "--store", store), "model must be '../evil.py:X' as in the store")
    assert traces(folder) == []


def test_the_former_option_is_refused(forge: Forge, folder: Path) -> None:
    store = forge("evil.py:X")
    for command in (("replay", "size=2", "0"), ("verify",), ("average",), ("plot",)):
        done = invoke(command[0], store, *command[1:], "--model-folder", ".")
        refused(done, "--model-folder is no option any more: name the file itself, as --model ./FILE.py")
    assert traces(folder) == []


# Terminals


def test_no_text_of_a_store_controls_a_terminal(undisturbed: Path, folder: Path, address: str) -> None:
    """Names, units, labels, machines, exceptions, and a sweep: whatever a command prints of them."""
    store = shutil.copytree(undisturbed, folder / "a.zarr")
    code = {"host": HIDDEN, "numpy": HIDDEN, "commit": HIDDEN, HIDDEN: HIDDEN}
    asked = json.loads(str(zarr.open_group(store).attrs["asked"]))
    asked["stop"] = None
    for name in ("signal", "size", "t", "exception"):
        file = store / name / "zarr.json"
        table = json.loads(file.read_text())
        table["attributes"] = {**table["attributes"], "long_name": HIDDEN, "units": HIDDEN}
        file.write_text(json.dumps(table))
    ledger = Ledger.reading(store)
    ledger.status[0, 1] = Status.FAILED
    zarr.open_array(store / "status", mode="r+")[...] = ledger.status
    zarr.open_array(store / "exception", mode="r+")[0, 1] = HIDDEN
    rows = [code, {**code, "numpy": f"{HIDDEN}2", "host": f"{HIDDEN}2"}]
    zarr.open_array(store / "provenance", mode="r+")[1, 3] = 1
    commit(store, {"model": f"{HIDDEN}.py:X", "sweep": HIDDEN, "provenance": json.dumps(rows)})
    for command in (
        *LOOKS,
        *NEEDS,
        *((*command, "--model", "evil.py:X") for command in NEEDS),
        ("average", "--select", f"size={HIDDEN}"),
        ("average", "--observable", HIDDEN),
        ("replay", f"size={HIDDEN}", "0"),
    ):
        done = answered(store, address, *command)
        assert not CONTROL.search(done.output.replace(str(folder), "")), (command, done.output)
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), command


def test_values_of_an_axis_are_printed_as_they_are(tmp_path: Path, address: str) -> None:
    """Brackets are no markup, and nothing else in them is a sign for something else."""
    names = ["", "[red]a[/red]", "[/b]", ":skull:", HIDDEN]
    table = {"model": TOY, "realizations": 2, "seed": 1, "axes": {"unless": names}, "parameters": {"size": 2}}
    run_sweep(Sweep.from_table(table), tmp_path / "a.zarr", cluster=address)
    for command in (("status",), ("average",), ("fit", "--observable", "walk", "--law", "plateau")):
        done = invoke(command[0], tmp_path / "a.zarr", *command[1:])
        assert done.exit_code == 0, done.output
        assert not CONTROL.search(done.output)
        for name in names[:-1]:
            assert name in done.output
