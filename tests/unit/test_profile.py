"""What a run asks of a batch system: read from TOML, refused in a sentence, told to sbatch as it is meant."""

import os
from pathlib import Path
from typing import Any

import pytest

from ensemble.cluster import job_scripts, slurm
from ensemble.cluster.profile import Profile
from ensemble.cluster.submit import DriverJob, submit_successor
from ensemble.errors import ClusterError, EnsembleError
from tests.support.command import run
from tests.support.processes import execute
from tests.support.toy_model import TOY

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"partion": "x"}, r"a profile holds an unknown key 'partion': did you mean 'partition'\?"),
    "no job": ({"jobs": 0}, r"jobs must be a number, or the fewest and the most, from 1 on, got \[0\]"),
    "fewest above most": ({"jobs": [5, 2]}, r"from 1 on, got \[5, 2\]"),
    "three numbers": ({"jobs": [1, 2, 3]}, r"from 1 on, got \[1, 2, 3\]"),
    "a word for jobs": ({"jobs": "many"}, r"jobs must be a list, got 'many'"),
    "no core": ({"cores": 0}, "cores must be 1 or more, got 0"),
    "memory without a unit": ({"memory": "4096"}, "memory must be a size such as 500M or 8G, got '4096'"),
    "no walltime": ({"walltime": "soon"}, r"walltime: a span of time must be .* got 'soon'"),
    "a line break": ({"partition": "a\n#SBATCH --x"}, "partition must hold no line breaks"),
    "a line break in the set-up": ({"setup": ["a\nb"]}, "setup must hold no line breaks: give each line by itself"),
    "no option": ({"options": ["qos=long"]}, "options must be those of sbatch, such as --qos=long, got 'qos=long'"),
    "no scratch": ({"scratch": ""}, "scratch must not be empty: leave it out"),
    "setup of a wrong type": ({"setup": "module load"}, "setup must be a list, got 'module load'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_profile_is_refused(name: str) -> None:
    table, told = WRONG[name]
    with pytest.raises(EnsembleError, match=told):
        Profile.from_table(table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jobs = [", "is not valid TOML"),
        ("walltime = 3", "walltime must be a text, got 3"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_the_command_line_tells_which_file_is_wrong(text: str | None, told: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(f'model = "{TOY}"\nrealizations = 2\nseed = 1\naxes.size = [2]\n')
    if text is not None:
        (tmp_path / "big.toml").write_text(text)
    for command in ("run", "submit"):
        done = run(tmp_path, command, "sweep.toml", "--store", "a.zarr", "--cluster", "big.toml")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("ensemble: ")
        assert "big.toml" in done.stderr
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


def test_what_is_asked_of_sbatch() -> None:
    profile = Profile.from_table(
        {
            "partition": "batch",
            "account": "physics",
            "jobs": [2, 50],
            "cores": 4,
            "memory": "6G",
            "walltime": "90m",
            "setup": ["module load python"],
            "options": ["--qos=long"],
            "scratch": "/a b",
        }
    )
    assert profile.bytes_each == 6 * 2**30 // 4
    script = job_scripts.worker_job(profile, "ensemble-1", Path("/shared/x"), "tls://10.0.0.1:8786")
    head = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    assert {"--partition=batch", "--account=physics", "--time=90", "--cpus-per-task=4", "--mem=6G"} <= set(head)
    assert {"--qos=long", "--no-requeue", "--job-name=ensemble-1"} <= set(head)
    assert "module load python" in script.splitlines()
    assert "--nworkers 4 --nthreads 1" in script
    for each in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        assert f"{each}_NUM_THREADS=1" in script
    assert execute(["bash", "-n"], given=script).returncode == 0


@pytest.mark.parametrize(
    ("jobs", "core_seconds", "wanted"),
    [
        ([8], float("nan"), 8),
        ([8], 1.0, 8),
        ([1, 100], float("nan"), 1),
        ([1, 100], 0.0, 1),
        ([1, 100], 1000.0, 9),
        ([1, 100], 1e9, 100),
        ([3, 100], 100.0, 3),
    ],
)
def test_as_many_jobs_as_there_is_work_for(jobs: list[int], core_seconds: float, wanted: int) -> None:
    """One for every two minutes of work of a core, where a job has two of them."""
    assert Profile.from_table({"jobs": jobs, "cores": 2}).wanted(core_seconds) == wanted


@pytest.mark.parametrize(("walltime", "minutes", "leaves"), [("30s", 1, 15), ("10m", 10, 60), ("1d", 1440, 600)])
def test_workers_leave_before_the_walltime(walltime: str, minutes: int, leaves: float) -> None:
    profile = Profile.from_table({"walltime": walltime})
    assert (profile.minutes, profile.leaves) == (minutes, leaves)


def test_your_own_profile_and_that_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert Profile.find("slurm") == Profile()
    (tmp_path / "config" / "ensemble").mkdir(parents=True)
    (tmp_path / "config" / "ensemble" / "slurm.toml").write_text("jobs = 7")
    assert Profile.find("slurm").jobs == (7,)
    (tmp_path / "slurm.toml").write_text("jobs = 3")
    assert Profile.find("slurm").jobs == (3,)
    (tmp_path / "other.toml").write_text("jobs = [1, 9]")
    assert Profile.find("other.toml").jobs == (1, 9)


@pytest.mark.parametrize("once", [True, False])
def test_a_dry_run_prints_the_script_and_writes_nothing(once: bool, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(f'model = "{TOY}"\nrealizations = 2\nseed = 1\naxes.size = [2]\n')
    (tmp_path / "big.toml").write_text('jobs = [2, 8]\ncores = 4\nmemory = "8G"\n')
    options = ("--batch", "3", "--time-limit", "10m", *(["--once"] if once else []))
    done = run(tmp_path, "submit", "sweep.toml", "--cluster", "big.toml", "--dry-run", *options)
    assert done.returncode == 0, done.stderr
    assert "#SBATCH --ntasks=32" in done.stdout
    assert "#SBATCH --mem-per-cpu=2048M" in done.stdout
    assert f"--cluster allocation:{tmp_path}/big.toml --batch 3 --time-limit 600s" in done.stdout
    assert ("--dependency" in done.stdout) is not once
    assert execute(["bash", "-n"], given=done.stdout).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.toml", "sweep.toml"]


def test_the_job_of_a_store_is_known_by_its_name(tmp_path: Path) -> None:
    """Two sweeps of the same name in different folders are two jobs."""
    names = {
        DriverJob.of(Profile(), "allocation", tmp_path / "s.toml", tmp_path / each / "a.zarr", [], chained=True).name
        for each in ("x", "y")
    }
    assert len(names) == 2


def test_a_successor_that_cannot_be_ended_spoils_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SLURM is asked, and refuses; the job before has done its work all the same."""
    scancel = tmp_path / "scancel"
    scancel.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\necho "scancel: error: Access denied" >&2\nexit 1\n')
    scancel.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ClusterError, match="SLURM refuses scancel: Access denied"):
        slurm.cancel("122")
    with submit_successor("123"):
        pass
    assert (tmp_path / "asked").read_text() == "--quiet 123\n"


def test_an_allocation_is_only_inside_a_job(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(f'model = "{TOY}"\nrealizations = 2\nseed = 1\naxes.size = [2]\n')
    done = run(tmp_path, "run", "sweep.toml", "--cluster", "allocation")
    assert (done.returncode, done.stderr) == (
        2,
        "ensemble: --cluster allocation must be inside a SLURM job, but this is none: `ensemble submit` makes one\n",
    )
