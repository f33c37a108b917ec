"""Numbers as people write them."""

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from ensemble.cli.terminal import average_tables, console, model_card
from ensemble.models.tls_glass import TLSGlass
from ensemble.reduce import table_rows
from ensemble.sweep.units import format_bytes, format_duration, format_with_error, parse_duration
from tests.support.spectra import Lines
from tests.support.toy_model import QuickModel, ToyModel


def test_a_model_card_tells_presets_and_what_is_measured_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    model_card(console(), "toy", ToyModel)
    told = capsys.readouterr().out.splitlines()
    assert "preset gale: drift = 8, seconds = 0.001" in told
    assert "preset crowd: size = 40" in told
    assert "measures walk(t): position" in told
    assert "measures paths(walkers, t): way of each walker, on request" in told
    assert "implies slowness: half of the drift" in told
    model_card(console(), "quick", QuickModel)
    assert "implies" not in capsys.readouterr().out


def test_a_model_card_tells_what_follows_from_the_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    model_card(console(), "tls_glass", TLSGlass)
    told = capsys.readouterr().out.splitlines()
    assert "implies flight_energy: hbar/tau of sound over L0, in meV" in told
    assert "implies confinement: W over hbar/tau" in told
    assert sum(line.startswith("implies ") for line in told) == len(TLSGlass.functions_of_parameters)
    assert (
        "measures log_ratio(): decimal logarithm of dissipation over interaction, the median over sites, on request"
        in told
    )


def test_a_table_of_averages_with_padding() -> None:
    """A peak is looked for where there are numbers; a point with none has dashes."""
    walk = [[0.5, 2.0, np.nan], [np.nan] * 3]
    averages = xr.Dataset(
        {
            "count": ("size", [9, 9]),
            "walk": (("size", "t"), walk),
            "walk_error": (("size", "t"), np.multiply(walk, 0.1)),
            "walk_late": ("size", [2.0, np.nan]),
            "walk_late_error": ("size", [0.2, np.nan]),
            "wave": (("size", "t"), np.multiply(walk, 1j)),
            "wave_error": (("size", "t"), walk),
            "wave_late": ("size", [2.0j, 1j * np.nan]),
        },
        coords={"size": [2, 3], "t": [0.0, 1.0, 2.0]},
    )
    out = Console(width=120)
    with out.capture() as capture:
        out.print(*average_tables(averages))
    rows = [line.split() for line in capture.get().splitlines() if line.split()[:1] in (["2"], ["3"])]
    assert rows == [["2", "9", "2.00(20)", "1", "2.00(20)"], ["3", "9", "-", "-", "-"]]
    assert "wave" not in capture.get()


def test_a_table_of_a_function_of_a_frequency() -> None:
    """Its highest point and where it is; a plateau is a matter of times."""
    averages = xr.Dataset(
        {
            "count": ("shape", [9, 9]),
            "line": (("shape", "frequency"), [[0.5, 2.0, 1.0], [np.nan] * 3]),
            "line_error": (("shape", "frequency"), [[0.1, 0.2, 0.1], [np.nan] * 3]),
        },
        coords={"shape": ["gauss", "slope"], "frequency": [-2.5, -1.5, 0.0]},
    )
    out = Console(width=120)
    with out.capture() as capture:
        out.print(*average_tables(averages))
    lines = [line.split() for line in capture.get().splitlines()]
    assert ["shape", "n", "peak", "of", "line", "at", "frequency"] in lines
    assert [row for row in lines if row[:1] in (["gauss"], ["slope"])] == [
        ["gauss", "9", "2.00(20)", "-1.5"],
        ["slope", "9", "-", "-"],
    ]
    assert table_rows.average_rows(averages)[0]["line"] == {"peak": 2.0, "peak_error": 0.2, "at": -1.5}
    assert table_rows.handfuls(averages) == []


def test_the_peak_of_a_line_that_points_down() -> None:
    """What is farthest from 0, also where there is rounding above it."""
    averages = xr.Dataset(
        {
            "count": ("N", [9]),
            "line": (("N", "frequency"), [[1e-18, -2.0, -1.0]]),
            "line_error": (("N", "frequency"), [[1e-18, 0.2, 0.1]]),
        },
        coords={"N": [4], "frequency": [-2.5, -1.5, 0.0]},
    )
    assert table_rows.average_rows(averages)[0]["line"] == {"peak": -2.0, "peak_error": 0.2, "at": -1.5}


@pytest.mark.parametrize(("wide", "together"), [(5, [["a" * 5, "b" * 5]]), (60, [["a" * 60], ["b" * 60]])])
def test_numbers_that_do_not_fit_side_by_side_have_tables_of_their_own(wide: int, together: list[list[str]]) -> None:
    """No number is cut off, on a page of 120 characters."""
    names = ["a" * wide, "b" * wide]
    found = {name: ("N", [1.0]) for name in names} | {f"{name}_error": ("N", [0.1]) for name in names}
    averages = xr.Dataset({"count": ("N", [9]), **found}, coords={"N": [4]})
    tables = average_tables(averages)
    assert [[str(column.header) for column in table.columns] for table in tables] == [
        ["N", "n", *some] for some in together
    ]
    out = Console(width=120)
    with out.capture() as capture:
        out.print(*tables)
    assert capture.get().count("1.00(10)") == 2


def test_a_model_card_tells_what_is_made_of_means(capsys: pytest.CaptureFixture[str]) -> None:
    model_card(console(), "lines", Lines)
    told = capsys.readouterr().out.splitlines()
    assert "makes ratio(frequency) of the means of beside and line: ratio of the lines" in told


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0321, 0.0012, "0.0321(12)"),
        (1.5, 0.25, "1.50(25)"),
        (-0.067, 0.032, "-0.067(32)"),
        (123.4, 5.6, "123.4(56)"),
        (5.8e-5, 5.4e-5, "5.8(54)e-05"),
        (0.0, 0.0, "0"),
        (0.5, 0.0, "0.5"),
        (float("nan"), 0.1, "nan"),
        (1.25, float("nan"), "1.25"),
        (0.1, 0.0996, "0.10(10)"),
        (4321.0, 17.0, "4321(17)"),
        (1.0e7, 1.2e5, "1.000(12)e+07"),
    ],
)
def test_a_value_with_its_error(value: float, error: float, text: str) -> None:
    assert format_with_error(value, error) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12.3 ms"), (5.0, "5 s"), (600.0, "10 min"), (36000.0, "10 h"), (864000.0, "10 days")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("0.5s", 0.5),
        ("10m", 600.0),
        ("10 min", 600.0),
        ("1.5h", 5400.0),
        ("1d", 86400.0),
        ("1:30:00", 5400.0),
        (" 100:00:01 ", 360001.0),
    ],
)
def test_a_span_of_time_in_words(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0:00:00", "-1s", "ten", "10 parsecs", "1:30", "1:99:00", "inf", "nan"])
def test_what_is_no_span_of_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"a span of time must be more than nothing, such as 90s, 10m, 8h, 1d or"):
        parse_duration(text)


@pytest.mark.parametrize(("count", "text"), [(100, "100 B"), (2048, "2 KiB"), (3 * 2**30, "3 GiB"), (2**41, "2 TiB")])
def test_a_size(count: int, text: str) -> None:
    assert format_bytes(count) == text
