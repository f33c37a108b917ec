"""From a declaration to files: run or continue its sweeps, reduce, fit, draw, save."""

from collections.abc import Callable
from pathlib import Path

from distributed import Client

from ensemble.figure.declaration import Declaration
from ensemble.figure.results import Result, evaluate
from ensemble.figure.save import save
from ensemble.figure.work import sweeps
from ensemble.run import Deadline, Summary, Watch, in_time, run_on, stock, survey

FORMATS = ("png", "pdf")


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
    """Run what the sweeps of a figure lack, one after the other; `connect` is called where there is work."""
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for sweep, store in sweeps(declaration, scale, folder):
        summary = stock(sweep, store)
        if not summary.complete:
            survey(sweep, store)  # refuses where a run could not start; what is there can be drawn all the same
            watch.say(
                f"{declaration.name}: {summary.left} of {summary.wanted} realizations are missing in {store.name}"
            )
            with in_time(summary, deadline, watch):
                summary = run_on(connect(), sweep, store, batch=batch, deadline=deadline, watch=watch)
        done.append((store, summary))
        if summary.signal is not None or summary.deadline:
            break
    return done


def publish(
    declaration: Declaration, scale: str, folder: Path, client: Client | None = None
) -> tuple[Result, list[Path]]:
    """Reduce and fit what is there; draw and save it under `folder/scale`. The files are in the order of interest."""
    from ensemble.figure.draw import draw  # Matplotlib is loaded only where something is drawn

    result = evaluate(declaration, scale, folder, client)
    place = folder / scale
    place.mkdir(parents=True, exist_ok=True)
    pictures = [place / f"{declaration.name}.{suffix}" for suffix in FORMATS] if declaration.panels else []
    if pictures:
        draw(result, pictures)
    return result, [*pictures, *save(result, place)]
