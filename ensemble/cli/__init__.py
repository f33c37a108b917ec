"""The command line: each command is one call into the module of its name.

options      what several commands take
sweeps       run, plan, status, models
reductions   average, fit, plot
figures      figure
"""

from typing import Any

import click

from ensemble import __version__
from ensemble.cli import figures, reductions, sweeps
from ensemble.errors import EnsembleError


class _Commands(click.Group):
    """Commands whose errors are one sentence and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; tell what went wrong."""
        try:
            return super().invoke(ctx)
        except EnsembleError as error:
            click.echo(f"ensemble: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("ensemble: stopped at once; what has landed is safe, run again to continue", err=True)
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Disorder ensembles: from a sweep file to a labelled Zarr store, averages and figures."""


for _command in (
    sweeps.plan,
    sweeps.run,
    sweeps.status,
    reductions.average,
    reductions.fit,
    reductions.plot,
    figures.figure,
    sweeps.models,
):
    main.add_command(_command)
