"""The terminal: how wide it is, and the look of tables."""

import sys

from rich import box
from rich.console import Console
from rich.table import Table

_PLAIN_WIDTH = 120
"""Where there is no terminal."""


def console(*, stderr: bool = False) -> Console:
    """A console that fits its terminal, and is wide where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True)


def empty_table(*headers: str) -> Table:
    """A table of numbers, to be filled with rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right")
    return table
