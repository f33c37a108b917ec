"""Input and stores mutated at random: whatever comes, the answer is one sentence, never a traceback, never a hang.

The examples are the same ones every time. `ENSEMBLE_FUZZ=5000 python -m pytest tests/faults/test_fuzz.py` takes so many
for every test, and others each time.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ensemble import EnsembleError, Sweep, run_sweep
from ensemble.plot.figure.check import check
from ensemble.plot.figure.declaration import Declaration
from ensemble.store import Ledger, Status, lock, open_store
from tests import ROOT
from tests.support import SUPPORT, documents
from tests.support.command import invoke
from tests.support.toy_model import TOY

MANY = int(os.environ.get("ENSEMBLE_FUZZ", "0"))

pytestmark = [pytest.mark.faults, pytest.mark.timeout(0 if MANY else 600)]

WORKFLOWS = ROOT / "workflows"
SECONDS = 60.0
"""Nothing that is tried here takes so long, unless it hangs."""
ROOM = 3 * 2**30
"""Bytes that an example may take besides what there is."""
NOWHERE = ("--cluster", "nowhere")
"""A cluster that cannot be reached, without waiting: nothing is computed."""


def examples(number: int) -> settings:
    """So many examples, always the same ones; as many as the environment says, and others each time."""
    return settings(
        max_examples=MANY or number,
        derandomize=not MANY,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class Hung(BaseException):
    """Nobody catches it but the test."""


def _hung(*_: object) -> None:
    raise Hung(f"took longer than {SECONDS:g} s")


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Within limits of time and memory, both far above what is needed."""
    handler = signal.signal(signal.SIGALRM, _hung)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    timer = signal.setitimer(signal.ITIMER_REAL, SECONDS)  # the one of the time limit of the test
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def answered(*arguments: object, wrong: int = 1) -> Result:
    """What a command says: it is done, or what is wrong in one sentence, or how it is used.

    `wrong` is how many sentences come with exit code 1.
    """
    note(f"ensemble {' '.join(map(repr, arguments))}")
    result = invoke(*arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    note(f"{result.exit_code}: {result.stderr}")
    assert result.exit_code in (0, 1, 2)
    assert not wrong or "Traceback" not in result.stderr
    sentences = [line for line in result.stderr.splitlines() if line.startswith("ensemble: ")]
    if result.stderr.startswith("Usage: "):
        assert result.exit_code == 2
    else:
        assert len(sentences) == (0, wrong, 1)[result.exit_code] or result.exit_code == len(sentences) == 1
    return result


def refused(result: Result) -> None:
    """It was wrong input, or there is no cluster: one sentence and nothing else."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: ") or result.stderr.count("\n") == 1


# What takes the place of something else

NUMBERS = st.one_of(
    st.integers(-3, 9),
    st.floats(-3, 9),
    st.sampled_from([10**9, -(10**9), 2**31, 2**63, 10**18, 10**30, 10**400, -(2**63)]),
    st.sampled_from([1e9, 1e18, 1e300, 1e308, -1e308, 5e-324, 1e-300, -0.0, float("nan"), float("inf"), -float("inf")]),
)
NAMES = st.sampled_from(
    ["model", "N", "size", "drift", "t", "realization", "status", "start", "stop", "num", "spacing", "chunk", "file"]
)
"""Of what is somewhere in a valid file. No parameter that makes the toy model sleep or die."""
SCALARS = st.one_of(
    NUMBERS,
    st.booleans(),
    NAMES,
    st.text(max_size=8),
    st.sampled_from(["", "log", "auto", "plateau", "mean", "compare", "power_law", "a\nb", "a\0b", "..", "x" * 5000]),
    st.sampled_from(
        ["mean\n:x", ":", "a.py:", ":B", ".", "toy.py:T", "tests.support.toy_model:ToyModel", "json:loads"]
    ),
    st.sampled_from([date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time(7), datetime(1, 1, 1)]),
)
VALUES = st.one_of(
    SCALARS,
    st.sampled_from([[], {}, [[]], [{}], [[1], [2]], list(range(3000)), [0.5] * 3000, [[[[[[[[1]]]]]]]]]),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
        max_leaves=6,
    ),
    st.fixed_dictionaries(
        {"start": NUMBERS, "stop": NUMBERS, "num": NUMBERS, "spacing": st.sampled_from(["linear", "log"])}
    ),
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested tables and lists, as the container and the key or the index."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, each in list(inner):
        yield node, key
        yield from places(each)


@dataclass(frozen=True)
class Change:
    """Something that is done to one place of a table, whatever there is."""

    what: str
    place: int
    other: int
    name: str
    value: Any

    def apply(self, table: Any) -> None:
        """Do it; a place that is not there is not changed."""
        if not (found := list(places(table))):
            return
        inside, key = found[self.place % len(found)]
        value, name = deepcopy(self.value), self.name
        match self.what:
            case "remove":
                del inside[key]
            case "rename" if isinstance(inside, dict):
                inside[name] = inside.pop(key)
            case "add" if isinstance(inside, dict):
                inside[name] = value
            case "add" if isinstance(inside, list):
                inside.insert(key, value)
            case "copy":
                other, where = found[self.other % len(found)]
                inside[key] = deepcopy(other[where])
            case _:
                inside[key] = value


CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(["replace", "replace", "replace", "remove", "rename", "add", "copy"]),
        st.integers(0, 2**16),
        st.integers(0, 2**16),
        NAMES | st.text(max_size=6),
        VALUES,
    ),
    min_size=1,
    max_size=3,
)


def changed(table: Any, changes: list[Change]) -> Any:
    """A table after some changes."""
    table = deepcopy(table)
    for change in changes:
        change.apply(table)
    return table


def toml(value: Any) -> str:
    """A value as TOML writes it; all tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def document(table: Any) -> str:
    """A file of TOML."""
    return "".join(f"{json.dumps(key)} = {toml(each)}\n" for key, each in table.items())


@st.composite
def garbled(draw: st.DrawFn, text: bytes) -> bytes:
    """Some bytes deleted, inserted, flipped, or repeated many times."""
    data = bytearray(text)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["delete", "insert", "flip", "repeat", "truncate"])):
            case "delete":
                del data[at : at + draw(st.integers(1, 12))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=4) | st.sampled_from([b"[[", b'"', b"=", b"0x", b"e9", b"\n"]))
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "repeat":
                data[at:at] = bytes(data[at : at + 1]) * draw(st.sampled_from([2, 100, 3000]))
            case _:
                del data[at:]
    return bytes(data)


# Sweep files

TOY_SWEEP = {
    "model": TOY,
    "realizations": 10,
    "seed": 1,
    "preset": "breeze",
    "observables": ["walk", "final", "paths", "wave"],
    "axes": {"size": [2, 3], "drift": {"start": 0.0, "stop": 1.0, "num": 3}},
    "time": [0.0, 1.0, 2.0],
    "parameters": {"raises_below": 0.1, "walkers": [2]},
    "store": {"chunk": 4},
}
SWEEPS = {
    "readme": tomllib.loads(documents.block("sweep.toml")),
    "field": tomllib.loads(documents.block("random_field.toml")),
    "quickstart": tomllib.loads((WORKFLOWS / "quickstart.toml").read_text()),
    "plateaus": tomllib.loads((WORKFLOWS / "plateaus.toml").read_text()),
    "toy": TOY_SWEEP,
    "stop": {
        **{key: value for key, value in TOY_SWEEP.items() if key != "realizations"},
        "observables": ["walk"],
        "stop": {"law": "mean", "at": 2.0, "absolute": 0.01, "relative": 0.1, "min": 40, "max": 200},
    },
    "ratio": {
        **TOY_SWEEP,
        "stop": {"observable": "walk", "law": "plateau", "parameter": "c", "window": [0.0, 2.0], "absolute": 0.1},
    },
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to write input to; commands must leave nothing else there."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "random_field.py").write_text(documents.block("random_field.py"))
    return folder


@contextlib.contextmanager
def clean(folder: Path) -> Iterator[None]:
    """Nothing is left in a folder that was not there."""
    before = sorted(folder.iterdir())
    with contextlib.chdir(folder):
        yield
    assert [path for path in sorted(folder.iterdir()) if path not in before and path.name != "__pycache__"] == []


def offer(text: bytes, desk: Path, *, cheap: bool) -> None:
    """Give a sweep file to all that reads one."""
    sweep = desk / "sweep.toml"
    sweep.write_bytes(text)
    note(text.decode(errors="replace")[:3000])
    with clean(desk), bounded():
        accepted = True
        try:
            Sweep.read(sweep)
        except EnsembleError:
            accepted = False
        refused(answered("run", sweep, *NOWHERE))
        if cheap:
            planned = answered("plan", sweep, "--workers", 2)
            assert accepted or planned.exit_code == 2


@pytest.mark.parametrize("name", SWEEPS)
@examples(60)
@given(changes=CHANGES)
def test_sweeps_with_other_values(name: str, changes: list[Change], desk: Path) -> None:
    table = changed(SWEEPS[name], changes)
    offer(document(table).encode(), desk, cheap=name in ("toy", "stop", "ratio"))


@pytest.mark.parametrize("name", ["plateaus", "toy"])
@examples(60)
@given(data=st.data())
def test_sweeps_with_other_bytes(name: str, data: st.DataObject, desk: Path) -> None:
    text = (WORKFLOWS / "plateaus.toml").read_bytes() if name == "plateaus" else document(TOY_SWEEP).encode()
    offer(data.draw(garbled(text)), desk, cheap=False)


# Figures


def _figures() -> dict[str, Any]:
    files = sorted((WORKFLOWS / "artiaco2021").glob("*.toml"))
    tables = {file.stem: tomllib.loads(file.read_text()) for file in files}
    found = {name: table for name, table in tables.items() if "title" in table}
    return {**found, "dephasing": tomllib.loads(documents.block("dephasing.toml"))}


FIGURES = _figures()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweeps of all figures."""
    folder = tmp_path_factory.mktemp("gallery")
    for file in (WORKFLOWS / "artiaco2021").glob("*.toml"):
        if file.stem not in FIGURES:
            shutil.copy(file, folder)
    for name in ("random_field.py", "random_field.toml"):
        (folder / name).write_text(documents.block(name))
    return folder


@examples(120)
@given(name=st.sampled_from(sorted(FIGURES)), changes=CHANGES)
def test_figures_with_other_values(name: str, changes: list[Change], gallery: Path) -> None:
    figure = gallery / "figure.toml"
    figure.write_text(document(changed(FIGURES[name], changes)))
    note(figure.read_text()[:3000])
    with clean(gallery), bounded():
        if name == "dephasing":
            answered("figure", figure, "--plan", *NOWHERE)
        with contextlib.suppress(EnsembleError):
            declared = Declaration.read(figure)
            declared.check_scale("quick")
            check(declared, "quick")


@examples(30)
@given(data=st.data())
def test_figures_with_other_bytes(data: st.DataObject, gallery: Path) -> None:
    figure = gallery / "figure.toml"
    figure.write_bytes(data.draw(garbled(documents.block("dephasing.toml").encode())))
    with clean(gallery), bounded():
        answered("figure", figure, "--plan", *NOWHERE)


# Stores


@dataclass(frozen=True)
class Kept:
    """A store to be harmed, and what it is to be in the end."""

    store: Path
    sweep: Sweep
    undisturbed: dict[str, bytes] = field(repr=False)


def worth(store: Path) -> dict[str, bytes]:
    """What became of every realization, and the bits of those that are done; no other counts."""
    with open_store(store) as dataset:
        names = [name for name in dataset.variables if name not in UNTOLD]
        return {str(name): dataset[name].to_numpy().tobytes() for name in names}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, address: str) -> dict[str, Kept]:
    """Three stores: all done but for two that fail, half of that, and one with a stop rule."""
    table = {**TOY_SWEEP, "axes": {"size": [2, 3], "drift": [0.0, 0.5]}, "time": [0.0, 1.0]}
    rule = {"observable": "walk", "law": "mean", "at": 1.0, "absolute": 0.2, "min": 8}
    tables = {"done": table, "half": table, "stop": {**table, "realizations": 20, "stop": rule}}
    found = {}
    for name, asked in tables.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "a.toml").write_text(document(asked))
        sweep, store, whole = Sweep.read(folder / "a.toml"), folder / "a.zarr", folder / "whole.zarr"
        run_sweep(sweep, whole, cluster=address)
        if name == "half":
            run_sweep(Sweep.from_table({**asked, "realizations": 6}), store, cluster=address)
            with Ledger.writing(store, sweep, chunk=4):
                pass
        else:
            shutil.copytree(whole, store)
        found[name] = Kept(store, sweep, worth(whole))
    return found


@dataclass(frozen=True)
class Harm:
    """Something that happens to one file of a store."""

    what: str
    file: int
    other: int
    at: int
    data: bytes
    name: str
    changes: list[Change]

    def apply(self, store: Path) -> None:
        """Let it happen."""
        files = sorted(path for path in store.rglob("*") if path.is_file())
        if not files:
            return
        if self.what == "edit":
            files = [path for path in files if path.name == "zarr.json"][:: self.other % 2 or None] or files
        path = files[-1 - self.file % len(files)]
        note(f"{self.what} {path.relative_to(store)}")
        data = bytearray(path.read_bytes())
        match self.what:
            case "flip" if data:
                data[self.at % len(data)] ^= 1 << self.at % 8
                path.write_bytes(data)
            case "cut" if data:
                path.write_bytes(data[: self.at % len(data)])
            case "swap":
                path.write_bytes(files[self.other % len(files)].read_bytes())
            case "edit" if _is_table(data):
                path.write_text(json.dumps(changed(json.loads(data), self.changes), default=str))
            case "stray file":
                _if_free(path.parent / self.name, lambda free: free.write_bytes(self.data))
            case "stray folder":
                _if_free(path.parent / self.name, Path.mkdir)
            case "remove folder" if path.parent != store:
                shutil.rmtree(path.parent)
            case "lock":
                lock.place(store).write_bytes(self.data)
            case "text":
                path.write_bytes(self.data)
            case _:
                path.unlink()


def _is_table(data: bytearray) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _if_free(path: Path, make: Callable[[Path], object]) -> None:
    if not path.exists():
        make(path)


UNTOLD = {"exception", "provenance", "attempts", "landed", "core_seconds"}
"""What may differ without another number."""
STRAYS = ["stray file", "stray folder"]
HARMS = st.lists(
    st.builds(
        Harm,
        st.sampled_from(["flip", "cut", "swap", "edit", "edit", "text", "remove", "remove folder", *STRAYS, "lock"]),
        st.integers(0, 2**16),
        st.integers(0, 2**16),
        st.integers(0, 2**16),
        st.binary(max_size=20) | st.sampled_from([b"{}", b"null", b"[]", b'{"a": 1}', b"3"]),
        st.sampled_from(["0", "1", "7", "c", "stray", "a.partial", "zarr.json"]),
        CHANGES,
    ),
    min_size=1,
    max_size=3,
)


@contextlib.contextmanager
def harmed(kept: Kept, harms: list[Harm]) -> Iterator[Path]:
    """A copy of a store to which something happened."""
    with tempfile.TemporaryDirectory(prefix="harmed-", ignore_cleanup_errors=True) as folder:
        store = shutil.copytree(kept.store, Path(folder) / "a.zarr")
        for harm in harms:
            harm.apply(store)
        yield store


@pytest.mark.parametrize("name", ["done", "half", "stop"])
@examples(8)
@given(harms=HARMS)
def test_harmed_stores_are_looked_at(name: str, harms: list[Harm], kept: dict[str, Kept], address: str) -> None:
    model = ("--model", SUPPORT / "toy_model.py")
    with harmed(kept[name], harms) as store, bounded():
        answered("status", store)
        answered("status", store, "--json")
        answered("status", store, "--provenance")
        answered("average", store, "--json")
        answered("fit", store, "--law", "plateau", "--observable", "walk", "--json")
        answered("plot", store, "--output", store.with_suffix(".png"))
        answered("plan", kept[name].store.with_name("a.toml"), "--store", store, "--workers", 2)
        answered("replay", store, "size=3,drift=0.5", "1", *model, wrong=0)
        answered("verify", store, "--cluster", address, "--fraction", 1, *model)


@pytest.mark.parametrize("name", ["done", "half", "stop"])
@examples(10)
@given(harms=HARMS)
def test_harmed_stores_are_mended_or_told_to_be_lost(
    name: str, harms: list[Harm], kept: dict[str, Kept], address: str
) -> None:
    model = ("--model", SUPPORT / "toy_model.py")
    with harmed(kept[name], harms) as store, bounded():
        proof = answered("verify", store, "--repair", "--cluster", address, "--fraction", 1, *model)
        try:
            run_sweep(kept[name].sweep, store, cluster=address)
        except EnsembleError as error:
            note(f"run: {error}")
            return
        if "does not bring back" not in proof.stderr:
            assert worth(store) == kept[name].undisturbed


@pytest.mark.parametrize("name", ["done", "half", "stop"])
@examples(8)
@given(harms=HARMS)
def test_a_run_takes_nothing_from_a_harmed_store(
    name: str, harms: list[Harm], kept: dict[str, Kept], address: str
) -> None:
    with harmed(kept[name], harms) as store, bounded():
        try:
            done = Ledger.reading(store).status == Status.DONE
        except EnsembleError:
            done = np.zeros(0, bool)
        files = (path for path in sorted((store / "walk" / "c").rglob("*")) if path.suffix != ".partial")
        before = {path: path.read_bytes() for path in files if path.is_file()}
        with contextlib.suppress(EnsembleError):
            run_sweep(kept[name].sweep, store, cluster=address)
        for path, was in before.items():
            *cell, chunk = map(int, path.relative_to(store / "walk" / "c").parts[:-1]) if done.size else (0,)
            if done.size and done[(*cell, slice(chunk * 4, chunk * 4 + 4))].all():
                assert path.read_bytes() == was


# Options

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.text("0123456789:.,=-+eENsizedrift٣ ", max_size=14),
    st.from_regex(r"\d{1,4}-\d\d-\d\d(T\d\d:\d\d)?([+-]\d\d:\d\d)?", fullmatch=True),
    st.from_regex(r"\d{1,3}:\d\d(:\d\d)?", fullmatch=True),
    st.from_regex(r"\d{1,400}(\.\d{1,3})?( ?(s|m|min|h|d))?", fullmatch=True),
    st.from_regex(r"(size|drift|N)[=:](power_law|exponential_in_size|-?\d(\.\d)?|nan|inf)(,\w*)*", fullmatch=True),
    st.from_regex(r"(-?\d(\.\d)?|nan|inf|-inf|1e999):(-?\d(\.\d)?|nan|inf|1e999)", fullmatch=True),
    st.sampled_from(["nan", "inf", "-inf", "1e999", "0", "-0", "0.5", "1", "-", "size=2,drift=0.5", "9" * 5000]),
    st.sampled_from(
        ["9" * 400 + ":00:00", "9" * 5000 + "h", "9999-12-31T23:59-12:00", "0001-01-01T00:00+10:00", "1" * 400 + "d"]
    ),
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "until": ("run", "{sweep}", "--store", "{other}", *NOWHERE, "--until={}"),
    "max time": ("run", "{sweep}", "--store", "{other}", *NOWHERE, "--max-time={}"),
    "time limit": ("run", "{sweep}", "--store", "{other}", *NOWHERE, "--time-limit={}"),
    "batch": ("run", "{sweep}", "--store", "{other}", *NOWHERE, "--batch={}"),
    "at": ("average", "{store}", "--json", "--select={}"),
    "fitted at": ("fit", "{store}", "--law=mean", "--observable=final", "--select={}"),
    "window": ("fit", "{store}", "--law=power_law", "--observable=walk", "--window={}"),
    "across": ("fit", "{store}", "--law=mean", "--observable=final", "--across={}"),
    "law": ("fit", "{store}", "--observable=walk", "--law={}"),
    "observable": ("average", "{store}", "--statistics", "--observable={}"),
    "fraction": ("verify", "{store}", *NOWHERE, "--fraction={}"),
    "choice": ("verify", "{store}", *NOWHERE, "--choice={}"),
    "point": ("replay", "{store}", "--", "{}", "1"),
    "index": ("replay", "{store}", "size=2,drift=0.5", "--", "{}"),
    "cluster": ("run", "{sweep}", "--store", "{other}", "--workers=1", "--cluster=-{}"),
    "scale": ("figure", "{figure}", "--plan", "--scale={}"),
}


@pytest.mark.parametrize("name", OPTIONS)
@examples(25)
@given(text=TEXTS)
def test_options(name: str, text: str, kept: dict[str, Kept], gallery: Path) -> None:
    store, figure = kept["done"].store, gallery / "dephasing.toml"
    figure.write_text(documents.block("dephasing.toml"))
    other = store.with_name("other.zarr")
    known = {"store": store, "sweep": store.with_name("a.toml"), "other": other, "figure": figure}
    with bounded():
        answered(*(each.replace("{}", text) if "{}" in each else each.format(**known) for each in OPTIONS[name]))
    assert not other.exists()
