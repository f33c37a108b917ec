"""`ensemble figure` as a user meets it: in a folder of their own, through the installed command."""

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import ensemble
from ensemble.cli import main
from ensemble.store import lock
from tests.support.command import line, run
from tests.support.contents import chunks, contents
from tests.support.declared import written
from tests.support.processes import start
from tests.support.waiting import wait_during

WALK = """
title = "A walk [in steps]"

[sweeps.walk]
file = "walk.toml"
quick = { realizations = 20, axes = { size = [2, 3], drift = [1.0] } }
large = { realizations = 30, axes = { size = [2, 3, 4], drift = [1.0] } }

[curves.walk]
sweep = "walk"
observable = "walk"
per = "size"

[fits.rise]
of = "walk"
law = "growth"
window = [1.0, 3.0]

[[panels]]
curves = ["walk"]
fits = ["rise"]

[[published]]
claim = "it rises like t"
of = "rise"
parameter = "alpha"
value = 1.0
error = 0.5
"""

OTHER = WALK.replace("A walk [in steps]", "The same").replace("size = [2, 3]", "size = [3, 4]")
"""Shares the points of size 3."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path / "figures", WALK, "walk")
    return tmp_path


def figure(folder: Path, address: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(folder, "figure", *arguments, "--cluster", address)


def refused(code: int, stdout: str, stderr: str, told: str) -> None:
    assert code == 2, stderr
    assert stdout == ""
    assert stderr.startswith("ensemble: ")
    assert stderr.count("\n") == 1
    assert told in stderr


@pytest.mark.slow
def test_a_figure_is_computed_told_and_written(folder: Path, address: str) -> None:
    done = figure(folder, address, "figures/fig_walk.toml")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "walk.zarr: 40 realizations computed in" in done.stderr
    assert "fig_walk  A walk [in steps] (quick)" in done.stdout
    for words in ("\nrise\n", "alpha", "it rises like t", "1 ± 0.5"):
        assert words in done.stdout
    names = ["fig_walk.png", "fig_walk.pdf", "fig_walk.nc", "fig_walk_fits.csv", "fig_walk_published.csv"]
    for name in names:
        assert f"wrote   figures/quick/{name}\n" in done.stdout
    assert done.stdout.endswith("claims  figures/quick/claims.md\n")
    place = folder / "figures" / "quick"
    assert sorted(path.name for path in place.iterdir()) == sorted([*names, "claims.md"])

    before = {path.name: path.read_bytes() for path in place.glob("*.*[vcd]")}
    store = contents(folder / "figures" / "walk.zarr")
    again = run(folder, "figure", "figures/fig_walk.toml")  # no cluster is needed, and none is started
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    assert again.stdout == done.stdout
    assert contents(folder / "figures" / "walk.zarr") == store
    for name in ("fig_walk_fits.csv", "fig_walk_published.csv", "fig_walk.nc", "claims.md"):
        assert (place / name).read_bytes() == before[name]

    larger = figure(folder, address, "figures/fig_walk.toml", "--scale", "large")
    assert larger.returncode == 0, larger.stderr
    assert "walk.zarr: 50 realizations computed in" in larger.stderr
    assert ", 40 were there" in larger.stderr
    assert (place / "fig_walk_fits.csv").read_bytes() == before["fig_walk_fits.csv"]
    assert len((folder / "figures" / "large" / "fig_walk_fits.csv").read_text().splitlines()) == 1 + 2 * 3


@pytest.mark.slow
def test_json_has_the_numbers_of_the_files(folder: Path, address: str) -> None:
    done = figure(folder, address, "figures", "--json", "--folder", "out")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert list(told) == ["figures", "claims"]
    assert told["claims"] == "out/quick/claims.md"
    (made,) = told["figures"]
    assert list(made) == ["figure", "scale", "fits", "published", "warnings", "files"]
    assert (made["figure"], made["scale"]) == ("fig_walk", "quick")
    assert all((folder / file).is_file() for file in made["files"])
    for key in ("fits", "published"):
        with (folder / "out" / "quick" / f"fig_walk_{key}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [float(row["value"]) for row in rows] == [each["value"] for each in made[key]]
        assert [float(row["error"]) for row in rows] == [each["error"] for each in made[key]]
    assert made["fits"][0]["moves"] is None  # three points have no parts


@pytest.mark.slow
def test_plan_counts_what_figures_share_once_and_starts_nothing(folder: Path, address: str) -> None:
    written(folder / "figures", OTHER, "other")
    before = sorted(folder.rglob("*"))
    told = run(folder, "figure", "figures", "--plan", "--workers", "50")
    assert told.returncode == 0, told.stderr
    assert "60 realizations for 2 figures" in told.stdout
    assert "on 50 cores" in told.stdout
    rows = {
        words[0]: words[1] for words in map(str.split, told.stdout.splitlines()) if words[:1] and "fig_" in words[0]
    }
    assert sorted(rows.values()) == ["20", "40"]
    plan = json.loads(run(folder, "figure", "figures", "--plan", "--json", "--scale", "large").stdout)
    assert list(plan) == ["cores", "figures", "hours"]
    assert sum(each["missing"] for each in plan["figures"]) == 90
    assert {each["figure"] for each in plan["figures"]} == {"fig_walk", "fig_other"}
    assert all(each["core_seconds"] >= 0 and each["bytes"] >= 0 for each in plan["figures"])
    assert sorted(folder.rglob("*")) == before

    done = figure(folder, address, "figures")
    assert done.returncode == 0, done.stderr
    assert "60 realizations for 2 figures" in done.stdout
    view = ensemble.open(folder / "figures" / "walk.zarr")
    assert view.n_done.to_numpy().ravel().tolist() == [20, 20, 20]
    assert len((folder / "figures" / "quick" / "claims.md").read_text().splitlines()) == 2 + 4
    left = json.loads(run(folder, "figure", "figures", "--plan", "--json").stdout)
    assert [each["missing"] for each in left["figures"]] == [0, 0]


@pytest.mark.parametrize(
    ("old", "new", "arguments", "told"),
    [
        ("", "", ["figures/fig_walk.toml", "--scale", "lrage"], "got 'lrage': did you mean 'large'?"),
        ("", "", ["figures/walk.toml"], "must have a title, but it is missing; a sweep file goes to `ensemble run`"),
        ("", "", ["figures/nothing.toml"], "nothing.toml cannot be read: No such file"),
        ("", "", ["figures/empty"], "must hold TOML files with a title, but figures/empty has none"),
        ("", "", ["figures", "figures/fig_walk.toml"], "must differ in the names of their files"),
        ('"growth"', '"grwoth"', ["figures"], "[fits.rise] must have a law that is known, got 'grwoth'"),
        ("size = [2, 3]", "size = [2.5]", ["figures"], "size must be an integer, got 2.5"),
        ('"walk"\nper', '"wlak"\nper', ["figures"], "must be one of its sweep, got 'wlak': did you mean 'walk'?"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    old: str, new: str, arguments: list[str], told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "figures" / "empty").mkdir()
    assert old in WALK
    written(folder / "figures", WALK.replace(old, new, 1), "walk")
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    for more in ([], ["--plan"]):
        done = CliRunner().invoke(main, ["figure", *arguments, *more])
        assert isinstance(done.exception, SystemExit)
        refused(done.exit_code, done.stdout, done.stderr, told)
    assert sorted(folder.rglob("*")) == before


def test_the_installed_command_prints_no_traceback(folder: Path) -> None:
    done = run(folder, "figure", "figures/walk.toml")
    refused(done.returncode, done.stdout, done.stderr, "a sweep file goes to `ensemble run`")


@pytest.mark.slow
def test_a_figure_that_fails_does_not_stop_the_others(folder: Path, address: str) -> None:
    """One has a law of the size that does not know the option it is given, which only its fits can tell."""
    odd = (
        '[laws.odd]\nof = "rise"\nparameter = "alpha"\nlaw = "extrapolate"\nover = "size"\n'
        "unweighted = true\n\n[[panels]]"
    )
    written(folder / "figures", OTHER.replace("[[panels]]", odd, 1), "other")
    done = figure(folder, address, "figures", "--json")
    assert done.returncode == 2
    assert "ensemble: fig_other: [laws.odd] of fig_other: extrapolate() got an unexpected keyword" in done.stderr
    assert "Traceback" not in done.stderr
    names = {path.name for path in (folder / "figures" / "quick").iterdir()}
    assert {"fig_walk.png", "fig_walk_published.csv", "claims.md"} <= names
    assert not any("other" in name for name in names)
    assert [each["figure"] for each in json.loads(done.stdout)["figures"]] == ["fig_walk"]
    alone = run(folder, "figure", "figures/fig_other.toml")
    refused(alone.returncode, alone.stdout, alone.stderr, "unexpected keyword argument 'unweighted'")


@pytest.mark.slow
def test_figures_of_a_folder_without_the_scale_are_named_and_left_out(folder: Path, address: str) -> None:
    written(folder / "figures", OTHER.replace("large = {", "huge = {"), "other")
    done = figure(folder, address, "figures", "--scale", "large", "--json")
    assert done.returncode == 0, done.stderr
    assert "without the scale large, and left out: fig_other" in done.stderr
    assert [each["figure"] for each in json.loads(done.stdout)["figures"]] == ["fig_walk"]
    nothing = run(folder, "figure", "figures", "--scale", "larger")
    refused(nothing.returncode, nothing.stdout, nothing.stderr, "'larger'")


@pytest.mark.slow
def test_what_is_there_is_drawn_while_another_driver_is_at_work(folder: Path, address: str) -> None:
    assert figure(folder, address, "figures").returncode == 0
    with lock.hold(folder / "figures" / "walk.zarr"):
        assert figure(folder, address, "figures").returncode == 0
        more = figure(folder, address, "figures", "--scale", "large")
    assert more.returncode == 2
    assert f"process {os.getpid()} on " in more.stderr
    assert "Traceback" not in more.stderr


@pytest.mark.slow
def test_realizations_that_fail_are_told_and_the_others_drawn(folder: Path, address: str) -> None:
    written(folder / "figures", WALK.replace("drift = [1.0] }", "drift = [1.0], raises_below = [0.2] }"), "walk")
    done = figure(folder, address, "figures")
    assert done.returncode == 1
    assert "realizations failed; their tracebacks are in the variable `exception` of figures/walk.zarr" in done.stderr
    assert "x ValueError: the first number is 0." in done.stderr
    assert (folder / "figures" / "quick" / "fig_walk.png").is_file()


@pytest.mark.slow
def test_a_killed_figure_continues(tmp_path: Path, address: str) -> None:
    """Killed in the middle of its work, driver and workers at once; the numbers are those of an undisturbed one."""
    slow = WALK.replace("drift = [1.0] }", "drift = [1.0], seconds = [0.1] }")
    for name in ("killed", "undisturbed"):
        written(tmp_path / name / "figures", slow, "walk")
    killed, store = tmp_path / "killed", tmp_path / "killed" / "figures" / "walk.zarr"
    with start(line("figure", "figures", "--workers", "1"), killed) as process:
        wait_during(process, lambda: chunks(store) >= 2)
    assert not (killed / "figures" / "quick").exists()
    assert 0 < chunks(store) < 8
    for folder in (killed, tmp_path / "undisturbed"):
        done = figure(folder, address, "figures")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert contents(store) == contents(tmp_path / "undisturbed" / "figures" / "walk.zarr")
    for name in ("fig_walk_fits.csv", "fig_walk_published.csv", "fig_walk.nc", "claims.md"):
        one, other = ((tmp_path / each / "figures" / "quick" / name) for each in ("killed", "undisturbed"))
        assert one.read_bytes() == other.read_bytes()
