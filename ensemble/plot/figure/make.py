"""Make figures from declarations: run or resume the sweeps, then average, fit, draw and save."""

from collections.abc import Callable
from pathlib import Path

from distributed import Client

from ensemble.plot.figure.declaration import Declaration
from ensemble.plot.figure.results import Result, evaluate
from ensemble.plot.figure.save import save
from ensemble.plot.figure.work import sweeps
from ensemble.run import Deadline, Summary, Watch, before_deadline, count_done, count_missing, run_on

FORMATS = ("png", "pdf")
"""File formats of a figure."""


def compute(
    declaration: Declaration,
    scale: str,
    folder: Path,
    connect: Callable[[], Client],
    *,
    batch: int | None = None,
    deadline: Deadline | None = None,
    watch: Watch,
) -> list[tuple[Path, Summary]]:
    """Run or resume the sweeps of a figure, one after the other.

    Parameters
    ----------
    declaration
        The figure.
    scale
        One of its scales, such as "quick" or "paper".
    folder
        Folder of the stores; it is created if it does not exist.
    connect
        Returns a Dask client; called only for a sweep with missing realizations.
    batch
        Realizations in one task. Default: chosen from the time of a realization.
    deadline
        When the run stops. Default: no deadline.
    watch
        Receives progress and messages.

    Returns
    -------
    list of (Path, Summary)
        The store and the summary of each sweep. After a signal or at the deadline, the remaining sweeps are skipped.

    Raises
    ------
    StoreMismatch
        If a store belongs to a different sweep.
    StoreLocked
        If another driver uses a store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summaries = []
    for sweep, store in sweeps(declaration, scale, folder):
        summary = count_done(sweep, store)
        if not summary.complete:
            count_missing(sweep, store)  # raises an error if a run cannot start
            watch.say(
                f"{declaration.name}: {summary.left} of {summary.wanted} realizations are missing in {store.name}"
            )
            with before_deadline(summary, deadline, watch):
                summary = run_on(connect(), sweep, store, batch=batch, deadline=deadline, watch=watch)
        summaries.append((store, summary))
        if summary.signal is not None or summary.deadline:
            break
    return summaries


def publish(
    declaration: Declaration, scale: str, folder: Path, client: Client | None = None
) -> tuple[Result, list[Path]]:
    """Evaluate a figure from the realizations in its stores, draw it and save the numbers.

    Parameters
    ----------
    declaration
        The figure.
    scale
        One of its scales.
    folder
        Folder of the stores; files are written to `folder/scale`.
    client
        Dask client that computes the averages. Default: compute in this process.

    Returns
    -------
    Result
        The numbers of the figure.
    list of Path
        The files that were written: pictures first, then curves, fits and published values.

    Raises
    ------
    FigureError
        If the declaration is invalid, or a fit is impossible.
    StoreError
        If a store cannot be read, or a file cannot be written.
    """
    from ensemble.plot.figure.draw import draw  # loads Matplotlib only if it is needed

    result = evaluate(declaration, scale, folder, client)
    output = folder / scale
    output.mkdir(parents=True, exist_ok=True)
    pictures = [output / f"{declaration.name}.{suffix}" for suffix in FORMATS] if declaration.panels else []
    if pictures:
        draw(result, pictures)
    return result, [*pictures, *save(result, output)]
