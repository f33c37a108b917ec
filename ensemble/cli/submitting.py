"""`ensemble submit`: a run as a SLURM job, followed by the same job until the sweep is done."""

from pathlib import Path

import click

from ensemble import run as running
from ensemble.cli import terminal
from ensemble.cli.options import PATH, SPAN, batch_option, store_option
from ensemble.cluster.profile import Profile
from ensemble.cluster.submit import DriverJob
from ensemble.store.location import Location
from ensemble.sweep import Sweep


@click.command()
@click.argument("sweep", type=PATH)
@store_option
@click.option("--cluster", "where", default="slurm", show_default=True, help="slurm, or a profile.toml.")
@batch_option
@click.option("--time-limit", type=SPAN, help="Record realizations as failed that take longer, such as 10m.")
@click.option("--once", is_flag=True, help="Submit one job, and none after it.")
@click.option("--dry-run", is_flag=True, help="Print the job's script, and submit nothing.")
def submit(
    sweep: Path,
    store: Location | None,
    where: str,
    batch: int | None,
    time_limit: float | None,
    once: bool,
    dry_run: bool,
) -> None:
    """Have SLURM compute what SWEEP asks for: driver and workers in one job, as large as all jobs of the profile.

    The job ends before its walltime does; the same job follows it until nothing is left to do.
    """
    parsed, profile = Sweep.read(sweep), Profile.find(where)
    store = store or Path(f"{sweep.stem}.zarr")
    options = [
        *(("--batch", str(batch)) if batch else ()),
        *(("--time-limit", f"{time_limit:g}s") if time_limit else ()),
    ]
    inside = "allocation" if where == "slurm" else f"allocation:{Path(where).absolute()}"
    job = DriverJob.of(profile, inside, sweep, store, options, chained=not once)
    if dry_run:
        terminal.echo(job.script, newline=False)
        return
    if running.count_missing(parsed, store.absolute()).complete:
        terminal.echo(f"everything is there, in {store}")
        return
    number = job.submit()
    terminal.echo(f"job     {number}; `scancel --name={job.name}` ends it{'' if once else ' and those that follow'}")
    terminal.echo(f"log     {job.folder / f'{number}.log'}")
    terminal.echo(f"status  ensemble status {store} --watch")
