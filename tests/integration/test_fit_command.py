"""`ensemble fit` as a user meets it: tables, warnings below them, files, JSON, one sentence where it is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ensemble import Sweep, run_sweep
from ensemble.fit import Estimate, plateau, power_law
from ensemble.fit.store_fits import LAWS, PARAMETERS, SIZE_LAWS
from ensemble.reduce import block_means
from tests.support import command
from tests.support.command import invoke, refused
from tests.support.decay import compute

SIGNAL = ("--observable", "signal")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    return compute(tmp_path_factory.mktemp("fit") / "a.zarr", address)


@pytest.fixture(scope="module")
def destroyed(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same store, of which no observable can be read."""
    path = tmp_path_factory.mktemp("destroyed") / "a.zarr"
    shutil.copytree(store, path)
    for name in ("signal", "number", "wave", "pairs"):
        for chunk in (path / name / "c").rglob("*"):
            if chunk.is_file():
                chunk.write_bytes(b"destroyed")
    return path


@pytest.fixture(scope="module")
def random_states(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    path = tmp_path_factory.mktemp("random") / "a.zarr"
    table: dict[str, Any] = {"model": "random_state", "realizations": 20, "seed": 1, "axes": {"N": [2, 3, 4, 5]}}
    run_sweep(Sweep.from_table({**table, "parameters": {"states": 100}}), path, cluster=address)
    return path


def told(*arguments: object) -> list[str]:
    """The lines that the command prints."""
    result = invoke("fit", *arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return list(result.stdout.splitlines())


def cells(lines: list[str], *first: str) -> list[list[str]]:
    """The rows of tables that begin with one of these texts."""
    return [line.split() for line in lines if line.split()[:1] and line.split()[0] in first]


def rows(*arguments: object) -> dict[str, Any]:
    """What the command prints as JSON, which knows no nan."""

    def constant(name: str) -> None:
        raise AssertionError(name)

    found: dict[str, Any] = json.loads("\n".join(told(*arguments, "--json")), parse_constant=constant)
    return found


@pytest.mark.parametrize("law", ["plateau", "power", "peak", "growth"])
def test_a_row_for_every_point(law: str, store: Path) -> None:
    lines = told(store, *SIGNAL, "--law", law)
    formula = {"plateau": "c", "power": "a t^-beta", "peak": "top of a parabola in ln t", "growth": "a t^alpha"}[law]
    assert lines[0] == f"signal: {formula}"
    head = next(line.split() for line in lines if line.split()[:1] == ["size"])
    assert head[:4] == ["size", "strength", "kind", "n"]
    assert head[4 : 4 + len(PARAMETERS[law])] == list(PARAMETERS[law])
    assert head[-3:] == ["window", "points", "chance"]
    assert ("moves" in head) is (law != "peak")
    points = [[f"{size}", f"{strength}", "plain", "40"] for size in (4, 6, 8, 10) for strength in (0, 1)]
    assert [row[:4] for row in cells(lines, "4", "6", "8", "10")] == points


def test_warnings_are_lines_below_the_table(store: Path) -> None:
    lines = told(store, *SIGNAL, "--law", "power", "--window", "1000:1200", "--select", "strength=0")
    row = cells(lines, "10")[0]
    assert row[3:] == ["40", "nan", "nan"]
    after = lines[lines.index(next(line for line in lines if line.split()[:1] == ["10"])) + 1 :]
    short = "the window is too short: 1 points cannot tell 2 parameters"
    assert after[1:] == [
        "size = 12, strength = 0, kind = plain: one realization has no error",
        *(f"size = {size}: {short}" for size in (4, 6, 8, 10)),
    ]


def test_the_numbers_are_those_of_the_fit(store: Path) -> None:
    found = rows(
        store, *SIGNAL, "--law", "power", "--select", "size=6,8", "--select", "strength=0", "--window", "20:90"
    )
    assert (found["store"], found["observable"]) == (str(store), "signal")
    assert [each["point"] for each in found["fits"]] == [
        {"size": size, "strength": 0.0, "kind": "plain"} for size in (6, 8)
    ]
    point = block_means(store, "signal").sel(size=8, strength=0.0, kind="plain")
    fit = power_law(point["t"], Estimate.of_blocks(point["signal"], point["block_size"]), window=(20, 90))
    row = found["fits"][1]
    assert (row["name"], row["law"], row["count"]) == ("power", "a t^-beta", 40)
    assert (row["beta"], row["beta_error"], row["beta_moves"]) == (
        fit.values["beta"],
        fit.errors["beta"],
        fit.sensitivity("beta"),
    )
    assert (row["window_first"], row["window_last"]) == (fit.window.first, fit.window.last)
    assert (found["across"], found["missing"]) == ([], [])


def test_compared_laws_stand_one_below_the_other(store: Path) -> None:
    lines = told(
        store, *SIGNAL, "--law", "compare", "--select", "size=8", "--select", "strength=1", "--window", "600:1e4"
    )
    assert lines[0] == "signal: laws side by side"
    table = cells(lines, "8")
    assert [row[4] for row in table] == ["power", "exponential", "stretched", "logarithm"]
    assert min(float(row[-1]) for row in table) == 0
    assert lines[-1].startswith("the data prefer ")
    assert "…" not in "".join(lines)


def test_stretched_takes_a_reference(store: Path) -> None:
    """The reference is read wherever the points lie that are asked for, and is no row itself."""
    lines = told(store, *SIGNAL, "--law", "stretched", "--reference", "strength=0", "--select", "size=4,6")
    assert lines[0] == "signal over its plateau at strength = 0: a exp(-((t + t0) / tau)^delta)"
    assert [row[:4] for row in cells(lines, "4", "6")] == [["4", "1", "plain", "40"], ["6", "1", "plain", "40"]]
    some = ("--select", "size=4,6", "--select", "strength=1")
    assert told(store, *SIGNAL, "--law", "stretched", "--reference", "strength=0", *some) == lines


def test_numbers_have_a_mean_and_a_law_of_the_size(random_states: Path) -> None:
    observable = ("--observable", "concurrence")
    lines = told(random_states, *observable, "--law", "mean", "--across", "N:double_exponential")
    assert lines[0] == "concurrence: its mean"
    assert [len(row) for row in cells(lines, "2", "3", "4", "5")] == [3] * 4
    assert "mean across N: exp(-a 2^(b N))" in lines
    found = rows(random_states, *observable, "--law", "mean", "--across", "N:double_exponential")
    assert found["fits"][0]["window_first"] is None
    assert found["fits"][0]["chi2"] is None
    assert found["fits"][0]["mean"] == pytest.approx(3 * np.pi / 16, abs=4 * found["fits"][0]["mean_error"])
    assert found["across"][0]["point"] == {}
    assert found["across"][0]["b"] == pytest.approx(1.01, abs=0.1)


def test_a_law_across_an_axis_has_a_table_of_its_own(store: Path) -> None:
    lines = told(store, *SIGNAL, "--law", "plateau", "--across", "size:exponential_in_size")
    assert "c across size: A exp(-alpha N)" in lines
    below = lines[lines.index("c across size: A exp(-alpha N)") :]
    assert [row[:3] for row in cells(below, "0", "1")] == [["0", "plain", "40"], ["1", "plain", "40"]]
    ruled_out = [line for line in below if "rests on fits that do not describe their data" in line]
    assert len(ruled_out) == 1
    assert ruled_out[0].startswith("c across size, strength = 1: ")
    found = rows(store, *SIGNAL, "--law", "power", "--across", "size:extrapolate", "--parameter", "a")
    assert [each["name"] for each in found["across"]] == ["extrapolate"] * 2
    assert found["missing"] == ["size = 12, strength = 0, kind = plain: one realization has no error"]


def test_files_hold_what_is_printed(store: Path, tmp_path: Path) -> None:
    asked = (store, *SIGNAL, "--law", "plateau", "--across", "size:extrapolate", "--select", "strength=0")
    assert told(*asked, "-o", tmp_path / "a.nc")[-1] == f"wrote   {tmp_path / 'a.nc'}"
    point = block_means(store, "signal").sel(size=6, strength=0.0, kind="plain")
    fit = plateau(point["t"], Estimate.of_blocks(point["signal"], point["block_size"]))
    across = rows(*asked, "-o", tmp_path / "a.csv")["across"][0]
    with xr.open_dataset(tmp_path / "a.nc", engine="scipy") as found:
        cell = found.sel(size=6, strength=0.0).isel(kind=0)
        assert (cell["c"].item(), cell["c_error"].item()) == (fit.values["c"], fit.errors["c"])
        assert cell["across_limit"].item() == across["limit"]
    header, *lines = (tmp_path / "a.csv").read_text().splitlines()
    assert header.startswith("size,strength,kind,count,c,c_error,c_moves,window_first,")
    assert [line.split(",")[0] for line in lines] == ["4", "6", "8", "10"]
    assert float(lines[1].split(",")[4]) == fit.values["c"]


@pytest.mark.slow
def test_workers_read_the_same_numbers(store: Path) -> None:
    asked = ("fit", str(store), *SIGNAL, "--law", "peak", "--json")
    alone, together = command.run(store.parent, *asked), command.run(store.parent, *asked, "--workers", "2")
    assert together.returncode == 0, together.stderr
    assert together.stdout == alone.stdout
    assert len(json.loads(alone.stdout)["fits"]) == 8


WRONG = {
    "unknown law": (("--law", "powr"), "got 'powr': did you mean 'power'?"),
    "mean of a curve": (("--law", "mean"), "the law must suit the observable, got mean for a function of t"),
    "curve of a number": (("--observable", "number", "--law", "power"), "a number at every point: its law is mean"),
    "window of a number": (("--observable", "number", "--law", "mean", "--window", "1:2"), "a number has no times"),
    "unknown observable": (("--observable", "signall", "--law", "power"), "got 'signall': did you mean 'signal'?"),
    "complex": (("--observable", "wave", "--law", "power"), "wave is complex"),
    "resolved by pairs": (("--observable", "pairs", "--law", "power"), "pairs is a function of pair, t"),
    "window of one": (("--law", "power", "--window", "3"), "--window must be two times, FIRST:LAST"),
    "window of text": (("--law", "power", "--window", "a:b"), "got 'a:b'"),
    "window backwards": (("--law", "power", "--window", "9:3"), "got '9:3'"),
    "window of nan": (("--law", "power", "--window", "nan:3"), "got 'nan:3'"),
    "across nothing": (("--law", "power", "--across", "size"), "--across must be an axis and a law, such as N:"),
    "across by no law": (("--law", "power", "--across", "size:linear"), "got 'size:linear'"),
    "across no axis": (("--law", "power", "--across", "N:extrapolate"), "a law over N needs that axis, but there are"),
    "across zero": (("--law", "power", "--across", "strength:extrapolate"), "an axis of positive numbers, got 0.0"),
    "across text": (("--law", "power", "--across", "kind:extrapolate"), "an axis of positive numbers, got 'plain'"),
    "across many laws": (("--law", "compare", "--across", "size:extrapolate"), "must rest on one law, but compare"),
    "unknown parameter": (
        ("--law", "power", "--across", "size:extrapolate", "--parameter", "bta"),
        "'bta' must be a parameter of the law: did you mean 'beta'?",
    ),
    "parameter alone": (("--law", "power", "--parameter", "a"), "--parameter must be given with --across"),
    "no reference": (("--law", "stretched"), "a reference such as epsilon=0 must be given with the law stretched"),
    "needless reference": (("--law", "power", "--reference", "strength=0"), "and with no other"),
    "reference of text": (("--law", "stretched", "--reference", "strength"), "--reference must be an axis with values"),
    "reference of two": (("--law", "stretched", "--reference", "strength=0,1"), "an axis with one value"),
    "unknown reference": (("--law", "stretched", "--reference", "strenth=0"), "did you mean 'strength'?"),
    "missing reference": (("--law", "stretched", "--reference", "strength=7"), "got 7.0: it has 0.0, 1.0"),
    "point of text": (("--law", "power", "--select", "size"), "--select must be an axis with values"),
    "unknown axis": (("--law", "power", "--select", "sise=4"), "did you mean 'size'?"),
    "unknown point": (("--law", "power", "--select", "size=5"), "got 5: it has 4, 6, 8, 10, 12"),
    "wrong suffix": (("--law", "power", "-o", "fits.xlsx"), "the output must end in .nc (netCDF) or .csv"),
    "no folder": (("--law", "power", "-o", "nowhere/fits.nc"), "the output must be in a folder that is there"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_before_anything_is_read(case: str, destroyed: Path) -> None:
    """Neither the observables, which cannot be read, nor the cluster, which is not there, are asked for."""
    arguments, sentence = WRONG[case]
    observable = () if "--observable" in arguments else SIGNAL
    refused(invoke("fit", destroyed, *observable, *arguments, "--cluster", "tcp://127.0.0.1:1"), sentence)


def test_one_observable_must_be_chosen(destroyed: Path) -> None:
    refused(invoke("fit", destroyed, "--law", "power"), "--observable must be given with fit, one of ")


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    refused(invoke("fit", tmp_path / "no.zarr", "--law", "power"), "there must be a store")
    refused(invoke("fit", tmp_path / "no.zarr", *SIGNAL, "--law", "power"), "there must be a store")
    refused(invoke("fit", tmp_path, *SIGNAL, "--law", "power"), "is no Zarr group")


def test_points_without_errors_alone_cannot_be_fitted(store: Path, tmp_path: Path) -> None:
    asked = ("fit", store, *SIGNAL, "--select", "size=12", "-o", tmp_path / "a.csv")
    refused(invoke(*asked, "--law", "power"), "size = 12, strength = 0, kind = plain: one realization has no error")
    reference = ("--law", "stretched", "--reference", "strength=0", "--select", "strength=0")
    refused(invoke("fit", store, *SIGNAL, *reference), "other than its reference")
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_refuses_in_one_sentence(destroyed: Path) -> None:
    done = command.run(destroyed.parent, "fit", "a.zarr", *SIGNAL, "--law", "powr", "--workers", "2")
    assert (done.returncode, done.stdout) == (2, "")
    known = "the law must be one that curves are fitted with, got 'powr': did you mean 'power'?"
    assert done.stderr == f"ensemble: {known}\n"


def test_help_tells_every_law_and_what_it_gives() -> None:
    text = invoke("fit", "--help").stdout
    for law in (*LAWS, "compare", "mean", *SIZE_LAWS):
        assert f"\n    {law} " in text
    for said in ("a t^-beta", "exp(-a 2^(b N))", "chance", "moves", "AIC above"):
        assert said in text
