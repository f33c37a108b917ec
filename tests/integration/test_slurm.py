"""A real SLURM: jobs that are cancelled, killed, cut off by their walltime; the store is always that of a local run.

It needs Debian's packages munge, slurmctld, slurmd and slurm-client.
"""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ensemble import run_sweep
from ensemble.errors import ClusterError
from tests.support.command import line
from tests.support.contents import contents, landed
from tests.support.processes import finish, start
from tests.support.slurm import IS_HERE, Slurm
from tests.support.toy_model import TOY
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not IS_HERE, reason="SLURM is not installed: munge slurmctld slurmd slurm-client"),
    pytest.mark.timeout(600),
]

SWEEP = f"""
model = "{TOY}"
realizations = {{realizations}}
seed = 1
axes.size = [2, 3]
axes.drift = [0.0, 0.5]
parameters.seconds = {{seconds}}
store.chunk = 4
"""

PROFILE = """
jobs = {jobs}
memory = "500M"
walltime = "{walltime}"
interface = "lo"
folder = "{folder}/shared"
scratch = "{folder}"
"""

FIGURE = """
title = "A walk"

[sweeps.walk]
file = "sweep.toml"
quick = { realizations = 12, axes = { size = [2, 3], drift = [0.0, 0.5] } }

[curves.walk]
sweep = "walk"
observable = "walk"

[[panels]]
curves = ["walk"]
"""
"""Asks for more realizations than its sweep has here."""

RUN = ("run", "sweep.toml", "--store", "a.zarr", "--cluster", "slurm")


@pytest.fixture(scope="module")
def started() -> Iterator[Slurm]:
    """Two nodes of eight cores each."""
    slurm = Slurm(nodes=2, cores=8)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


@pytest.fixture
def slurm(started: Slurm) -> Slurm:
    """The same, with all its nodes, whatever the test before has done to it."""
    started.heal()
    return started


Work = Callable[..., Path]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """Makes a folder with a sweep and a profile; its name holds a blank."""
    folder = tmp_path / "my work"
    folder.mkdir()

    def make(
        realizations: int = 40, seconds: float = 0.1, jobs: int | list[int] = 2, walltime: str = "10m", more: str = ""
    ) -> Path:
        (folder / "sweep.toml").write_text(SWEEP.format(realizations=realizations, seconds=seconds))
        profile = PROFILE.format(jobs=jobs, walltime=walltime, folder=folder)
        (folder / "slurm.toml").write_text(profile + more)
        return folder

    return make


@contextlib.contextmanager
def occupied(slurm: Slurm) -> Iterator[str]:
    """All nodes are at a job of somebody else, whose number this gives."""
    asked = (f"--nodes={len(slurm.nodes)}", "--exclusive", "--output=/dev/null", "--wrap=sleep 600")
    number = slurm.run("sbatch", "--parsable", *asked).strip()
    try:
        wait_until(lambda: number in slurm.jobs("--states=RUNNING"), "job on all nodes")
        yield number
    finally:
        slurm.run("scancel", number)


def driver(slurm: Slurm, folder: Path, *command: str) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """A run on the login node."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return start(line(*command), folder, env=slurm.environment, **both)


def ended(run: "subprocess.Popen[str]", seconds: float = 240) -> str:
    """What a run has said, once it is over and all is well."""
    said, _ = finish(run, seconds)
    assert run.returncode == 0, said
    return said


def while_it_runs(run: "subprocess.Popen[str]", look: Callable[[], object]) -> None:
    """Look at the queue again and again until a run has ended."""

    def has_ended() -> bool:
        look()
        return run.poll() is not None

    wait_until(has_ended, "end of the run", seconds=240, pause=0.5)


def check(slurm: Slurm, folder: Path, contents_of: Callable[[str], dict[str, Any]]) -> None:
    """The store is that of a local run, and nothing is left: no job, no key, no script."""
    assert contents(folder / "a.zarr") == contents_of((folder / "sweep.toml").read_text())
    wait_until(lambda: not slurm.jobs(), "empty queue")
    assert not list((folder / "shared").iterdir())


@pytest.mark.parametrize("jobs", [2, 8])
def test_a_sweep_on_jobs_of_one_core(
    jobs: int, slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]
) -> None:
    folder = work(jobs=jobs)
    with driver(slurm, folder, *RUN) as run:
        ended(run)
    check(slurm, folder, contents_of)


def test_a_cancelled_job_is_replaced(slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]) -> None:
    folder = work(realizations=100)
    with driver(slurm, folder, *RUN) as run:
        wait_until(lambda: landed(folder / "a.zarr") > 20, "landing")
        before = set(slurm.jobs("--states=RUNNING"))
        slurm.run("scancel", min(before))
        wait_until(lambda: set(slurm.jobs("--states=RUNNING")) - before, "new job")
        ended(run)
    check(slurm, folder, contents_of)


def test_a_node_dies_with_its_jobs(slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]) -> None:
    """Its jobs stay in the queue until SLURM misses the node; others take their place on the other one."""
    folder = work(realizations=150, jobs=3)
    with driver(slurm, folder, *RUN) as run:
        wait_until(lambda: landed(folder / "a.zarr") > 20, "landing")
        (node,) = set(slurm.run("squeue", "--noheader", "--states=RUNNING", "--format=%N").split())
        slurm.kill_node(node)
        try:
            ended(run)
        finally:
            slurm.start_node(node)
    check(slurm, folder, contents_of)


def test_slurm_is_away_for_a_while(slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]) -> None:
    """A worker dies while nobody can be asked for another one; it is replaced when SLURM is back."""
    folder = work(realizations=150)
    with driver(slurm, folder, *RUN) as run:
        wait_until(lambda: landed(folder / "a.zarr") > 20, "landing")
        before = set(slurm.jobs())
        slurm.kill("slurmctld")
        nanny = next(each for each in psutil.process_iter() if _is_worker(each, folder))
        for process in (nanny, *nanny.children(recursive=True)):
            process.kill()
        there = landed(folder / "a.zarr")
        wait_until(lambda: landed(folder / "a.zarr") > there + 20, "landing without SLURM")
        time.sleep(6)  # at least one round without an answer
        slurm.start_controller()
        wait_until(lambda: set(slurm.jobs()) - before, "new job")
        ended(run)
    check(slurm, folder, contents_of)


def test_a_walltime_of_a_minute(slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]) -> None:
    """Four minutes of work on four jobs that all end together, and on those that follow them."""
    folder, jobs = work(realizations=60, seconds=1.0, jobs=4, walltime="1m"), set[str]()
    with driver(slurm, folder, *RUN) as run:
        while_it_runs(run, lambda: jobs.update(slurm.jobs()))
        said = ended(run)
    assert "240 realizations computed" in said
    assert len(jobs) > 4
    check(slurm, folder, contents_of)


def test_a_driver_in_a_job_and_the_job_that_follows_it(
    slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]
) -> None:
    """Two nodes, so that keys are needed; more work than a walltime has, so that a second job is."""
    folder = work(realizations=35, seconds=1.0, walltime="1m", more='options = ["--nodes=2"]')
    submit = line("submit", "sweep.toml", "--store", "a.zarr")
    told = slurm.run(*submit, folder=folder)
    number = told.split()[1].rstrip(";")
    assert number in slurm.jobs()
    again = slurm.execute(*submit, folder=folder)
    assert again.returncode == 2
    assert f"submitted already: job {number}" in again.stderr
    wait_until(lambda: not slurm.jobs(), "end of all jobs", seconds=240)
    logs = sorted((folder / "a.slurm").glob("*.log"), key=lambda path: int(path.stem))
    assert len(logs) >= 2  # more on a busy machine
    *before, last = (path.read_text() for path in logs)
    for said in before:
        assert "the walltime of SLURM job" in said, said
        assert "are left" in said, said
    assert "realizations computed" in last, last
    check(slurm, folder, contents_of)
    assert slurm.run(*submit, folder=folder).startswith("everything is there")


def test_a_job_that_never_gets_anywhere_is_not_followed_for_ever(slurm: Slurm, work: Work) -> None:
    """Each is killed as soon as it begins, as by a system that is out of memory."""
    folder = work(seconds=1.0, more='setup = ["(sleep 4; kill -9 $$) &"]')
    slurm.run(*line("submit", "sweep.toml", "--store", "a.zarr"), folder=folder)
    wait_until(lambda: not slurm.jobs(), "end of all jobs", seconds=180)
    assert 3 <= len(list((folder / "a.slurm").glob("*.log"))) <= 4


def test_a_driver_that_is_killed_leaves_no_jobs_behind(
    slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]
) -> None:
    folder = work(realizations=100)
    with driver(slurm, folder, *RUN) as run:
        wait_until(lambda: landed(folder / "a.zarr") > 20, "landing")
        run.kill()
    wait_until(lambda: not slurm.jobs(), "empty queue", seconds=120)
    (left,) = (folder / "shared").iterdir()
    shutil.rmtree(left)
    with driver(slurm, folder, *RUN) as run:
        ended(run)
    check(slurm, folder, contents_of)


def test_keys_are_for_their_owner_alone(slurm: Slurm, work: Work) -> None:
    """Of the run and gone with it; in no script, no log, no store; and the scheduler talks to nobody without them."""
    folder = work(realizations=100)
    with driver(slurm, folder, *RUN) as run:
        wait_until(lambda: landed(folder / "a.zarr") > 20, "landing")
        (shared,) = (folder / "shared").iterdir()
        assert shared.stat().st_mode & 0o777 == 0o700
        assert {path.name for path in shared.glob("*.pem")} == {"cert.pem", "key.pem"}
        assert {path.stat().st_mode & 0o777 for path in shared.glob("*.pem")} == {0o600}
        secret = (shared / "key.pem").read_text().splitlines()[1]
        told = "".join(path.read_text() for path in shared.iterdir() if path.suffix != ".pem")
        address = next(word for word in told.split() if word.startswith("tls://"))
        host, port = address.removeprefix("tls://").split(":")
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((host, int(port)), timeout=20) as plain,
            stranger.wrap_socket(plain) as secured,
            pytest.raises(ssl.SSLError),
        ):
            secured.recv(1)
        said = ended(run)
    stored = b"".join(path.read_bytes() for path in (folder / "a.zarr").rglob("*") if path.is_file())
    assert secret not in told + said
    assert secret.encode() not in stored


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('partition = "nowhere"', "SLURM refuses sbatch: .*partition"),
        ('setup = ["echo no such module; exit 3"]', "jobs end before their workers come, .*'no such module'"),
        ('options = ["--licenses=matlab:99"]', "SLURM refuses sbatch: .*license"),
    ],
)
def test_what_cannot_run_is_told_in_a_sentence(more: str, told: str, slurm: Slurm, work: Work) -> None:
    folder = work(jobs=3, more=more)
    done = slurm.execute(*line(*RUN), folder=folder)
    assert done.returncode == 2, done.stderr
    assert re.search(told, done.stderr.splitlines()[-1]), done.stderr
    assert "Traceback" not in done.stderr
    assert not slurm.jobs()
    assert not (folder / "a.zarr").exists()


def test_a_queue_that_nothing_comes_out_of_ends_in_time(
    slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]
) -> None:
    """While somebody else has all nodes; once they are free, the same command does all that there is to do."""
    folder = work()
    with occupied(slurm) as other, driver(slurm, folder, *RUN, "--max-time", "15s") as run:
        said = ended(run)
        assert slurm.jobs() == [other]
    assert "no worker has come in time: 2 pending (" in said
    assert "160 are left, stopped in time for the 15 s that it was given" in said
    assert not list((folder / "shared").iterdir())
    assert not (folder / "a.zarr").exists()
    with driver(slurm, folder, *RUN) as run:
        ended(run)
    check(slurm, folder, contents_of)


def test_a_figure_that_no_worker_comes_for_is_made_of_what_is_there(slurm: Slurm, work: Work, address: str) -> None:
    folder = work(realizations=8, seconds=0.0)
    (folder / "walk.toml").write_text(FIGURE)
    run_sweep(folder / "sweep.toml", folder / "sweep.zarr", cluster=address)
    there = contents(folder / "sweep.zarr")
    with (
        occupied(slurm) as other,
        driver(slurm, folder, "figure", "walk.toml", "--cluster", "slurm", "--max-time", "15s") as run,
    ):
        said = ended(run)
        assert slurm.jobs() == [other]
    assert "no worker has come in time: 2 pending (" in said
    assert (folder / "quick" / "walk.png").is_file()
    assert contents(folder / "sweep.zarr") == there


def test_a_realization_that_no_job_lives_long_enough_for(
    slurm: Slurm, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers take nothing new ten seconds after their job has begun, and a realization takes eleven."""
    folder = work(realizations=4, seconds=11.0, jobs=4, walltime="1m")
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("ensemble.cluster.profile._LEAVES", (0.0, 50.0, 50.0))
    told = r"worker jobs must live longer than a realization, but .* takes about (\S+) s and they leave after 10 s"
    with pytest.raises(ClusterError, match=told) as refused:
        run_sweep("sweep.toml", "a.zarr", cluster="slurm")
    found = re.search(told, str(refused.value))
    assert found
    assert float(found[1]) >= 11  # and more on a busy machine


def test_no_more_jobs_than_there_is_work_for(
    slurm: Slurm, work: Work, contents_of: Callable[[str], dict[str, Any]]
) -> None:
    """One to begin with; then one for each minute of work that is left, and fewer again towards the end."""
    folder, counts = work(realizations=70, seconds=0.5, jobs=[1, 12]), list[int]()
    with driver(slurm, folder, *RUN) as run:
        while_it_runs(run, lambda: counts.append(len(slurm.jobs())))
        ended(run)
    assert 2 <= max(counts) < 12
    check(slurm, folder, contents_of)


def _is_worker(process: psutil.Process, folder: Path) -> bool:
    """Whether it is the process of a job that looks after a worker of this folder's run."""
    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        return "distributed.cli.dask_worker" in command and str(folder) in str(command)
    return False
