"""What computes here: the code, the libraries under it, and the machine.

The driver finds out which commit its copy of the package is and what file the model comes from (`origin`); both travel
with the work. A worker adds what only it can know (`here`), and takes the driver's word for the commit if its own
copy of the package has the same files: a thousand workers start no git, and none speaks for another's code.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from ensemble.models.importing import source_of
from ensemble.models.source import DIGITS

UNKNOWN = "unknown"
"""What is told of something that nobody could find out, or that an older version did not record."""
THREADS = ("blas_threads", "numba_threads", "zarr_threads", "zarr_concurrency")
"""How many threads linear algebra, compiled kernels and the store may start, and how much of it is read at a time."""
MACHINE = ("host", "cpu", *THREADS)
"""What is told of the machine; another one is no other code."""
COMMIT = ("commit", "dirty")
"""What is told of the commit; the same files are the same code, whatever commit they are in."""
VERSION = importlib.metadata.version("ensemble")
"""The version of this package."""

_PACKAGE = Path(__file__).resolve().parent
_LIBRARIES = ("numpy", "scipy", "numba", "zarr")
_PATIENCE = 10.0
"""Seconds that git may take."""


@final
@dataclass(frozen=True)
class Origin:
    """What the driver knows of the code that is to compute."""

    source: str
    """Hash of the files of its copy of this package."""
    commit: str
    """The commit that they are from."""
    dirty: bool
    """Whether they differ from that commit."""
    model: str
    """Hash of the file of the model's class; empty if that is part of this package."""


def origin(model: type) -> Origin:
    """What this process knows of the code that computes a model; it may ask git, so it is for the driver alone."""
    commit, dirty = _commit()
    return Origin(source(), commit, dirty, model_source(model))


@functools.cache
def here(driver: Origin) -> dict[str, str]:
    """The code and the machine of this process, at work for a driver."""
    ours = source()
    told = {"ensemble": VERSION, "source": ours, "commit": driver.commit if driver.source == ours else UNKNOWN}
    if told["commit"] != UNKNOWN:
        told["dirty"] = "yes" if driver.dirty else "no"
    if driver.model:
        told["model"] = driver.model
    told |= {name: importlib.metadata.version(name) for name in _LIBRARIES}
    told["python"] = platform.python_version()
    return {**told, **_blas(), **_pools(), "cpu": _cpu(), "host": platform.node()}


def code(row: Mapping[str, str]) -> dict[str, str]:
    """Of what is told of some realizations, what could make their numbers others: not when, where or which commit."""
    return {name: value for name, value in row.items() if name not in (*MACHINE, *COMMIT)}


@functools.cache
def source() -> str:
    """Hash of the files of this package, names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


@functools.cache
def model_source(model: type) -> str:
    """Hash of the files that a class is from; empty if they are part of this package."""
    if source := source_of(model):
        return source.digest
    if model.__module__.partition(".")[0] == __package__:
        return ""
    try:
        path = Path(str(sys.modules[model.__module__].__file__))
        return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
    except (AttributeError, KeyError, OSError):  # written in a notebook, or gone since
        return UNKNOWN


@functools.cache
def _commit() -> tuple[str, bool]:
    """The commit of this package, and whether its files differ from that."""
    if _git("ls-files", "--error-unmatch", "__init__.py") and (head := _git("rev-parse", "HEAD")):
        return head, _git("status", "--porcelain", "--", ".") != ""
    return _installed_commit(), False


def _git(*arguments: str) -> str | None:
    """What git says in the folder of this package; None if there is no git, or it has nothing to do with it."""
    try:
        asked = ["git", "--no-optional-locks", *arguments]
        done = subprocess.run(asked, cwd=_PACKAGE, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _installed_commit() -> str:
    """The commit that `pip install git+...` wrote down, if this is the copy that it installed."""
    installed = importlib.metadata.distribution("ensemble")
    told = installed.read_text("direct_url.json")
    if told is None or Path(str(installed.locate_file("ensemble"))).resolve() != _PACKAGE:
        return UNKNOWN
    return str(json.loads(told).get("vcs_info", {}).get("commit_id", UNKNOWN))


def _blas() -> dict[str, str]:
    """The linear algebra of NumPy and SciPy: names, versions and threads."""
    import scipy.linalg  # noqa: F401 - its library can be found once it is loaded
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    names = sorted({f"{each['internal_api']} {each['version']}" for each in found})
    threads = sorted({str(each["num_threads"]) for each in found})
    return {"blas": ", ".join(names) or UNKNOWN, "blas_threads": ", ".join(threads) or UNKNOWN}


def _pools() -> dict[str, str]:
    """The threads of Numba and Zarr, as this process has them. Numba is not loaded for this: it takes its time."""
    from zarr import config

    numba = sys.modules.get("numba")
    of_numba = str(numba.config.NUMBA_NUM_THREADS) if numba else os.environ.get("NUMBA_NUM_THREADS")
    return {
        "numba_threads": of_numba or UNKNOWN,
        "zarr_threads": str(config.get("threading.max_workers") or UNKNOWN),
        "zarr_concurrency": str(config.get("async.concurrency")),
    }


def _cpu() -> str:
    """The processor, as Linux calls it."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            named = next((line for line in lines if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named.partition(":")[2].strip() or platform.machine() or UNKNOWN
