"""Workers in the SLURM job that the driver itself runs in: one per core, started by srun.

Traffic is encrypted with TLS, because other users may share the nodes. On a single node it stays on loopback.
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

from ensemble.cluster import job_scripts, tls_keys
from ensemble.cluster.driver_scheduler import scheduler
from ensemble.cluster.job_pool import Say
from ensemble.cluster.profile import Profile
from ensemble.cluster.scratch import scratch_folder
from ensemble.errors import ClusterError

_PATIENCE = 120.0
"""Timeout for the first worker, in seconds."""
_PAUSE = 5.0
"""Seconds before a job step that has ended is started again."""


_POLL_SECONDS = 0.2
"""Seconds between two looks at the job step."""


@contextlib.contextmanager
def client(
    profile: Profile, say: Say, environment: Mapping[str, str] = os.environ, *, dashboard: bool = False
) -> Iterator[Client]:
    """A client with workers on all cores of the SLURM job."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        raise ClusterError(
            "--cluster allocation must be inside a SLURM job, but this is none: `ensemble submit` makes one"
        )
    has_several_nodes = int(environment.get("SLURM_JOB_NUM_NODES", "1")) > 1
    with (
        _shared_folder(Path(profile.folder).expanduser()) if has_several_nodes else scratch_folder() as folder,
        scheduler(profile.interface if has_several_nodes else "lo", tls_keys.make(folder), dashboard=dashboard) as (
            cluster,
            client,
        ),
    ):
        cores = int(environment.get("SLURM_CPUS_PER_TASK", "1"))
        worker = job_scripts.command(
            profile, cluster.scheduler_address, cores, memory=_memory(environment), keys=folder
        )
        lines = [*job_scripts.environment(profile), f'{worker} --local-directory "$scratch"']
        tasks = f"--ntasks={environment.get('SLURM_NTASKS', '1')}"
        with _step(["srun", "--overlap", "--mpi=none", "--kill-on-bad-exit=0", tasks], "\n".join(lines), say):
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError as error:
                raise ClusterError(f"srun must start workers in SLURM job {job}, but none came") from error
            yield client


@contextlib.contextmanager
def _shared_folder(shared: Path) -> Iterator[Path]:
    """Temporary folder for TLS keys that all nodes see."""
    try:
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="ensemble-", dir=shared)
    except OSError as error:
        raise ClusterError(f"folder must be one that this user may write to, but {shared}: {error.strerror}") from error
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory(environment: Mapping[str, str]) -> int | None:
    """Bytes of memory per core of this job; None if SLURM does not report it."""
    if each := environment.get("SLURM_MEM_PER_CPU"):
        return int(each) * 2**20
    node, cores = environment.get("SLURM_MEM_PER_NODE"), environment.get("SLURM_CPUS_ON_NODE")
    return int(node) * 2**20 // int(cores) if node and cores else None


@contextlib.contextmanager
def _step(command: list[str], script: str, say: Say) -> Iterator[None]:
    """Run a job step, and start it again whenever it ends."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with subprocess.Popen([*command, "bash", "-c", script]) as step:
                while step.poll() is None and not stop.wait(_POLL_SECONDS):
                    pass
                if stop.is_set():
                    step.terminate()
                    return
            say(f"the workers of this job ended with exit code {step.returncode}; they are started again")
            stop.wait(_PAUSE)

    thread = threading.Thread(target=watch, name="step", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
