"""The command line: each command is a thin layer over the Python functions.

options      options that several commands share
stores       the type of STORE arguments
status       `status`
sweeps       `run`, `plan`, `models`
submitting   `submit`
reductions   `average`, `plot`
fits         `fit`
proofs       `replay`, `verify`
figures      `figure`
drawing      the figure that `run` and `plot` draw
terminal     tables, progress bars and lines on the terminal

The module of a command is imported when the command is used, so that a command imports only what it needs.
"""

import importlib
import os
import signal
import sys
from typing import Any

import click

from ensemble.cli import terminal
from ensemble.errors import EnsembleError, ModelNotNamed

COMMANDS = {
    "average": ("reductions", "Print the averages of a store, with their errors."),
    "figure": ("figures", "Make declared figures, and compute what they lack."),
    "fit": ("fits", "Fit a law to every point of a store."),
    "models": ("sweeps", "List the installed models."),
    "plan": ("sweeps", "Tell what a sweep would take; start nothing."),
    "plot": ("reductions", "Draw the averages of a store."),
    "replay": ("proofs", "Compute one realization of a store here, to look at it."),
    "run": ("sweeps", "Compute what a sweep asks for and its store does not have."),
    "status": ("status", "Tell what a store holds, also while a run goes on."),
    "submit": ("submitting", "Have SLURM run a sweep, job after job until it is done."),
    "verify": ("proofs", "Check a store's files, and compute some of it again."),
}
"""Module and help text of each command."""


class _Commands(click.Group):
    """Commands that are imported when they are used; an error is one sentence and an exit code, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - signature of click
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - signature of click
        """Import a command; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and print an error as one sentence."""
        try:
            return super().invoke(ctx)
        except ModelNotNamed as error:
            terminal.warn(f"ensemble: {error.sentence('--model')}")
            ctx.exit(error.exit_code)
        except EnsembleError as error:
            terminal.warn(f"ensemble: {error}")
            ctx.exit(error.exit_code)
        except MemoryError as error:
            terminal.warn(f"ensemble: there is not enough memory: {error or 'none is left'}")
            ctx.exit(1)
        except KeyboardInterrupt:
            terminal.warn("ensemble: stopped at once; what has landed is safe, run again to continue")
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ensemble")
def main() -> None:
    """Disorder ensembles: from a sweep file to a labelled Zarr store, averages and figures."""


def start() -> None:
    """Entry point of the command `ensemble`."""
    _open_streams()
    try:
        main(prog_name="ensemble")
    finally:  # Ctrl-C during shutdown must not print a traceback
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _open_streams() -> None:
    """Open standard streams that the caller has closed, or else the next file or socket would take their place."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
            assert opened == descriptor, "the lowest number that is free"
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "r" if descriptor == 0 else "w", closefd=False))  # noqa: SIM115 - stays open
