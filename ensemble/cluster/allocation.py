"""The workers of a SLURM job that the driver itself runs in: one on each of its cores, started by srun.

They talk by TLS, on a single node over loopback: others may be at work there.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributed import Client

from ensemble.cluster import keys, scripts
from ensemble.cluster.fleet import Say
from ensemble.cluster.profile import Profile
from ensemble.cluster.scheduling import scheduling
from ensemble.cluster.scratch import scratch_folder
from ensemble.errors import ClusterError

_PATIENCE = 120.0
"""Seconds to wait for the first worker."""
_PAUSE = 5.0
"""Seconds until a step that has ended is started again."""


_GLANCE = 0.2


@contextlib.contextmanager
def client(
    profile: Profile, say: Say, environment: Mapping[str, str] = os.environ, *, dashboard: bool = False
) -> Iterator[Client]:
    """A client of workers on all cores of the job."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        raise ClusterError(
            "--cluster allocation must be inside a SLURM job, but this is none: `ensemble submit` makes one"
        )
    spans = int(environment.get("SLURM_JOB_NUM_NODES", "1")) > 1
    with (
        _shared_folder(Path(profile.folder).expanduser()) if spans else scratch_folder() as folder,
        scheduling(profile.interface if spans else "lo", keys.make(folder), dashboard=dashboard) as (cluster, client),
    ):
        each = int(environment.get("SLURM_CPUS_PER_TASK", "1"))
        worker = scripts.command(profile, cluster.scheduler_address, each, memory=_memory(environment), keys=folder)
        lines = [*scripts.environment(profile), f'{worker} --local-directory "$scratch"']
        tasks = f"--ntasks={environment.get('SLURM_NTASKS', '1')}"
        with _step(["srun", "--overlap", "--mpi=none", "--kill-on-bad-exit=0", tasks], "\n".join(lines), say):
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError as error:
                raise ClusterError(f"srun must start workers in SLURM job {job}, but none came") from error
            yield client


@contextlib.contextmanager
def _shared_folder(shared: Path) -> Iterator[Path]:
    """A folder for keys that all nodes see, gone afterwards."""
    try:
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = tempfile.mkdtemp(prefix="ensemble-", dir=shared)
    except OSError as error:
        raise ClusterError(f"folder must be one that this user may write to, but {shared}: {error.strerror}") from error
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _memory(environment: Mapping[str, str]) -> int | None:
    """Bytes that SLURM gives a core of this job; None if it does not say."""
    if each := environment.get("SLURM_MEM_PER_CPU"):
        return int(each) * 2**20
    node, cores = environment.get("SLURM_MEM_PER_NODE"), environment.get("SLURM_CPUS_ON_NODE")
    return int(node) * 2**20 // int(cores) if node and cores else None


@contextlib.contextmanager
def _step(command: list[str], script: str, say: Say) -> Iterator[None]:
    """A step of the job, started again whenever it ends."""
    over = threading.Event()

    def keep() -> None:
        while not over.is_set():
            with subprocess.Popen([*command, "bash", "-c", script]) as step:
                while step.poll() is None and not over.wait(_GLANCE):
                    pass
                if over.is_set():
                    step.terminate()
                    return
            say(f"the workers of this job ended with exit code {step.returncode}; they are started again")
            over.wait(_PAUSE)

    keeper = threading.Thread(target=keep, name="step", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
