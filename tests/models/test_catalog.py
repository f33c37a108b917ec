"""Finding models, and telling the author of one what it lacks."""

from pathlib import Path

import pytest

from ensemble import Sweep
from ensemble.errors import EnsembleError, ModelError
from ensemble.models import catalog
from ensemble.models.tls_glass import TLSGlass
from tests.support.minimal_model import MODEL


def test_installed_models_are_found_by_name() -> None:
    assert "tls_glass" in catalog.installed()
    assert catalog.find("tls_glass") is TLSGlass


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("(frozen=True)", "", "must be a frozen dataclass"),
        ("@dataclass(frozen=True)", "", "must be a frozen dataclass"),
        ("(Model)", "", "must be a class that derives from ensemble.Model"),
        ("def draw(", "def pull(", "must define draw"),
        ("def measure(", "def weigh(", "must define measure"),
        ('{"signal": Observable("signal")}', "{}", "must declare observables"),
        ('{"signal": Observable("signal")}', '{"signal": "signal"}', "must declare observables"),
        ('draw_fields = ("size",)', "", "must declare draw_fields"),
        ('draw_fields = ("size",)', 'draw_fields = ("length",)', "must list its own fields in draw_fields"),
        ('draw_fields = ("size",)', 'draw_fields = "size"', "must list its own fields in draw_fields"),
        ('draw_fields = ("size",)', 'draw_fields = ()\n    axes = ("length",)', "must list its own fields in axes"),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    presets = {"a": {"length": 1}}',
            "must set its own fields in",
        ),
        ('draw_fields = ("size",)', 'draw_fields = ()\n    presets = {"a": 1}', "as a table of values, got 1 for 'a'"),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_means = {"a": "signal"}',
            "must declare functions_of_means = {name: FunctionOfMeans(...)}, got {'a': 'signal'}",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_means = {"signal": FunctionOfMeans("a", ("signal",), abs)}',
            "must find another name in functions_of_means for 'signal': it is taken",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_means = {"a": FunctionOfMeans("a", ("signal", "noise"), max)}',
            "must make a in functions_of_means of its own observables, a tuple of names, got ('signal', 'noise')",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_means = {"a": FunctionOfMeans("a", "signal", max)}',
            "must make a in functions_of_means of its own observables, a tuple of names, got 'signal'",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    coordinates = {"bin": "bin"}',
            "must declare coordinates = {name: Coordinate(...)}, got {'bin': 'bin'}",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    coordinates = {"t": Coordinate("time")}',
            "must label 't' where it is declared and not in coordinates: it is a parameter",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    presets = ["a"]',
            "must declare presets = {name: {field: value}}",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_parameters = {"a": 1.5}',
            "must declare functions_of_parameters = {name: FunctionOfParameters(",
        ),
        (
            'draw_fields = ("size",)',
            'draw_fields = ()\n    functions_of_parameters = ["a"]',
            "must declare functions_of_parameters = {name: FunctionOfParameters(",
        ),
        (
            'draw_fields = ("size",)',
            "draw_fields = ()\n    from ensemble.models.model import FunctionOfParameters\n"
            '    functions_of_parameters = {"size": FunctionOfParameters("", len)}',
            "must find another name in functions_of_parameters for 'size'",
        ),
        ('Observable("signal")', 'Observable("signal", dtype="flaot64")', "cannot be imported: TypeError"),
        ('{"signal":', '{"status":', "must find another name for 'status'"),
        ('{"signal":', '{"size":', "must find another name for 'size'"),
        ("import numpy as np", "import nonsense", "cannot be imported: ModuleNotFoundError"),
        ("def draw(self, rng):", "def draw(self, rng)", "cannot be imported: SyntaxError"),
        ('Observable("signal")', 'Observable("signal", dims=("size",))', "must be a list in coords()"),
        ('Observable("signal")', 'Observable("signal", dims=("frequency",))', "must be a list in coords()"),
        ("size: int", "size: list", "size cannot be set in a sweep"),
    ],
)
def test_a_model_that_breaks_the_protocol(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in MODEL
    (tmp_path / "mine.py").write_text(MODEL.replace(old, new, 1))
    table = {"model": "mine.py:Mine", "realizations": 1, "seed": 0, "axes": {"size": [2]}}
    with pytest.raises(EnsembleError) as refusal:
        Sweep.from_table(table, folder=tmp_path)
    assert told in str(refusal.value)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MODEL)
    first = catalog.find("mine.py:Mine", tmp_path)
    assert catalog.find("mine.py:Mine", tmp_path) is first
    path.write_text(MODEL.replace('"signal"', '"echo"'))
    assert "echo" in catalog.find("mine.py:Mine", tmp_path).observables


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no"):
        catalog.find("nowhere.py:Mine", tmp_path)


def test_a_package_offers_its_models_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip would install for a third party: a module and the metadata beside it."""
    (tmp_path / "their_glass.py").write_text(MODEL)
    metadata = tmp_path / "their_glass-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their_glass\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[ensemble.models]\ntheirs = their_glass:Mine\nbroken = their_glass:No\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "theirs" in catalog.installed()
    sweep = Sweep.from_table({"model": "theirs", "realizations": 1, "seed": 0, "axes": {"size": [2]}})
    assert sweep.model.__module__ == "their_glass"
    with pytest.raises(ModelError, match="'broken' is installed but cannot be loaded: AttributeError"):
        catalog.find("broken")
