"""The status: what a store holds, fast, again and again while a run goes on."""

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
import xarray as xr
import zarr
from rich.console import Console

from ensemble import Sweep, run_sweep
from ensemble.cli import COMMANDS, main, terminal
from ensemble.store import Ledger, Receipt, lock
from ensemble.store.layout import EPOCH
from tests.support.command import line, run
from tests.support.contents import chunks
from tests.support.elsewhere import python
from tests.support.processes import TIMEOUT, execute, finish, read_output, read_until, start
from tests.support.toy_model import TOY
from tests.support.waiting import wait_during, wait_until

Toy = Callable[..., Sweep]

SWEEP = f"""
model = "{TOY}"
realizations = 60
seed = 1
axes.size = [2, 3]
parameters.seconds = 0.1
parameters.raises_below = 0.05
store.chunk = 4
"""
"""About six seconds of work for two workers; a few realizations fail."""
LIBRARIES = {"dask", "distributed", "matplotlib", "numba", "numpy", "pandas", "scipy", "xarray", "zarr"}
LOADED = "\nimport sys\nprint('loaded', *sys.modules, file=sys.stderr)"


@pytest.fixture
def store(toy: Toy, tmp_path: Path, address: str) -> Path:
    run_sweep(toy(parameters={"raises_below": 0.2}), tmp_path / "a.zarr", cluster=address)
    return tmp_path / "a.zarr"


def loaded(command: str) -> set[str]:
    """The large libraries that a process has loaded after it has run the command line."""
    script = f"from ensemble.cli import main\nmain({command.split()}, standalone_mode=False){LOADED}"
    done = execute(python(script))
    assert done.returncode == 0, done.stderr
    return LIBRARIES & set(done.stderr.split())


def test_help_and_status_load_what_they_need_and_nothing_else(store: Path) -> None:
    assert loaded("--help") == set()
    assert loaded(f"status {store}") == loaded(f"status {store} --provenance --json") == {"numpy", "zarr"}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", "realizations = 0\n", "realizations = 3\naxes.size = ['two']\n"])
def test_a_wrong_sweep_is_refused_before_much_is_loaded(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(f'model = "{TOY}"\nseed = 1\n{wrong}')
    for command in ("run", "plan", "submit"):
        assert loaded(f"{command} {tmp_path / 'wrong.toml'}") == loaded(f"{command} --help") == {"numpy", "zarr"}
    assert not list(tmp_path.glob("*.zarr"))


def test_every_command_that_help_lists_is_there() -> None:
    context = click.Context(main)
    told = run(Path.cwd(), "--help").stdout
    for name, (_, text) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help
        assert re.search(rf"^  {name} +{re.escape(text)}$", told, re.MULTILINE)
    assert run(Path.cwd(), "stattus").returncode == 2
    assert run(Path.cwd(), "--version").stdout.startswith("ensemble, version ")


def test_every_name_of_the_screen_is_there() -> None:
    assert all(callable(getattr(terminal, name)) for name in terminal.__all__)
    with pytest.raises(AttributeError, match=r"module 'ensemble\.cli\.terminal' has no attribute 'nothing'"):
        _ = terminal.nothing  # type: ignore[attr-defined]


def test_rooms_load_when_they_are_used() -> None:
    script = "import ensemble\nprint(ensemble.reduce.average is ensemble.average, ensemble.store.lock.__name__)"
    assert read_output(python(script)) == "True ensemble.store.lock\n"


def test_status_reads_no_data(store: Path) -> None:
    before = run(store.parent, "status", "a.zarr")
    others = [path for path in store.glob("*/c/**/*") if path.is_file() and "status" not in path.parts]
    for path in others:
        if path.relative_to(store).parts[0] not in ("size", "drift", "t", "core_seconds"):
            path.write_bytes(b"rubbish")
    told = run(store.parent, "status", "a.zarr")
    assert (told.returncode, told.stdout) == (0, before.stdout)
    counts = [row.split() for row in told.stdout.splitlines() if row.split()[:1] in (["2"], ["3"])]
    done, failed, wanted = (sum(int(row[at]) for row in counts) for at in (2, 3, 4))
    assert told.stdout.splitlines()[1] == f"{done} realizations done, {failed} failed, {wanted} wanted, at 4 points"
    assert (done + failed, wanted) == (40, 40)
    with pytest.raises(ValueError, match=r"(?i)checksum|rubbish|decompress|frame|buffer"):
        xr.open_zarr(store)["walk"].load()


def test_a_table_keeps_its_lines_together_where_the_terminal_is_narrow(toy: Toy, tmp_path: Path) -> None:
    sweep = toy(axes={"size": [2, 3], "drift": [0.123456, 0.5]}, realizations=1)
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=4) as ledger:
        rows = terminal.status_rows(ledger)
    out = Console(width=24, soft_wrap=True)
    with out.capture() as capture:
        out.print(terminal.status_table(rows))
    lines = [row.split() for row in capture.get().splitlines() if row.split()[:1] in (["2"], ["3"])]
    assert lines == [[size, drift, "0", "0", "1", "-", "-"] for size in ("2", "3") for drift in ("0.123456", "0.5")]


def test_the_book_tells_attempts_and_times(toy: Toy, tmp_path: Path, address: str) -> None:
    """Failures are tried again, first in vain, then with the model mended; then the store grows."""
    mended, path = tmp_path / "mended", tmp_path / "a.zarr"
    sweep = toy(parameters={"raises_below": 0.3, "unless": str(mended)})
    started = np.datetime64("now", "s")
    run_sweep(sweep, path, cluster=address)
    failed = zarr.open_array(str(path / "status"), mode="r")[...] == 2
    assert failed.any()  # type: ignore[union-attr]
    first = xr.open_zarr(path).load()
    assert (first["attempts"] == 1).all()
    assert first["landed"].dtype.kind == "M"
    assert ((first["landed"] >= started) & (first["landed"] <= np.datetime64("now", "s"))).all()
    wait_until(lambda: np.datetime64("now", "s") > first["landed"].max())  # the book has seconds
    for touched, attempts in ((False, 2), (True, 3)):
        if touched:
            mended.touch()
        run_sweep(sweep, path, cluster=address, retry_failed=True)
        again = xr.open_zarr(path).load()
        assert np.array_equal(again["attempts"], np.where(failed, attempts, 1))
        assert np.array_equal(again["landed"] > first["landed"], failed)
    assert (again["status"] == 1).all()
    with Ledger.writing(path, toy(realizations=12, parameters={"raises_below": 0.3, "unless": str(mended)}), chunk=4):
        grown = xr.open_zarr(path).load()
    assert np.isnat(grown["landed"].isel(realization=slice(10, None))).all()
    assert (grown["attempts"].isel(realization=slice(10, None)) == 0).all()


def test_attempts_end_at_what_a_byte_can_tell(toy: Toy, tmp_path: Path) -> None:
    sweep = toy(axes={"size": [2], "drift": [0.0]}, realizations=3)
    with Ledger.writing(tmp_path / "a.zarr", sweep, chunk=4) as ledger:
        (slot,) = ledger.missing(sweep.points[0], 3)
        for _ in range(300):
            ledger.enter(
                [
                    Receipt(
                        slot,
                        dict.fromkeys(slot.indices, "E"),
                        0.0,
                        {"host": "here"},
                        np.zeros(len(slot.indices), np.uint32),
                    )
                ]
            )
    assert Ledger.reading(tmp_path / "a.zarr").attempts.tolist() == [[[255] * 3]]
    assert Ledger.reading(tmp_path / "a.zarr").landed.min() > 0
    assert EPOCH.year == 2020


@pytest.mark.slow
def test_watch_goes_on_while_a_run_does(tmp_path: Path) -> None:
    """JSON and plain blocks: what they tell only grows, they name the driver, and end when it has ended.

    The driver is held still until both have looked, however long they take to start.
    """
    (tmp_path / "a.toml").write_text(SWEEP)
    watch = line("status", "a.zarr", "--watch", "0.2")
    as_json, as_text = tmp_path / "looks.json", tmp_path / "looks.txt"
    with start(line("run", "a.toml"), tmp_path, stderr=subprocess.DEVNULL) as driver:
        wait_during(driver, lambda: chunks(tmp_path / "a.zarr"))
        driver.send_signal(signal.SIGSTOP)
        with (
            as_json.open("w") as machine_reads,
            as_text.open("w") as people_read,
            start([*watch, "--json"], tmp_path, stdout=machine_reads) as machine,
            start(watch, tmp_path, stdout=people_read) as plain,
        ):
            wait_during(machine, as_json.read_text)
            wait_during(plain, lambda: "wanted, at " in as_text.read_text())
            driver.send_signal(signal.SIGCONT)
            errors = [finish(each)[1] for each in (machine, plain)]
        finish(driver)
    assert (machine.returncode, plain.returncode, driver.returncode) == (0, 0, 1), errors
    looks = [json.loads(each) for each in as_json.read_text().splitlines()]
    done = [sum(point["done"] + point["failed"] for point in look["points"]) for look in looks]
    assert done == sorted(done)
    assert len(set(done)) > 1
    assert done[-1] == 120
    assert looks[0]["driver"].startswith(f"process {driver.pid} on ")
    assert looks[-1]["driver"] is None
    assert errors[1] == ""
    rows = as_text.read_text().splitlines()
    heads = [row for row in rows if " is at work on it" in row]
    assert f"process {driver.pid} on " in heads[0]
    assert heads[-1].endswith("nobody is at work on it")
    totals = [int(row.split()[0]) for row in rows if " realizations done, " in row]
    assert len(totals) == len(heads) > 1
    assert totals == sorted(totals)


def test_watch_on_a_terminal_redraws_in_place_until_ctrl_c(store: Path) -> None:
    """A driver holds the store and does nothing, then adds something: one table, drawn twice."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    command = line("status", store.name, "--watch", "0.1")
    with (
        os.fdopen(ours, "rb") as terminal,
        lock.hold(store),
        start(command, store.parent, stdout=theirs, stderr=theirs, env=environment) as watch,
    ):
        os.close(theirs)
        first = read_until(terminal.fileno(), "wanted, at 4 points")
        status = zarr.open_array(str(store / "status"), mode="r+")
        status[0, 0, 0] = 0
        second = read_until(terminal.fileno(), "wanted, at 4 points")
        assert "\x1b[1A" in second, "the cursor goes up, and what was there is drawn over"
        watch.send_signal(signal.SIGINT)
        assert watch.wait(TIMEOUT) == 0
        assert "Traceback" not in first + second
        with pytest.raises(EOFError):
            read_until(terminal.fileno(), "Traceback")


def test_watch_ends_where_nobody_is_at_work(store: Path) -> None:
    told = run(store.parent, "status", "a.zarr", "--watch", "0.1")
    assert (told.returncode, told.stdout) == (0, run(store.parent, "status", "a.zarr").stdout)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.zarr"], "ensemble: there must be a store at nowhere.zarr"),
        (["nowhere.zarr", "--watch"], "ensemble: there must be a store at nowhere.zarr"),
        (["a.zarr", "--watch", "0"], "Invalid value for '--watch'"),
        (["a.zarr", "--watch", "1", "--provenance"], "--provenance is told once: leave out --watch"),
    ],
)
def test_what_cannot_be_told_is_said(arguments: list[str], told: str, tmp_path: Path) -> None:
    refused = run(tmp_path, "status", *arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
