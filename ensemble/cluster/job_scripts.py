"""Shell scripts of SLURM jobs."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ensemble.cluster.profile import Profile
from ensemble.cluster.tls_keys import FILES
from ensemble.cluster.worker_settings import ENDS, KEEPING, LEAVES, PRELOAD, UNOBSERVED

DRIVER = "driver.sh"
"""File name of the script of a driver job."""
STARTS = "starts"
"""File with a line for each start of a job since the last progress: the number of finished realizations, if known."""
MAX_IDLE_JOBS = 3
"""After this many jobs in a row without progress, no successor starts."""
JOB = "job"
"""Prefix of the job number in the name of a worker, because Dask would read a name such as 12_3 as a number."""
DEATH_TIMEOUT = 60
"""Seconds after which a worker that finds no scheduler ends."""
_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMBA")


def worker_job(profile: Profile, name: str, folder: Path, address: str) -> str:
    """The script of a job that runs only workers; one script serves the whole job array."""
    return _script(
        name,
        [
            *_resource_options(profile),
            f"--cpus-per-task={profile.cores}",
            f"--mem={profile.memory}",
            "--nodes=1",
            "--ntasks=1",
            f"--output={folder}/%A_%a.log",
            *profile.options,
        ],
        [
            f"export {ENDS}=$(( $(date +%s) + {60 * profile.minutes} ))",
            f"export {LEAVES}={profile.leaves:g}",
            *environment(profile),
            *profile.setup,
            f'{command(profile, address, profile.cores, keys=folder)} --local-directory "$scratch" '
            f'--name "{JOB}${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"',
        ],
    )


def driver_job(profile: Profile, name: str, folder: Path, arguments: Sequence[str], *, chained: bool) -> str:
    """The script of a job that runs driver and workers.

    If `chained`, the job first submits itself again, to start after it; the successor is cancelled when the sweep is
    done. The job counts its starts in a file before anything else, so that a chain of jobs that die while Python
    starts comes to an end as well.
    """
    starts = shlex.quote(str(folder / STARTS))
    again = f'sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" {shlex.quote(str(folder / DRIVER))}'
    follow = [
        f"echo unknown >> {starts}",
        f"if [ $(wc -l < {starts}) -le {MAX_IDLE_JOBS} ]; then",
        f"    for pause in 0 5 20 60; do sleep $pause; next=$({again}) && break; done",
        '    [ -n "$next" ] || echo "SLURM takes no job to follow this one" >&2',
        "else",
        '    echo "the jobs before this one have added nothing: none follows it" >&2',
        "fi",
    ]
    run = shlex.join([profile.python, "-m", "ensemble", "run", *arguments])
    return _script(
        name,
        [
            *_resource_options(profile),
            f"--ntasks={profile.jobs[-1] * profile.cores}",
            f"--mem-per-cpu={profile.bytes_each // 2**20}M",
            f"--output={folder}/%j.log",
            *profile.options,
        ],
        [*profile.setup, *(follow if chained else ()), run + (' --then "$next"' if chained else "")],
    )


def environment(profile: Profile) -> list[str]:
    """Shell lines: one thread per library, a scratch folder on the node, and a cache for compiled kernels."""
    scratch = shlex.quote(profile.scratch)
    return [
        "export " + " ".join(f"{each}_NUM_THREADS=1" for each in _THREADS),
        "export " + " ".join(f"{name}={value}" for name, value in KEEPING.items()),
        "export " + " ".join(f"{_variable(name)}={shlex.quote(str(value))}" for name, value in UNOBSERVED.items()),
        f"scratch=$(mktemp -d {scratch}/ensemble-XXXXXXXX)",
        "trap 'rm -rf \"$scratch\"' EXIT",
        f"cache={scratch}/ensemble-$(id -u)  # compiled kernels, for all jobs on this node",
        '(umask 077; mkdir -p "$cache") 2> /dev/null; [ -O "$cache" ] && [ ! -L "$cache" ] || cache=$scratch',
        'export NUMBA_CACHE_DIR="$cache"',
    ]


def command(profile: Profile, address: str, count: int, *, memory: int | None = None, keys: Path | None = None) -> str:
    """The command that starts `count` workers, each with `memory` bytes."""
    files = zip(("--tls-ca-file", "--tls-cert", "--tls-key"), (FILES[0], *FILES), strict=True)
    return shlex.join(
        [
            *(profile.python, "-m", "distributed.cli.dask_worker", address),
            *(part for option, file in files if keys for part in (option, str(keys / file))),
            *("--nworkers", str(count), "--nthreads", "1", "--memory-limit", str(memory or profile.bytes_each)),
            *(("--interface", profile.interface) if profile.interface else ()),
            *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
            *("--death-timeout", str(DEATH_TIMEOUT), "--preload", PRELOAD),
        ]
    )


def _variable(name: str) -> str:
    """Environment variable from which Dask reads a setting."""
    return "DASK_" + name.upper().replace(".", "__")


def _resource_options(profile: Profile) -> Iterable[str]:
    if profile.partition:
        yield f"--partition={profile.partition}"
    if profile.account:
        yield f"--account={profile.account}"
    yield f"--time={profile.minutes}"
    yield "--no-requeue"


def _script(name: str, options: Sequence[str], lines: Sequence[str]) -> str:
    head = [f"#SBATCH {shlex.quote(option)}" for option in (f"--job-name={name}", *options)]
    return "\n".join(["#!/usr/bin/env bash", *head, "", *lines, ""])
