"""Fixtures that many tests share: a real Dask cluster of processes, small sweeps of the toy model."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from hypothesis import settings
from matplotlib.figure import Figure

from ensemble import Sweep, run_sweep
from ensemble.cluster import connect
from tests.support import warm
from tests.support.clusters import address_of
from tests.support.contents import contents
from tests.support.signals import handle_signals
from tests.support.toy_model import TOY

os.environ.setdefault("MPLBACKEND", "agg")
settings.register_profile("ensemble", deadline=None)  # a busy machine is no failure
settings.load_profile("ensemble")


def pytest_configure(config: pytest.Config) -> None:
    """Handle signals. If several tests at a time are to follow, compile everything once.

    Then each test has one thread: threads of the linear algebra wait for one another in a loop, which takes time of
    the cores from other tests.
    """
    handle_signals()
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        if config.getoption("markexpr") != "drift":  # these need a few kernels only
            warm.compile_models()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many tests run at a time: more than there are cores, since many of them wait for other processes.

    Benchmarks, and tests that are named one by one, run in this process.
    """
    if all("::" in each or "benchmarks" in Path(each).parts for each in config.args):
        config.option.dist = "no"
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(2 * cores, cores + 4)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: one process of tests with SLURM, for which it mostly waits, the next with faults.

    Each process begins with an equal part of the list, and takes from the others when it is through.
    """
    slurm = [item for item in items if item.path.name == "test_slurm.py"]
    faults = [item for item in items if item.path.parent.name == "faults"]
    long = {*slurm, *faults}
    others = [item for item in items if item not in long]
    first = max(0, len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) - len(slurm))
    items[:] = [*slurm, *others[:first], *faults, *others[first:]]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Client]:
    """Two worker processes on this machine, as `--cluster local` starts them."""
    with connect("local", workers=2, insecure=True) as client:  # its address is handed out, without keys
        yield client


@pytest.fixture(scope="session")
def address(cluster: Client) -> str:
    """The address of that cluster's scheduler."""
    return address_of(cluster)


@pytest.fixture(scope="session")
def one_worker() -> Iterator[str]:
    """The address of a cluster with a single worker process."""
    with connect("local", workers=1, insecure=True) as client:
        yield address_of(client)


@pytest.fixture(scope="session")
def contents_of(tmp_path_factory: pytest.TempPathFactory, address: str) -> Callable[[str], dict[str, Any]]:
    """What the store of a sweep holds after a run that nothing happened to; no realization need take time there."""

    @functools.cache
    def make(text: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("undisturbed")
        (folder / "sweep.toml").write_text(re.sub(r"seconds = .*", "seconds = 0.0", text))
        run_sweep(folder / "sweep.toml", folder / "a.zarr", cluster=address)
        return contents(folder / "a.zarr")

    return make


@pytest.fixture
def toy() -> Callable[..., Sweep]:
    """Makes sweeps of the toy model; keywords replace the tables of the sweep."""

    def make(**tables: Any) -> Sweep:
        table: dict[str, Any] = {
            "model": TOY,
            "realizations": 10,
            "seed": 1,
            "axes": {"size": [2, 3], "drift": [0.0, 0.5]},
            "store": {"chunk": 4},
        }
        return Sweep.from_table({**table, **tables})

    return make


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures
