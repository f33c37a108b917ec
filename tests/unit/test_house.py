"""The house itself: its public surface, its layers, a docstring in every room."""

import ast
from pathlib import Path

import ensemble

ROOT = Path(ensemble.__file__).parent
MODULES = sorted(path.relative_to(ROOT.parent).with_suffix("") for path in ROOT.rglob("*.py"))

LAYERS = [
    ["errors", "deferred"],
    ["physics"],
    ["models"],
    ["sweep"],
    ["store"],
    ["realization"],
    ["cluster", "reduce"],
    ["fit"],
    ["run"],
    ["plot", "verify"],
    ["cli"],
]
"""From bottom to top: a folder imports from its own layer and from those below it."""


OUTSIDE = ("__init__", "__main__")
"""The doors: they open onto every room."""


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def imported(path: Path) -> set[str]:
    """The rooms of this package that a module imports from."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ensemble":
            inside = node.module.split(".")[1:]
            rooms |= {inside[0]} if inside else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ensemble.")}
    return rooms


def test_the_public_surface() -> None:
    assert ensemble.__all__ == [
        "Coordinate",
        "EnsembleError",
        "FunctionOfMeans",
        "LazyObservables",
        "Model",
        "Observable",
        "Sweep",
        "average",
        "open",
        "parameter",
        "run_sweep",
    ]
    assert all(getattr(ensemble, name).__doc__ for name in ensemble.__all__)
    assert ensemble.__version__


def test_every_room_has_a_place_in_the_layers() -> None:
    rooms = {module.parts[1] for module in MODULES if module.parts[1] not in OUTSIDE}
    assert rooms == {room for layer in LAYERS for room in layer}


def test_imports_point_one_way() -> None:
    wrong = []
    for module in MODULES:
        room = module.parts[1]
        if room not in OUTSIDE:
            rooms = imported(ROOT.parent / module.with_suffix(".py")) - {"__version__"}
            above = sorted(other for other in rooms if level(other) > level(room))
            wrong += [f"{module} imports {other} from a layer above it" for other in above]
    assert not wrong


def test_the_framework_knows_no_physics() -> None:
    """Only the models, and the command line through their entry points, know what is computed."""
    for module in MODULES:
        if module.parts[1] not in ("models", "physics", "__init__"):
            path = ROOT.parent / module.with_suffix(".py")
            assert "physics" not in imported(path)
            text = path.read_text().lower().replace('"tls_glass"', "").replace("tls://", "")
            # TLS is the encryption of a network there, and two-level systems everywhere else.
            encrypts = module.parts[1] == "cluster" or module == Path("ensemble/cli/options")
            words = ["two-level", "glass"] if encrypts else ["two-level", "glass", "tls"]
            assert not any(word in text for word in words), module


def test_a_module_says_what_it_is_for() -> None:
    wrong = []
    for module in MODULES:
        text = (ROOT.parent / module.with_suffix(".py")).read_text()
        if not ast.get_docstring(ast.parse(text)):
            wrong.append(f"{module} has no docstring")
        if module.name in ("utils", "util", "misc", "helpers", "common"):
            wrong.append(f"{module} may hold anything")
    assert not wrong
