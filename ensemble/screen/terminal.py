"""The terminal: how wide it is, and the look of tables.

A text is printed as it is, with its control characters escaped: a store may come from anywhere.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ensemble.failure import printable

_PLAIN_WIDTH = 120
"""Where there is no terminal."""


def console(*, stderr: bool = False) -> Console:
    """A console that fits its terminal, and is wide where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return _Console(stderr=stderr, width=width, highlight=False, soft_wrap=True, markup=False, emoji=False)


@final
class _Console(Console):
    """A console on which a text moves no cursor, and has no style of its own: brackets in it are brackets."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text to be printed, which may be a cell of a table; its control characters are escaped."""
        return super().render_str(printable(text), **options)


def empty_table(*headers: str) -> Table:
    """A table of numbers, to be filled with rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right")
    return table


def tall_table(headers: Iterable[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table that may have so many rows that drawing them takes time: each column is one cell, drawn at once."""
    headers = list(headers)
    table = empty_table(*headers)
    cells = [Text("\n").join(map(_cell, lines)) for lines in zip(*rows, strict=True)]
    for column, header, cell in zip(table.columns, headers, cells, strict=True):
        column.min_width = max(len(line) for line in (header, *cell.plain.splitlines()))  # no line is ever folded
    table.add_row(*cells)
    return table


def _cell(text: str | Text) -> Text:
    return text if isinstance(text, Text) else Text(printable(text))
