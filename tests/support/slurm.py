"""A real SLURM on this machine: munged, slurmctld, and a slurmd for each of its nodes, on loopback.

Nothing is written outside its own folder, which is short: sockets have paths of at most 107 characters. The daemons
run in the foreground, as children of the tests, so that each can be killed and brought back by itself.
"""

import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil

from tests.support.processes import TIMEOUT, execute, read_output
from tests.support.waiting import wait_until

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
IS_HERE = all(shutil.which(each, path=PATH) for each in ("munged", "slurmctld", "slurmd", "sbatch"))
"""Whether Debian's packages munge, slurmctld, slurmd and slurm-client are installed."""

_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
MailProg=/bin/true
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=2
MinJobAge=60
SlurmctldTimeout=30
SlurmdTimeout=10
InactiveLimit=0
Waittime=0
"""


class Slurm:
    """The daemons, and the commands that reach them."""

    def __init__(self, nodes: int = 2, cores: int = 8) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.folder.chmod(0o755)  # or else munged refuses to have its socket there
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._configure(cores)

    def start(self) -> None:
        """Start whatever does not run, until a job can."""
        key, socket_of = self.folder / "munge.key", self.folder / "munge.socket"
        files = {"key-file": key, "socket": socket_of}
        files |= {f"{kind}-file": self.folder / f"munge.{kind}" for kind in ("pid", "seed", "log")}
        self._launch("munge", "munged", "--foreground", *(f"--{name}={path}" for name, path in files.items()))
        wait_until(socket_of.exists, "munged")
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        self.run("srun", "--quiet", f"--nodes={len(self.nodes)}", "--mem=10M", "true")

    def start_controller(self) -> None:
        """Start slurmctld, and wait until it answers."""
        self._launch("slurmctld", "slurmctld", "-D")
        wait_until(lambda: self._answers("scontrol", "ping"), "slurmctld")
        self.heal()

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node, and wait until it can be used."""
        self._launch(node, "slurmd", "-D", "-N", node)
        wait_until(lambda: self._is_up(node), f"slurmd of {node}")

    def heal(self) -> None:
        """Have all nodes that run in use again.

        A controller that was killed has forgotten its last seconds: of what it has saved nodes may be down, and when
        it gives the number of a job a second time it drains the node that has seen it.
        """
        for node in self._running.keys() & set(self.nodes):
            wait_until(functools.partial(self._is_up, node), f"node {node}")

    def kill(self, name: str) -> None:
        """SIGKILL to a daemon: slurmctld or a node."""
        daemon = self._running.pop(name)
        daemon.kill()
        daemon.wait(TIMEOUT)

    def stop(self) -> None:
        """End all jobs and all daemons."""
        try:
            self.execute("scancel", f"--user={os.getuid()}")
            with contextlib.suppress(AssertionError):  # jobs end with their daemons as well
                wait_until(lambda: not self.jobs(), "empty queue", seconds=20)
        finally:
            for daemon in reversed(self._running.values()):
                daemon.send_signal(signal.SIGTERM)
            for daemon in self._running.values():
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, *command: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command that needs SLURM to its end."""
        return execute(command, folder, env=self.environment)

    def run(self, *command: str, folder: Path | None = None) -> str:
        """Return what a command prints that needs SLURM."""
        return read_output(command, folder, env=self.environment)

    def jobs(self, *options: str) -> list[str]:
        """Numbers of the jobs in the queue."""
        return self.run("squeue", "--noheader", "--array", "--format=%i", *options).split()

    def kill_node(self, node: str) -> None:
        """SIGKILL to the daemon of a node and to all that runs there."""
        numbers = self.run("squeue", "--noheader", f"--nodelist={node}", "--format=%A").split()
        self.kill(node)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                steps = process.name() == "slurmstepd" and any(f"[{job}." in str(process.cmdline()) for job in numbers)
                if steps or process.environ().get("SLURMD_NODENAME") == node:
                    process.kill()

    def _is_up(self, node: str) -> bool:
        """Whether a node can be used; if it is down, it is asked to come back."""
        done = self.execute("sinfo", "--noheader", f"--nodes={node}", "--format=%T")
        if done.stdout.startswith(("down", "drain")):
            self.execute("scontrol", "update", f"nodename={node}", "state=resume")
        return done.stdout.startswith(("idle", "mixed", "alloc"))

    def _answers(self, *command: str) -> bool:
        done = self.execute(*command)
        return done.returncode == 0 and "UP" in done.stdout

    def _launch(self, name: str, *command: str) -> None:
        if name not in self._running or self._running[name].poll() is not None:
            with (self.folder / f"{name}.out").open("ab") as out:
                self._running[name] = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)

    def _configure(self, cores: int) -> None:
        ports = free_ports(1 + len(self.nodes))
        host, memory = socket.gethostname().partition(".")[0], 2000 * cores
        (self.folder / "state").mkdir(mode=0o700)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        user = read_output(["id", "-un"]).strip()
        lines = [_CONFIGURATION.format(host=host, port=ports[0], user=user, folder=self.folder)]
        for node, port in zip(self.nodes, ports[1:], strict=True):
            (self.folder / node).mkdir()
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cores} Boards=1 "
                f"SocketsPerBoard=1 CoresPerSocket={cores} ThreadsPerCore=1 RealMemory={memory} State=UNKNOWN\n"
            )
        lines.append("PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP\n")
        (self.folder / "slurm.conf").write_text("".join(lines))


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free.

    They are below those that the kernel chooses itself, if there are such: nothing else is given one before it is used.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    below = range(10_000, lowest)
    tried = secrets.SystemRandom().sample(below, 100 * count) if len(below) >= 100 * count else [0] * count
    found: list[int] = []
    with contextlib.ExitStack() as bound:
        while len(found) < count:
            one = bound.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", tried.pop()))
                found.append(int(one.getsockname()[1]))
    return found
