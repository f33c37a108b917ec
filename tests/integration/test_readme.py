"""The sessions of README, the guide and the pages of papers, run as they are printed."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ensemble import Sweep, run_sweep
from ensemble.reduce import functions_of_means
from tests.support import conformance
from tests.support.command import line
from tests.support.documents import PAGES, ROOT, block, blocks
from tests.support.processes import execute


def run(command: str, folder: Path) -> str:
    """One `ensemble ...` command of README, through the installed script, which starts anew."""
    name, *arguments = shlex.split(command)
    assert name == "ensemble"
    done = execute(["env", *line(*arguments)], folder, seconds=280)  # half a minute on a quiet machine
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a newcomer has it: the repository's workflows, nothing else."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "workflows", folder / "workflows")
    return folder


def test_the_working_session(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first command, the rows of its table to the last digit, and the notebook cell after it."""
    first, *printed = blocks("console")[0].splitlines()
    install, command = first.removeprefix("$ ").split(" && ")
    assert install == "python -m pip install -c deploy/constraints.txt ."
    told = [line.split() for line in run(command, folder).splitlines()]
    rows = [line.split() for line in printed if re.match(r" +\d", line)]
    assert len(rows) >= 6
    for row in rows:
        assert row in told
    assert (folder / "quickstart.png").exists()
    with xr.open_zarr(folder / "quickstart.zarr") as dataset:
        assert dataset["concurrence"].dims == ("N", "epsilon", "eta", "realization", "t")
    assert run(command, folder).startswith("everything is there: 15000 of 15000 realizations")

    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for cell in (text for text in blocks("python") if not text.startswith("# ")):
        exec(compile(cell, "README.md", "exec"), names)
    assert (names["loss"].sel(N=4).mean() > 0.2).all()
    assert names["fit"].law == "a t^-beta"
    assert 1.0 < names["fit"].values["beta"] < 2.0
    assert names["plateau"](names["point"].t, names["estimate"]).values["c"] > 10 * 3.6e-4
    assert names["curve"].shape == (91,)
    assert names["pair"].shape == (91, 4, 4)
    assert 0.0 < names["curve"].max() < 1.0
    assert names["state"]["polarization"][:2].round(4).tolist() == [-0.0606, -0.1065]
    assert round(names["state"]["inverse_temperature"], 4) == 0.0042


def test_the_sweep_file_and_its_commands(folder: Path) -> None:
    (folder / "sweep.toml").write_text(block("sweep.toml"))
    sweep = Sweep.read(folder / "sweep.toml")
    assert len(sweep.points) == 27
    assert sweep.axes["eta"] == (1e3, 1e4, 1e5)
    assert "27000 realizations at 27 points" in run("ensemble plan sweep.toml", folder)


@pytest.mark.slow
def test_a_night(folder: Path) -> None:
    """The rule is that of the workflow, and the rows of the table are told to the last digit."""
    stop = tomllib.loads(block("stop.toml, in place of `realizations`"))["stop"]
    table = tomllib.loads((folder / "workflows" / "plateaus.toml").read_text())
    assert {"observable": "concurrence", **table["stop"]} == stop
    (shown,) = (text for text in blocks("console") if "plateaus.toml" in text)
    command, *printed = shown.splitlines()
    told = [line.split() for line in run(command.removeprefix("$ "), folder).splitlines()]
    rows = [line.split() for line in printed if re.match(r" +\d", line)]
    assert len(rows) == 4
    for row in rows:
        assert row in told


def test_a_model_of_one_s_own(tmp_path: Path) -> None:
    """Checked against the closed form of the example: the signal is exp(-(width t)²/2) on average."""
    for name in ("random_field.py", "random_field.toml"):
        (tmp_path / name).write_text(block(name))
    assert len(block("random_field.py").splitlines()) <= 25
    (shown,) = (text for text in blocks("console") if "ensemble run random_field" in text)
    (command,) = (line.partition("#")[0] for line in shown.splitlines() if "ensemble run" in line)
    command = command.strip().removeprefix("$ ")
    assert "16000 realizations computed in" in run(command, tmp_path)
    with xr.open_zarr(tmp_path / "random_field.zarr") as dataset:
        mean = dataset["signal"].mean("realization")
        expected = xr.apply_ufunc(lambda x: 2.718281828459045 ** (-(x**2) / 2), dataset["width"] * dataset["t"])
        assert float(abs(mean - expected).max()) < 0.03
        assert dataset["signal"].attrs["long_name"] == "total spin per spin"


@pytest.mark.slow
def test_a_figure_of_one_s_own(tmp_path: Path) -> None:
    """Checked against the closed form of the example: δ is 2."""
    for name in ("random_field.py", "random_field.toml", "dephasing.toml"):
        (tmp_path / name).write_text(block(name))
    (command,) = (text for text in blocks("console") if "dephasing.toml" in text)
    told = run(command.strip().removeprefix("$ "), tmp_path)
    assert told.count("agrees") == 4
    assert all((tmp_path / "quick" / f"dephasing.{suffix}").exists() for suffix in ("png", "pdf", "nc"))


def test_a_model_with_presets_and_an_observable_on_request(tmp_path: Path) -> None:
    more = indent(block("in the class RandomField, with LazyObservables imported as well"), "    ")
    text = block("random_field.py").replace("Observable,", "Observable, LazyObservables,")
    (tmp_path / "random_field.py").write_text(f"{text}\n{more}")
    table = {"model": "random_field.py:RandomField", "realizations": 1, "seed": 7, "axes": {"spins": [10]}}
    assert list(Sweep.from_table(table, folder=tmp_path).observables) == ["signal"]
    sweep = Sweep.from_table({**table, "preset": "glass", "observables": ["spread", "signal"]}, folder=tmp_path)
    assert sweep.parameters["width"] == 1.5
    conformance.check_shapes(sweep)
    conformance.check_observables_alone(sweep)


def test_a_model_that_makes_something_of_means(tmp_path: Path, address: str) -> None:
    """Checked against the closed form of the example: -ln of the signal is (width t)² / 2."""
    more = indent(block("in the class RandomField, with FunctionOfMeans and Coordinate imported as well"), "    ")
    text = block("random_field.py").replace("Observable,", "Coordinate, Observable, FunctionOfMeans,")
    (tmp_path / "random_field.py").write_text(f"{text}\n{more}")
    table = {"model": "random_field.py:RandomField", "realizations": 500, "seed": 7, "axes": {"spins": [10]}}
    sweep = Sweep.from_table({**table, "time": [0.0, 0.5, 1.0]}, folder=tmp_path)
    conformance.check_of_means(sweep)
    conformance.check_labels(sweep.model)
    run_sweep(sweep, tmp_path / "a.zarr", cluster=address)
    found = functions_of_means(tmp_path / "a.zarr", "decay", model=tmp_path / "random_field.py").isel(spins=0)
    np.testing.assert_allclose(found["decay"], [0.0, 0.125, 0.5], atol=4 * float(found["decay_error"].max()))
    assert 0 < found["decay_error"].max() < 0.02


def test_every_dependency_is_in_the_table() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = (ROOT / "deploy" / "README.md").read_text().split("## Dependencies")[1]
    extras = project["optional-dependencies"]
    others = [each for each in extras["test"] if each != "ensemble[s3]"]
    for requirement in [*project["dependencies"], *extras["s3"], *others]:
        name = re.split(r"[<>=[]", requirement)[0]
        assert re.search(name, table, flags=re.IGNORECASE), name


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "deploy" / "README.md", *ROOT.glob("tests/**/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
