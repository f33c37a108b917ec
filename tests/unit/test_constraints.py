"""`deploy/constraints.txt`: one version of every dependency on every Python, each allowed by pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "constraints.txt").read_text()
PINS = [Requirement(line) for line in TEXT.splitlines() if line[0] not in "# "]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(each) for each in [*PROJECT["dependencies"], *EXTRAS["s3"], *EXTRAS["test"], *EXTRAS["lint"]]]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_dependency_has_one_version(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(environment)]
    for wanted in DECLARED:
        if wanted.name != PROJECT["name"]:
            (version,) = (str(pin.specifier).removeprefix("==") for pin in pins if pin.name == wanted.name)
            assert wanted.specifier.contains(version), f"{wanted} on Python {python}, but constraints.txt has {version}"


def test_every_line_is_an_exact_version() -> None:
    assert all(re.fullmatch(r"==[^*,]+", str(pin.specifier)) and not pin.url for pin in PINS)


def test_the_command_that_writes_it_is_documented() -> None:
    (command,) = re.findall(r"^# +(uv pip compile .*)$", TEXT, flags=re.MULTILINE)
    assert f"$ {command}" in (ROOT / "deploy" / "README.md").read_text()
