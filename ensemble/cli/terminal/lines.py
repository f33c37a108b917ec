"""Print lines on the terminal, with control characters escaped.

A store may come from an untrusted source: names of models, units or machines in it must not move the cursor or change
the window title.
"""

import click

from ensemble.errors import printable


def echo(text: object, *, err: bool = False, newline: bool = True) -> None:
    """Print a text, with control characters escaped.

    Parameters
    ----------
    text : object
        What to print.
    err : bool, default False
        Whether to print to standard error instead of standard output.
    newline : bool, default True
        Whether to end the line.
    """
    click.echo(printable(str(text)), nl=newline, err=err)


def warn(text: str) -> None:
    """Print a text to standard error, with control characters escaped.

    Parameters
    ----------
    text : str
        What to print.
    """
    echo(text, err=True)
