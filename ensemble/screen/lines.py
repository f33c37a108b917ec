"""Lines on the terminal, other than tables.

A store may come from anywhere: what it calls its model, its units or its machines is printed with control characters
escaped, here and in `terminal`, so that it cannot move the cursor or rename the window.
"""

import click

from ensemble.failure import printable


def echo(text: object, *, err: bool = False, newline: bool = True) -> None:
    """Print a text to standard output or standard error, its control characters escaped."""
    click.echo(printable(str(text)), nl=newline, err=err)


def warn(text: str) -> None:
    """Print a text to standard error, its control characters escaped."""
    echo(text, err=True)
