"""A real SLURM of two nodes on one machine: munge, slurmctld and two slurmd, on the loopback, all in one folder.

Debian's packages; where they are missing and may be installed, they are.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from footprint.cli.slurm import script
from tests.world.packages import install, without

PACKAGES: Final = ("slurmctld", "slurmd", "slurm-client", "munge")
_PROGRAMS: Final = ("slurmctld", "slurmd", "srun", "scontrol", "munged")
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT_S: Final = 60.0
NODES: Final = ("n1", "n2")
CPUS: Final = 4


def installed() -> None:
    """Install SLURM where it is missing; skip, or fail with FOOTPRINT_NO_SKIP, where that cannot be."""
    if not install(lambda: [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None], *PACKAGES):
        without("SLURM", *PACKAGES)


@contextmanager
def fresh(scripts: Mapping[str, str] = MappingProxyType({})) -> Iterator[Cluster]:
    """A cluster of one's own, which is gone afterwards.

    Args:
        scripts: which of our scripts it is given, by the name of the setting of slurm.conf; their settings lie in its folder.
    """
    installed()
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    for file in scripts.values():
        path = folder / file
        path.write_text(script(file).replace("/etc/footprint/slurm.env", str(folder / "slurm.env")))
        path.chmod(0o755)
    settings = [f"{name}={folder / file}" for name, file in scripts.items()]
    running = Cluster(folder, [*settings, "PrologFlags=Alloc"])
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """The cluster while it runs.

    Args:
        folder: an empty one, with a short path: the socket of munge lies in it.
        settings: more lines of slurm.conf.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self._started: list[subprocess.Popen[bytes]] = []
        self._socket = folder / "munge.socket"
        self._settings = settings

    def start(self) -> None:
        """Start the daemons, and wait until both nodes are idle."""
        folder = self.folder
        folder.chmod(0o755)
        (folder / "state").mkdir(exist_ok=True)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        own = [f"--{name}-file={folder / f'munge.{name}'}" for name in ("key", "pid", "log", "seed")]
        self._daemon("munged", "--foreground", "--force", f"--socket={self._socket}", *own)
        self._until(self._socket.exists, "munge answers")
        self.conf.write_text("\n".join([*self._lines(), *self._settings, ""]))
        self._daemon("slurmctld", "-D", "-i", "-f", str(self.conf))
        for node in NODES:
            (folder / f"spool.{node}").mkdir()
            self._daemon("slurmd", "-D", "-N", node, "-f", str(self.conf))
        self._until(lambda: self.client("sinfo", "-h", "-N", "-o", "%T", check=False).split() == ["idle"] * len(NODES), "idle")

    def stop(self) -> None:
        """End the daemons, last started first, with what they may still run."""
        self.client("scancel", "--state=RUNNING", "--user=" + self.client("id", "-un").strip(), check=False)
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What programs of SLURM's need to find the cluster."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
        return {**kept, "SLURM_CONF": str(self.conf)}

    def client(self, *words: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
        """What one of SLURM's commands prints."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert not check or done.returncode == 0, (words, done.returncode, done.stdout, done.stderr, self.log())
        return done.stdout

    def batch(self, script: str, *options: str, **environment: str) -> str:
        """Submit a script; the number of its job."""
        path = self.folder / "job.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        output = f"--output={self.folder}/job-%j.out"
        return self.client(
            "sbatch", "--parsable", output, "--open-mode=append", *options, str(path), environment=environment
        ).strip()

    def state(self, job: str) -> dict[str, str]:
        """What SLURM says of a job."""
        words = self.client("scontrol", "show", "job", job).split()
        return dict(word.partition("=")[::2] for word in words)

    def wait(self, job: str, *states: str, limit_s: float = LIMIT_S) -> dict[str, str]:
        """Wait until a job is in one of some states."""
        self._until(lambda: self.state(job)["JobState"] in states, f"job {job} is {states}", limit_s)
        return self.state(job)

    def output(self, job: str) -> str:
        """What a job's script printed."""
        path = self.folder / f"job-{job}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self) -> str:
        """The last lines of the daemons' logs."""
        return "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log")))

    def version(self) -> str:
        """SLURM's, and munge's."""
        return f"{self.client('srun', '--version').strip()}; {self.client('munged', '--version').split('(')[0].strip()}"

    def _lines(self) -> list[str]:
        folder, (control, *nodes) = self.folder, _free_ports(1 + len(NODES))
        user = self.client("id", "-un").strip()
        return [
            "ClusterName=tests",
            "SlurmctldHost=localhost(127.0.0.1)",
            f"SlurmctldPort={control}",
            f"SlurmUser={user}",
            f"SlurmdUser={user}",
            # A job that is put back into the queue waits for as long as a credential is valid: five seconds at least.
            f"AuthInfo=socket={self._socket},cred_expire=5",
            "AuthType=auth/munge",
            "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
            "CredType=cred/munge",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool.%n",
            f"SlurmctldPidFile={folder}/slurmctld.pid",
            f"SlurmdPidFile={folder}/slurmd.%n.pid",
            f"SlurmctldLogFile={folder}/slurmctld.log",
            f"SlurmdLogFile={folder}/slurmd.%n.log",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "SwitchType=switch/none",
            "MpiDefault=none",
            "ReturnToService=2",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_CPU",
            "SlurmdParameters=config_overrides",
            "SchedulerParameters=sched_interval=1,sched_min_interval=0",
            "KillWait=3",
            "PropagateResourceLimits=NONE",
            *(
                f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} State=UNKNOWN"
                for node, port in zip(NODES, nodes, strict=True)
            ),
            f"PartitionName=main Nodes={','.join(NODES)} Default=YES MaxTime=INFINITE State=UP",
        ]

    def _daemon(self, *words: str) -> None:
        environment = {**self.environment, "PATH": _PATH}
        with (self.folder / f"{words[0]}.stderr.log").open("ab") as log:
            process = subprocess.Popen(
                words, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._started.append(process)

    def _until(self, condition: object, what: str, limit_s: float = LIMIT_S) -> None:
        assert callable(condition)
        deadline_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline_s, f"not within {limit_s:g} s: {what}\n{self.log()}"
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
