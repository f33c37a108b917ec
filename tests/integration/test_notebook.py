"""The analysis notebook, run from its first cell to its last in a real kernel, with fewer realizations."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests import ROOT

pytestmark = pytest.mark.slow

WORKFLOWS = ROOT / "workflows"
NOTEBOOK = Path("artiaco2021", "analysis.ipynb")

STRICT = """
import warnings

warnings.simplefilter("error")
warnings.filterwarnings("default", module="ipykernel")  # the kernel warns about itself while it shuts down
"""
"""Run before the first cell: a warning in any other cell is an error."""


def stored() -> NotebookNode:
    notebook: NotebookNode = nbformat.read(WORKFLOWS / NOTEBOOK, as_version=nbformat.NO_CONVERT)
    return notebook


def code(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook with its outputs; it has found nothing but the sweep files."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(WORKFLOWS, folder / "workflows", ignore=shutil.ignore_patterns("*.zarr"))
    sweep = folder / "workflows" / "quickstart.toml"
    asked = sweep.read_text()
    assert "realizations = 1000\n" in asked
    sweep.write_text(asked.replace("realizations = 1000\n", "realizations = 300\n"))
    notebook = stored()
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    place = {"metadata": {"path": str((folder / "workflows" / NOTEBOOK).parent)}}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MPLBACKEND", raising=False)  # as in Jupyter, where figures appear in the notebook
        for own in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            environment.setenv(own, str(folder / own))
        NotebookClient(notebook, timeout=200, startup_timeout=180, resources=place).execute()
    return notebook


def said(notebook: NotebookNode, cell: str) -> str:
    """What a cell has printed."""
    (found,) = (each for each in code(notebook) if each.id == cell)
    return "".join(output.text for output in found.outputs if output.output_type == "stream")


def number(text: str, name: str) -> tuple[float, float]:
    """The value and the error of `name = VALUE(ERROR)`, the error in the last digits of the value."""
    found = re.search(rf"\b{name} = (-?\d+)(\.\d+)?\((\d+)\)", text)
    assert found, f"no {name} in {text!r}"
    digits = found[2] or ""
    return float(found[1] + digits), int(found[3]) * 10.0 ** -max(0, len(digits) - 1)


def line(text: str, title: str) -> str:
    (found,) = (each for each in text.splitlines() if each.startswith(f"{title}: "))
    return found


def test_it_is_stored_without_outputs() -> None:
    notebook = stored()
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))


def test_every_cell_runs(executed: NotebookNode) -> None:
    assert all(cell.execution_count for cell in code(executed))
    outputs = [output for cell in code(executed) for output in cell.outputs]
    assert "error" not in [output.output_type for output in outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert said(executed, "run") == "of 4500 realizations 0 were there, 4500 computed, 0 failed\n"


def test_every_figure_appears(executed: NotebookNode) -> None:
    drawing = [cell for cell in code(executed) if "plt.show()" in cell.source]
    assert len(drawing) == 9
    for cell in drawing:
        assert sum("image/png" in output.get("data", {}) for output in cell.outputs) == 1, cell.id


def test_what_it_says_of_common_disorder(executed: NotebookNode) -> None:
    found = re.search(r"error (\S+) times smaller", said(executed, "paired"))
    assert found
    assert float(found[1]) > 10


def test_what_it_says_of_plateaus(executed: NotebookNode) -> None:
    """The plateau of N = 4 is known from a thousand realizations; without N = 4 they vanish faster."""
    told = said(executed, "fit-size")
    value, error = number(line(told, "N = 4"), "c")
    assert 0 < error < 0.005
    assert abs(value - 0.222) < 5 * error
    alpha, error = number(line(told, "all sizes"), "alpha")
    assert number(line(told, "without N = 4"), "alpha")[0] > alpha + 5 * error


def test_it_prints_what_to_be_wary_of(executed: NotebookNode) -> None:
    told = said(executed, "fit-largest")
    assert "beware: blocks do not differ" in told
    assert "beware: the law does not describe the curve" in told
    assert "compared: none of the laws describes the curve on this window" in told


def test_what_it_says_of_weak_dissipation(executed: NotebookNode) -> None:
    delta, error = number(said(executed, "fit-departure"), "delta")
    assert 3 * error < delta < 0.5
