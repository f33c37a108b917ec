"""The scripts that are handed to a batch system."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ensemble.cluster.keys import FILES
from ensemble.cluster.profile import Profile
from ensemble.cluster.settings import ENDS, KEEPING, LEAVES, PRELOAD, UNOBSERVED

DRIVER = "driver.sh"
"""Name of the script of a job with a driver."""
JOB = "job"
"""Before the number of its job in the name of a worker: Dask takes what looks like a number, 12_3, for one."""
DEATH_TIMEOUT = 60
"""Seconds after which a worker ends that finds no scheduler."""
_THREADS = ("OMP", "MKL", "OPENBLAS", "NUMBA")


def worker_job(profile: Profile, name: str, folder: Path, address: str) -> str:
    """The script of a job that is nothing but workers; submitted as an array, so one script does for all."""
    return _script(
        name,
        [
            *_asked(profile),
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
    """The script of a job that holds driver and workers, and is followed by itself until nothing is left to do."""
    again = f'sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" {shlex.quote(str(folder / DRIVER))}'
    follow = [
        f"for pause in 0 5 20 60; do sleep $pause; next=$({again}) && break; done",
        '[ -n "$next" ] || echo "SLURM takes no job to follow this one" >&2',
    ]
    run = shlex.join([profile.python, "-m", "ensemble", "run", *arguments])
    return _script(
        name,
        [
            *_asked(profile),
            f"--ntasks={profile.jobs[-1] * profile.cores}",
            f"--mem-per-cpu={profile.bytes_each // 2**20}M",
            f"--output={folder}/%j.log",
            *profile.options,
        ],
        [*profile.setup, *(follow if chained else ()), run + (' --then "$next"' if chained else "")],
    )


def environment(profile: Profile) -> list[str]:
    """Lines of shell: one thread for each library, and a folder of the node's own for what is written on the way."""
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
    """The command that starts some workers, each with so many bytes of memory."""
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
    """What Dask reads a value of its configuration from."""
    return "DASK_" + name.upper().replace(".", "__")


def _asked(profile: Profile) -> Iterable[str]:
    if profile.partition:
        yield f"--partition={profile.partition}"
    if profile.account:
        yield f"--account={profile.account}"
    yield f"--time={profile.minutes}"
    yield "--no-requeue"


def _script(name: str, options: Sequence[str], lines: Sequence[str]) -> str:
    head = [f"#SBATCH {shlex.quote(option)}" for option in (f"--job-name={name}", *options)]
    return "\n".join(["#!/usr/bin/env bash", *head, "", *lines, ""])
