"""Small results of every model, to compare before and after a change that must not change a bit.

    python -m tests.support.same_results write FOLDER      before the change
    python -m tests.support.same_results compare FOLDER    after it, on the same machine

A store of every case, its averages, fits of some, and a declared figure. `compare` computes them again, in another
folder, and lists each line that differs; its exit code is 1 if one does.
"""

import contextlib
import difflib
import hashlib
import sys
import tempfile
from pathlib import Path

from ensemble import Sweep, run_sweep
from ensemble.cli import main
from ensemble.cluster import connect
from tests.support.cases import CASES
from tests.support.clusters import address_of
from tests.support.contents import contents
from tests.support.declared import written
from tests.support.documents import block

COMMON = {"realizations": 20, "seed": 3, "store": {"chunk": 8}}
LAWS = ("plateau", "power", "growth", "peak", "compare")
ACROSS = "N:exponential_in_size"


def command(*words: str | Path) -> None:
    """Run a command in this process."""
    try:
        main([str(each) for each in words], standalone_mode=False)
    except SystemExit as end:
        print(f"{words[0]} ended with exit code {end.code}", file=sys.stderr)


def write(folder: Path) -> None:
    """Compute everything, one file of text for each result."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, connect("local", workers=2, insecure=True) as client:
        scratch, cluster = Path(name), address_of(client)
        (scratch / "random_field.py").write_text(block("random_field.py"))
        for case, (table, _) in CASES.items():
            store = scratch / f"{case}.zarr"
            run_sweep(Sweep.from_table({**COMMON, **table}, folder=scratch), store, cluster=cluster)
            lines = [f"{each} {shape} {hashed(data)}\n" for each, (shape, data) in sorted(contents(store).items())]
            (folder / f"{case}.store").write_text("".join(lines))
            command("average", store, "--output", folder / f"{case}.average.csv")
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        path = written(Path("declared"))
        run_sweep(path.parent / "glass.toml", "a.zarr")
        command("fit", "a.zarr", "--law", "peak", "--output", folder / "one_size.fit.csv")
        command("figure", path)
        (glass,) = Path().rglob("glass.zarr")
        for figures in glass.parent.rglob("fig_glass*.csv"):
            (folder / figures.name).write_bytes(figures.read_bytes())
        for law in LAWS:
            further = ("--across", ACROSS) if law == "plateau" else ()
            command("fit", glass, "--law", law, *further, "--output", folder / f"{law}.fit.csv")


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def compare(folder: Path) -> int:
    """Compute everything again; the number of files that differ."""
    with tempfile.TemporaryDirectory() as name:
        again = Path(name)
        write(again)
        names = sorted({path.name for each in (folder, again) for path in each.iterdir()})
        different = 0
        for each in names:
            before, after = (lines(path / each) for path in (folder, again))
            if before != after:
                different += 1
                sys.stdout.writelines(difflib.unified_diff(before, after, f"before/{each}", f"after/{each}", n=0))
    print(f"{len(names)} results, {different} differ")
    return different


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True) if path.exists() else []


if __name__ == "__main__":
    action, place = sys.argv[1:]
    sys.exit(bool({"write": write, "compare": compare}[action](Path(place))))
