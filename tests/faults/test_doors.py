"""What other users of the machine reach of a run on the local cluster: ports, keys, files."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command import invoke, line, refused
from tests.support.contents import chunks
from tests.support.faults import RUN, sweep, told, workers
from tests.support.intruder import NOBODY, intrude
from tests.support.processes import start
from tests.support.waiting import wait_during

pytestmark = pytest.mark.faults
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

LONG = sweep(realizations=10_000)
"""More than is computed while another user tries."""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder for temporary files that all users share, such as /tmp."""
    with tempfile.TemporaryDirectory(prefix="shared-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        folder = Path(made, "tmp")
        folder.mkdir()
        folder.chmod(0o1777)
        yield folder


@contextlib.contextmanager
def working(folder: Path, shared: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A run on two workers that has begun to land, with `shared` for temporary files."""
    (folder / "sweep.toml").write_text(LONG)
    with start(line(*RUN, "--workers", "2", *options), folder, env={**os.environ, "TMPDIR": str(shared)}) as run:
        wait_during(run, lambda: len(workers(run)) == 2 and chunks(folder / "a.zarr"))
        yield run


def processes(run: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The driver and all that it has started."""
    driver = psutil.Process(run.pid)
    return [driver, *driver.children(recursive=True)]


def listening(run: "subprocess.Popen[str]") -> list[tuple[str, int]]:
    """Addresses and ports on which the processes of a run take connections."""
    connections = (each for process in processes(run) for each in process.net_connections("inet"))
    return sorted({(each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN})


def scratch(shared: Path) -> list[Path]:
    """The scratch folders of the driver and of its run; there is nothing else of them."""
    folders = list(shared.glob("ensemble-*"))
    assert sorted(shared.iterdir()) == sorted(folders)
    assert len(folders) == 2
    return folders


def intrusion(run: "subprocess.Popen[str]", shared: Path) -> Mapping[str, list[Any]]:
    """What another user reaches of a run."""
    folders = scratch(shared)
    about = [Path(f"/proc/{each.pid}/environ") for each in processes(run)]
    inside = [path for folder in folders for path in folder.rglob("*")]
    files, sockets = [path for path in inside if path.is_file()], [path for path in inside if path.is_socket()]
    assert len(sockets) == 1  # of the process that workers are forked from
    return intrude([port for _, port in listening(run)], sockets, [*files, *about], folders)


@as_root
def test_another_user_gets_into_no_process_and_no_file(tmp_path: Path, shared: Path) -> None:
    trap = shared / "dask-scratch-space"  # Dask would import modules from there
    trap.mkdir()
    trap.chmod(0o777)
    os.chown(trap, NOBODY, NOBODY)
    with working(tmp_path, shared) as run:
        assert list(trap.iterdir()) == []
        trap.rmdir()
        assert len(listening(run)) == 8  # scheduler, two nannies, two workers, and three of pages that are not there
        found = intrusion(run, shared)
        assert set(found) == {"run as", "pages", "connected", "read", "listed", "planted"}
        assert not any(found.values()), found
        with contextlib.ExitStack() as stack:  # whoever just stays on the line holds nothing up
            for _, port in listening(run) * 10:
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            before = chunks(tmp_path / "a.zarr")
            wait_during(run, lambda: chunks(tmp_path / "a.zarr") > before + 20)
            run.terminate()
            code, said = told(run)
    assert code == 128 + signal.SIGTERM, said
    assert "Traceback" not in said
    assert list(shared.iterdir()) == []


@as_root
def test_the_same_attempts_succeed_where_the_user_has_asked_for_it(tmp_path: Path, shared: Path) -> None:
    with working(tmp_path, shared, "--insecure") as run:
        assert [uid for _, uid in intrusion(run, shared)["run as"]] == [os.geteuid()] * 5
        run.terminate()
        _, said = told(run)
    assert said.count("without TLS") == 1


def test_keys_are_in_files_of_the_user_and_nowhere_else(tmp_path: Path, shared: Path) -> None:
    with working(tmp_path, shared) as run:
        folders = scratch(shared)
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        keys = [path for path in files if b"PRIVATE KEY" in path.read_bytes()]
        assert [stat.S_IMODE(path.stat().st_mode) for path in (*folders, *keys)] == [0o700, 0o700, 0o600]
        (key,) = (path.read_text() for path in keys)
        secrets = [each for each in key.splitlines() if "PRIVATE KEY" not in each]
        public = [*map(psutil.Process.cmdline, processes(run)), *(each.environ() for each in processes(run))]
        assert not any(secret in str(public) for secret in secrets)


def test_everything_listens_on_loopback(tmp_path: Path, shared: Path) -> None:
    with working(tmp_path, shared) as run:
        assert {address for address, _ in listening(run)} == {"127.0.0.1"}


def test_a_dashboard_on_request(tmp_path: Path, shared: Path) -> None:
    pytest.importorskip("bokeh")
    with working(tmp_path, shared, "--dashboard") as run:
        assert {address for address, _ in listening(run)} == {"127.0.0.1"}
        ports = {port for _, port in listening(run)}
        run.terminate()
        _, said = told(run)
    (link,) = re.findall(r"dashboard http://127\.0\.0\.1:(\d+)/status", said)
    assert int(link) in ports


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--insecure", "--cluster", "tcp://x:1"], "insecure belongs to the cluster local"),
        (["--dashboard", "--cluster", "tcp://x:1"], "dashboard belongs to a cluster that is started here"),
    ],
)
def test_options_for_another_cluster_are_refused(options: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(LONG)
    refused(invoke("run", tmp_path / "sweep.toml", "--store", tmp_path / "a.zarr", *options), sentence)


def test_a_dashboard_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "sweep.toml").write_text(LONG)
    refused(invoke("run", tmp_path / "sweep.toml", "--store", tmp_path / "a.zarr", "--dashboard"), "pip install bokeh")
