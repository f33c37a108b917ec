"""The installed `ensemble` command, as a shell would start it."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from ensemble.cli import main
from tests.support.processes import TIMEOUT, execute

BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""


def line(*arguments: str) -> list[str]:
    """The command line of `ensemble ARGUMENTS`."""
    return [str(BIN / "ensemble"), *arguments]


def run(folder: Path, *arguments: str, seconds: float = TIMEOUT) -> "subprocess.CompletedProcess[str]":
    """`ensemble ARGUMENTS`, run to its end in a folder; the test fails if that takes longer than `seconds`."""
    return execute(line(*arguments), folder, seconds=seconds)


def invoke(*arguments: object) -> Result:
    """`ensemble ARGUMENTS`, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result, told: str) -> None:
    """Whether the input was refused in one sentence."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("ensemble: ")
    assert result.stderr.count("\n") == 1
    assert told in result.stderr
