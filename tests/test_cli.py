"""The command line as a user meets it: in a folder of their own, through the installed command."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from tests.command import run
from tests.conftest import TOY
from tests.contents import contents
from tests.models.test_catalog import MODEL

SWEEP = f"""
model = "{TOY}"
realizations = 12
seed = 1
axes.size = [2, 3]
axes.drift = [0.0, 0.5]
store.chunk = 5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "walk.toml").write_text(SWEEP)
    return tmp_path


def test_run_lands_a_store_prints_a_table_and_draws_a_figure(folder: Path, address: str) -> None:
    done = run(folder, "run", "walk.toml", "--cluster", address)
    assert done.returncode == 0, done.stderr
    assert "48 realizations computed in" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.split()[:1] in (["2"], ["3"])]
    points = [["2", "0", "12"], ["2", "0.5", "12"], ["3", "0", "12"], ["3", "0.5", "12"]]
    assert [row[:3] for row in rows] == points * 2  # a table for the walk, and one for the numbers
    assert [len(row) for row in rows] == [6] * 4 + [4] * 4
    assert "peak of walk" in done.stdout
    assert "store   walk.zarr\nfigure  walk.png\n" in done.stdout
    assert "0 of 48 realizations are there" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["walk.png", "walk.toml", "walk.zarr"]
    pixels = image.imread(folder / "walk.png")
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 800
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50

    before = contents(folder / "walk.zarr")
    again = run(folder, "run", "walk.toml")
    assert again.returncode == 0
    assert again.stdout == "everything is there: 48 of 48 realizations in walk.zarr\n"
    assert again.stderr == ""
    assert contents(folder / "walk.zarr") == before

    (folder / "walk.toml").write_text(SWEEP.replace("[2, 3]", "[2, 3, 4]"))
    more = run(folder, "run", "walk.toml", "--cluster", address, "--figure", "more.pdf")
    assert more.returncode == 0, more.stderr
    assert "24 realizations computed in" in more.stdout
    assert "48 were there" in more.stdout
    assert (folder / "more.pdf").read_bytes().startswith(b"%PDF")


def test_status_tells_done_failed_and_wanted(folder: Path, address: str) -> None:
    (folder / "walk.toml").write_text(SWEEP + "parameters.raises_below = 0.2\n")
    done = run(folder, "run", "walk.toml", "--cluster", address, "--store", "w.zarr")
    assert done.returncode == 1
    assert "realizations failed; their tracebacks are in the variable `exception`" in done.stderr
    assert "x ValueError: the first number is 0." in done.stderr
    told = json.loads(run(folder, "status", "w.zarr", "--json").stdout)
    assert told["model"] == "toy_model.py:ToyModel"
    assert told["driver"] is None
    assert [point["point"] for point in told["points"]][1] == {"size": 2, "drift": 0.5}
    for point in told["points"]:
        assert point["done"] + point["failed"] == point["wanted"] == 12
        assert point["failed"] > 0
    table = run(folder, "status", "w.zarr").stdout
    assert "nobody is at work on it" in table
    assert all(word in table for word in ("size", "drift", "done", "failed", "wanted"))

    again = run(folder, "run", "walk.toml", "--store", "w.zarr")
    assert again.returncode == 1
    assert again.stdout.startswith("nothing is left to compute: ")
    assert "--retry-failed" in again.stderr


def test_plan_tells_what_is_missing_and_starts_nothing(folder: Path, address: str) -> None:
    fresh = run(folder, "plan", "walk.toml", "--workers", "100")
    assert fresh.returncode == 0, fresh.stderr
    assert "48 realizations at 4 points" in fresh.stdout
    assert "on 100 cores" in fresh.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["walk.toml"]
    run(folder, "run", "walk.toml", "--cluster", address)
    (folder / "walk.toml").write_text(SWEEP.replace("realizations = 12", "realizations = 20"))
    before = contents(folder / "walk.zarr")
    planned = run(folder, "plan", "walk.toml", "--batch", "1")
    assert "32 realizations at 4 points, 40 tasks, chunks of 5" in planned.stdout
    assert contents(folder / "walk.zarr") == before


def test_average_and_plot_work_on_a_store_alone(folder: Path, address: str) -> None:
    run(folder, "run", "walk.toml", "--cluster", address)
    (folder / "walk.png").unlink()
    averages = run(folder, "average", "walk.zarr")
    assert "peak of walk" in averages.stdout
    drawn = run(folder, "plot", "walk.zarr")
    assert drawn.stdout == "walk.png\n"
    assert (folder / "walk.png").stat().st_size > 10_000


def test_models_lists_parameters_and_observables() -> None:
    told = run(Path.cwd(), "models").stdout
    assert "\ntls_glass" in told
    for word in ("epsilon", "must be given", "delta_bar", "0.1", "number of two-level systems", "concurrence(t)"):
        assert word in told


def test_any_choice_of_observables_has_a_table(folder: Path, address: str) -> None:
    """Over two coordinates, complex, a number: a table always, a figure of what can be drawn."""
    for number, (chosen, drawn) in enumerate(((["paths"], True), (["wave"], False), (["final"], False))):
        head = f"observables = {json.dumps(chosen)}\nparameters.walkers = [0, 2]\n"
        (folder / f"{number}.toml").write_text(head + SWEEP)
        done = run(folder, "run", f"{number}.toml", "--cluster", address)
        assert done.returncode == 0, done.stderr
        assert "48 realizations computed in" in done.stdout
        assert (folder / f"{number}.png").exists() is drawn
        assert run(folder, "average", f"{number}.zarr").returncode == 0
        assert run(folder, "plot", f"{number}.zarr").returncode == (0 if drawn else 2)


def test_help_says_what_each_command_does() -> None:
    told = run(Path.cwd(), "--help").stdout
    for command in ("average", "models", "plan", "plot", "run", "status"):
        assert f"\n  {command} " in told


def test_a_model_without_curves_has_a_table_but_no_figure(folder: Path, address: str) -> None:
    (folder / "mine.py").write_text(
        MODEL.replace('Observable("signal")', 'Observable("signal", dims=())').replace(
            '{"signal": disorder}', '{"signal": disorder[0]}'
        )
    )
    (folder / "mine.toml").write_text('model = "mine.py:Mine"\nrealizations = 3\nseed = 0\naxes.size = [2]\n')
    done = run(folder, "run", "mine.toml", "--cluster", address)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("store   mine.zarr\n")
    assert not (folder / "mine.png").exists()
    drawn = run(folder, "plot", "mine.zarr")
    assert drawn.returncode == 2
    assert "a figure needs an observable over one coordinate" in drawn.stderr
