"""Width of the terminal, and the style of tables.

Text is printed with its control characters escaped, because a store may come from an untrusted source.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ensemble.errors import printable

_PLAIN_WIDTH = 120
"""Width in characters if the output is not a terminal."""


def console(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal, or 120 characters if the output is not a terminal.

    Parameters
    ----------
    stderr : bool, default False
        Whether it prints to standard error instead of standard output.

    Returns
    -------
    rich.console.Console
        A console without markup, emoji and highlighting.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return _Console(stderr=stderr, width=width, highlight=False, soft_wrap=True, markup=False, emoji=False)


@final
class _Console(Console):
    """A console on which text cannot move the cursor or set styles; brackets are printed as brackets."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape control characters of a text, which may be a table cell."""
        return super().render_str(printable(text), **options)


def empty_table(*headers: str) -> Table:
    """An empty table with right-aligned columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right")
    return table


def tall_table(headers: Iterable[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table for very many rows: each column is one multi-line cell, which is faster to draw."""
    headers = list(headers)
    table = empty_table(*headers)
    cells = [Text("\n").join(map(_cell, lines)) for lines in zip(*rows, strict=True)]
    for column, header, cell in zip(table.columns, headers, cells, strict=True):
        column.min_width = max(len(line) for line in (header, *cell.plain.splitlines()))  # never wrap a line
    table.add_row(*cells)
    return table


def _cell(text: str | Text) -> Text:
    return text if isinstance(text, Text) else Text(printable(text))
