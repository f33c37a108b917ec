"""Code, libraries and machine of the current process, recorded for each realization.

The driver finds the commit of its copy of the package and the file of the model (`code_origin`); both are sent with the
tasks. A worker adds its own libraries and machine (`current_code`). It records the driver's commit only if its own copy
of the package has the same files. So a thousand workers do not start git, and no worker records a wrong commit.
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
"""Value of facts that could not be found, or that an older version did not record."""
THREADS = ("blas_threads", "numba_threads", "zarr_threads", "zarr_concurrency")
"""Number of threads of BLAS, Numba and Zarr, and number of chunks that Zarr reads in parallel."""
MACHINE = ("host", "cpu", *THREADS)
"""Facts about the machine; they do not distinguish code versions."""
COMMIT = ("commit", "dirty")
"""Facts about the commit; they do not distinguish code versions, because the hashes of the files do."""
VERSION = importlib.metadata.version("ensemble")
"""Version of this package."""

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = ("numpy", "scipy", "numba", "zarr")
_PATIENCE = 10.0
"""Timeout of git in seconds."""


@final
@dataclass(frozen=True)
class CodeOrigin:
    """Code of the driver: package source, commit, and file of the model."""

    source: str
    """Hash of the files of the driver's copy of this package."""
    commit: str
    """Commit of these files."""
    dirty: bool
    """Whether the files differ from this commit."""
    model: str
    """Hash of the file of the model's class; empty if the class is part of this package."""


def code_origin(model: type) -> CodeOrigin:
    """Return the code of this process for a model; it may call git, so only the driver calls it."""
    commit, dirty = _commit()
    return CodeOrigin(source(), commit, dirty, model_source(model))


@functools.cache
def current_code(driver: CodeOrigin) -> dict[str, str]:
    """Return code, libraries and machine of this process, which works for a driver."""
    own = source()
    facts = {"ensemble": VERSION, "source": own, "commit": driver.commit if driver.source == own else UNKNOWN}
    if facts["commit"] != UNKNOWN:
        facts["dirty"] = "yes" if driver.dirty else "no"
    if driver.model:
        facts["model"] = driver.model
    facts |= {name: importlib.metadata.version(name) for name in _LIBRARIES}
    facts["python"] = platform.python_version()
    return {**facts, **_blas(), **_pools(), "cpu": _cpu(), "host": platform.node()}


def code(row: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that may change numbers: without machine, threads and commit."""
    return {name: value for name, value in row.items() if name not in (*MACHINE, *COMMIT)}


@functools.cache
def source() -> str:
    """Return a hash of the files of this package, names and contents."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


@functools.cache
def model_source(model: type) -> str:
    """Return a hash of the file of a class; empty if the class is part of this package."""
    if source := source_of(model):
        return source.digest
    if model.__module__.partition(".")[0] == _PACKAGE.name:
        return ""
    try:
        path = Path(str(sys.modules[model.__module__].__file__))
        return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
    except (AttributeError, KeyError, OSError):  # defined in a notebook, or the file has been removed
        return UNKNOWN


@functools.cache
def _commit() -> tuple[str, bool]:
    """Return the commit of this package, and whether its files differ from it."""
    if _git("ls-files", "--error-unmatch", "__init__.py") and (head := _git("rev-parse", "HEAD")):
        return head, _git("status", "--porcelain", "--", ".") != ""
    return _installed_commit(), False


def _git(*arguments: str) -> str | None:
    """Return the output of git in the folder of this package; None if git is missing or fails."""
    try:
        command = ["git", "--no-optional-locks", *arguments]
        done = subprocess.run(command, cwd=_PACKAGE, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _installed_commit() -> str:
    """Return the commit that `pip install git+...` recorded, if this copy is the installed one."""
    installed = importlib.metadata.distribution("ensemble")
    direct_url = installed.read_text("direct_url.json")
    if direct_url is None or Path(str(installed.locate_file("ensemble"))).resolve() != _PACKAGE:
        return UNKNOWN
    return str(json.loads(direct_url).get("vcs_info", {}).get("commit_id", UNKNOWN))


def _blas() -> dict[str, str]:
    """Return name, version and threads of the BLAS libraries of NumPy and SciPy."""
    import scipy.linalg  # noqa: F401 - threadpoolctl finds only loaded libraries
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    names = sorted({f"{each['internal_api']} {each['version']}" for each in found})
    threads = sorted({str(each["num_threads"]) for each in found})
    return {"blas": ", ".join(names) or UNKNOWN, "blas_threads": ", ".join(threads) or UNKNOWN}


def _pools() -> dict[str, str]:
    """Return the threads of Numba and Zarr in this process; Numba is not imported for this, because that is slow."""
    from zarr import config

    numba = sys.modules.get("numba")
    of_numba = str(numba.config.NUMBA_NUM_THREADS) if numba else os.environ.get("NUMBA_NUM_THREADS")
    return {
        "numba_threads": of_numba or UNKNOWN,
        "zarr_threads": str(config.get("threading.max_workers") or UNKNOWN),
        "zarr_concurrency": str(config.get("async.concurrency")),
    }


def _cpu() -> str:
    """Return the name of the processor, from Linux if possible."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            named = next((line for line in lines if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named.partition(":")[2].strip() or platform.machine() or UNKNOWN
