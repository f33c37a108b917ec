"""The installed `ensemble` command, as a shell would start it."""

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""


def line(*arguments: str) -> list[str]:
    """The command line of `ensemble ARGUMENTS`."""
    return [str(BIN / "ensemble"), *arguments]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`ensemble ARGUMENTS`, run to its end in a folder."""
    return subprocess.run(line(*arguments), cwd=folder, check=False, capture_output=True, text=True)
