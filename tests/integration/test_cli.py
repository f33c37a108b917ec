"""The command line as a user meets it: in a folder of their own, through the installed command."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from matplotlib import image

from ensemble import Sweep
from ensemble.reduce import functions_of_means
from ensemble.store import Ledger
from ensemble.store.group import commit
from tests.support import SUPPORT
from tests.support.command import run
from tests.support.contents import contents
from tests.support.minimal_model import MODEL
from tests.support.toy_model import TOY

SWEEP = f"""
model = "{TOY}"
realizations = 12
seed = 1
axes.size = [2, 3]
axes.drift = [0.0, 0.5]
store.chunk = 5
"""

HEAVY = """
from dataclasses import dataclass
import numpy as np
from ensemble import Model, Observable, parameter


@dataclass(frozen=True)
class Heavy(Model):
    '''A signal that few realizations have, the fewer the smaller the rate.'''

    rate: float = parameter(long_name="share of realizations that have it")
    t: tuple[float, ...] = parameter((0.0, 1.0, 2.0), long_name="time")
    observables = {"signal": Observable("signal", dims=("t",))}
    draw_fields = ()

    def draw(self, rng):
        return rng.random()

    def measure(self, number):
        return {"signal": np.full(3, float(number < self.rate))}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "walk.toml").write_text(SWEEP)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """A folder whose sweep has been run, to look at."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "walk.toml").write_text(SWEEP)
    assert run(folder, "run", "walk.toml", "--cluster", address).returncode == 0
    return folder


@pytest.mark.drift
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
    wrong = run(folder, "run", "walk.toml", "--cluster", "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("ensemble: --cluster must be local, slurm, a profile.toml, an address")
    assert again.stderr == ""
    assert contents(folder / "walk.zarr") == before

    (folder / "walk.toml").write_text(SWEEP.replace("[2, 3]", "[2, 3, 4]"))
    more = run(folder, "run", "walk.toml", "--cluster", address, "--figure", "more.pdf")
    assert more.returncode == 0, more.stderr
    assert "24 realizations computed in" in more.stdout
    assert "48 were there" in more.stdout
    assert (folder / "more.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
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


@pytest.mark.slow
def test_status_leaves_out_points_that_only_the_grid_has(folder: Path, address: str) -> None:
    """Two sweeps make a product of nine points, of which five have something; then a store where nothing is asked."""
    for axes in ("axes.size = [2, 3]\naxes.drift = [0.0, 0.5]", "axes.size = [4]\naxes.drift = [1.0]"):
        (folder / "walk.toml").write_text(SWEEP.replace("axes.size = [2, 3]\naxes.drift = [0.0, 0.5]", axes))
        assert run(folder, "run", "walk.toml", "--cluster", address).returncode == 0
    told = json.loads(run(folder, "status", "walk.zarr", "--json").stdout)["points"]
    points = [(2, 0.0), (2, 0.5), (3, 0.0), (3, 0.5), (4, 1.0)]
    assert [tuple(each["point"].values()) for each in told] == points
    assert [(each["done"], each["wanted"]) for each in told] == [(12, 0)] * 4 + [(12, 12)]
    rows = [line.split() for line in run(folder, "status", "walk.zarr").stdout.splitlines()]
    assert [row[:5] for row in rows if row[:1] in (["2"], ["3"], ["4"])] == [
        *[[str(size), f"{drift:g}", "12", "0", "-"] for size, drift in points[:4]],
        ["4", "1", "12", "0", "12"],
    ]

    with Ledger.writing(folder / "new.zarr", Sweep.read(folder / "walk.toml"), chunk=5):
        pass
    commit(folder / "new.zarr", {"asked": json.dumps({"axes": {"size": []}, "realizations": 12})})
    assert run(folder, "status", "new.zarr").stdout.endswith("\nno point has realizations, and none are wanted\n")
    assert json.loads(run(folder, "status", "new.zarr", "--json").stdout)["points"] == []


@pytest.mark.slow
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


@pytest.mark.slow
def test_average_and_plot_work_on_a_store_alone(folder: Path, address: str) -> None:
    run(folder, "run", "walk.toml", "--cluster", address)
    (folder / "walk.png").unlink()
    averages = run(folder, "average", "walk.zarr")
    assert "peak of walk" in averages.stdout
    drawn = run(folder, "plot", "walk.zarr")
    assert drawn.stdout == "walk.png\n"
    assert (folder / "walk.png").stat().st_size > 10_000
    one = run(folder, "plot", "walk.zarr", "--observable", "walk", "--select", "drift=0.5", "--output", "one.png")
    assert one.stdout == "one.png\n"
    whole, part = (image.imread(folder / name).shape for name in ("walk.png", "one.png"))
    assert (part[0], part[1] < whole[1]) == (whole[0], True)  # one column in the place of two


@pytest.mark.slow
@pytest.mark.drift
def test_average_writes_what_it_prints(folder: Path, address: str) -> None:
    """A plateau that rests on one realization is named; files and JSON have the same numbers."""
    (folder / "walk.toml").write_text(SWEEP.replace("drift = [0.0, 0.5]", "drift = [0.5]"))
    run(folder, "run", "walk.toml", "--cluster", address)
    walks = zarr.open_array(str(folder / "walk.zarr" / "walk"), mode="r+")
    walks[:] = 0.0
    walks[0, 0, 3] = 12.0
    told = run(folder, "average", "walk.zarr", "--observable", "walk", "-o", "means.nc")
    assert told.returncode == 0, told.stderr
    assert "size = 2: half of the plateau comes from 1 of 12 realizations\nwrote   means.nc\n" in told.stdout
    assert told.stdout.count("half of") == 1
    assert "final" not in told.stdout
    with xr.open_dataset(folder / "means.nc", engine="scipy") as means:
        assert means["walk_late"].to_numpy().ravel().tolist() == [1.0, 0.0]
        assert means["walk_handful"].to_numpy().ravel().tolist() == [True, False]
    told = run(folder, "average", "walk.zarr", "--json", "-o", "means.csv", "--observable", "walk")
    points = json.loads(told.stdout)["points"]
    assert points[0]["point"] == {"size": 2, "drift": 0.5}
    expected = {"peak": 1.0, "peak_error": 1.0, "at": 0.0, "plateau": 1.0, "plateau_error": 1.0}
    weights = {"half": 1, "heaviest": 1.0, "heaviest_index": 3, "handful": True}
    assert points[0]["walk"] == pytest.approx(expected | weights)
    assert points[1]["walk"]["heaviest"] is None
    assert (folder / "means.csv").read_text().startswith("size,drift,t,count,walk,")
    assert list(json.loads(run(folder, "average", "walk.zarr", "--json").stdout)["points"][0]) == [
        "point",
        "count",
        "walk",
        "final",
    ]


@pytest.mark.slow
def test_average_reads_some_points_on_some_workers(folder: Path, address: str) -> None:
    run(folder, "run", "walk.toml", "--cluster", address)
    whole = run(folder, "average", "walk.zarr", "--json")
    told = run(
        folder, "average", "walk.zarr", "--json", "--select", "size=3", "--select", "drift=0,0.5", "--cluster", address
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["points"] == json.loads(whole.stdout)["points"][2:]
    told = run(folder, "average", "walk.zarr", "--json", "--select", "size=3", "--select", "size=2", "--workers", "1")
    assert told.returncode == 0, told.stderr
    assert told.stdout == whole.stdout
    told = run(folder, "average", "walk.zarr", "--select", "size=3", "--observable", "walk", "--statistics")
    rows = [line.split() for line in told.stdout.splitlines() if line.split()[:1] in (["2"], ["3"])]
    assert [row[:3] for row in rows] == [["3", "0", "12"], ["3", "0.5", "12"]]


@pytest.mark.slow
def test_run_names_plateaus_that_rest_on_a_handful(folder: Path) -> None:
    """A signal that a hundredth of 200 realizations have, beside one that all have; `average` says the same."""
    (folder / "heavy.py").write_text(HEAVY)
    (folder / "heavy.toml").write_text(
        'model = "heavy.py:Heavy"\nrealizations = 200\nseed = 1\naxes.rate = [0.01, 1.0]\n'
    )
    done = run(folder, "run", "heavy.toml", "--workers", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    named = [line for line in lines if "half of" in line]
    assert len(named) == 1
    assert named[0].startswith("rate = 0.01: half of the plateau comes from ")
    assert named == [line for line in run(folder, "average", "heavy.zarr").stdout.splitlines() if "half of" in line]
    assert lines.index(named[0]) == lines.index("store   heavy.zarr") - 1


@pytest.mark.slow
def test_average_prints_statistics(folder: Path, address: str) -> None:
    run(folder, "run", "walk.toml", "--cluster", address)
    told = run(folder, "average", "walk.zarr", "--observable", "walk", "--statistics", "-o", "all.nc")
    assert told.returncode == 0, told.stderr
    assert all(word in told.stdout for word in ("typical", "zeros", "0.16", "0.5", "0.84"))
    rows = [line.split() for line in told.stdout.splitlines() if line.split()[:1] in (["2"], ["3"])]
    assert [row[:4] for row in rows][:2] == [["2", "0", "12", "3"], ["2", "0.5", "12", "3"]]
    with xr.open_dataset(folder / "all.nc", engine="scipy") as found:
        assert found["quantile"].dims == ("size", "drift", "level", "t")
    told = run(folder, "average", "walk.zarr", "--observable", "final", "--statistics", "--json")
    row = json.loads(told.stdout)["points"][0]
    assert row["place"] == {}
    assert row["typical"] == 1.0
    assert list(row["quantiles"]) == ["0.16", "0.5", "0.84"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--observable", "wolk"], "the observable must be one that"),
        (["--statistics"], "--observable must be given with --statistics, one of final, walk"),
        (["--select", "size"], "--select must be an axis with values, such as drift=0.0, got 'size'"),
        (["--select", "sise=2"], "points must be selected by axes that"),
        (["--select", "drift=0.5,none"], "got 'none': it has 0.0, 0.5"),
        (["--select", "size=2.0"], "got '2.0': it has 2, 3"),
        (
            ["--cluster", "here"],
            "--cluster must be local, slurm, a profile.toml, an address such as tcp://host:8786, or",
        ),
        (["--cluster", "tcp://x:1", "--workers", "2"], "--workers belongs to --cluster local"),
        (["-o", "means.xlsx"], "the output must end in .nc (netCDF) or .csv, got means.xlsx"),
        (["-o", "nowhere/means.nc"], "the output must be in a folder that is there"),
    ],
)
def test_average_refuses_in_one_sentence(arguments: list[str], told: str, finished: Path) -> None:
    refused = run(finished, "average", "walk.zarr", *arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("ensemble: ")
    assert refused.stderr.count("\n") == 1
    assert told in refused.stderr


def test_models_lists_parameters_and_observables() -> None:
    told = run(Path.cwd(), "models").stdout
    assert "\ntls_glass" in told
    for word in ("epsilon", "must be given", "delta_bar", "0.1", "number of two-level systems", "concurrence(t)"):
        assert word in told


@pytest.mark.slow
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


LINES = """
model = "spectra.py:Lines"
realizations = 12
seed = 1
observables = ["line", "beside"]
axes.shape = ["gauss", "slope"]
axes.mirrored = [false, true]
"""


@pytest.mark.slow
def test_spectra_are_told_and_drawn_and_what_is_made_of_means(folder: Path, address: str) -> None:
    """Functions of a frequency alone, over axes of names and truths; what is made of means needs the model by name."""
    shutil.copy(SUPPORT / "spectra.py", folder)
    (folder / "lines.toml").write_text(LINES)
    done = run(folder, "run", "lines.toml", "--cluster", address)
    assert done.returncode == 0, done.stderr
    heads = [line.split() for line in done.stdout.splitlines() if "peak" in line]
    assert heads == [["shape", "mirrored", "n", "peak", "of", name, "at", "frequency"] for name in ("beside", "line")]
    assert done.stdout.count(" slope       True   12   ") == 2
    assert (folder / "lines.png").stat().st_size > 10_000

    model = ("--model", "spectra.py")
    chosen = ("--observable", "contrast", "--select", "shape=slope", "--select", "mirrored=true")
    (point,) = json.loads(run(folder, "average", "lines.zarr", *chosen, *model, "--json").stdout)["points"]
    expected = functions_of_means(folder / "lines.zarr", "contrast", model=folder / "spectra.py").sel(
        shape="slope", mirrored=True
    )
    assert point == {
        "point": {"shape": "slope", "mirrored": True},
        "count": 12,
        "contrast": {"mean": expected["contrast"].item(), "error": expected["contrast_error"].item()},
    }
    misspelt = run(folder, "average", "lines.zarr", "--observable", "contarst", *model)
    assert (misspelt.returncode, misspelt.stdout) == (2, "")
    assert "got 'contarst': did you mean 'contrast'?" in misspelt.stderr
    told = run(folder, "average", "lines.zarr", "--observable", "ratio", "-o", "ratio.nc", *model).stdout
    assert "peak of ratio   at frequency" in told
    with xr.open_dataset(folder / "ratio.nc", engine="scipy") as found:
        assert found["ratio"].dims == ("shape", "mirrored", "frequency")

    drawn = run(
        folder,
        "plot",
        "lines.zarr",
        "--observable",
        "ratio",
        "--select",
        "shape=gauss",
        "--output",
        "ratio.png",
        *model,
    )
    assert (drawn.returncode, drawn.stdout) == (0, "ratio.png\n")

    (folder / "elsewhere").mkdir()
    (folder / "spectra.py").rename(folder / "elsewhere" / "spectra.py")
    lost = run(folder, "average", "lines.zarr", *chosen)
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "must be one that lines.zarr has, got 'contrast'" in lost.stderr
    assert lost.stderr.endswith("; what its model makes of means needs --model FILE.py\n")
    again = run(folder, "average", "lines.zarr", *chosen, "--json", "--model", "elsewhere/spectra.py")
    assert json.loads(again.stdout)["points"] == [point]
    wrong = run(folder, "average", "lines.zarr", *chosen, *model)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "the model's file must exist, but there is no" in wrong.stderr


def test_help_says_what_each_command_does() -> None:
    told = run(Path.cwd(), "--help").stdout
    for command in ("average", "models", "plan", "plot", "run", "status"):
        assert f"\n  {command} " in told


@pytest.mark.slow
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
