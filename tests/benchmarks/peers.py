"""The tools that are compared: where each is installed, and how one is put to work in a world of its own.

A peer has a virtual environment under `.bench/`, made when it is first asked for. RAPL is shown to peers, which all read the
fixed path `/sys/class/powercap`, by laying a synthetic tree over `/sys` in a mount namespace; a network that is down, or that
swallows every packet, is a network namespace. Both need root (unshare(1)); where they cannot be had, the row says so.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from footprint.testing import SyntheticRapl, Wave, Zone
from footprint.testing.rapl import RANGE_J

Network = Literal["as it is", "down", "a black hole"]

PACKAGE: Final = "intel-rapl:0"
DRAM: Final = "intel-rapl:0:0"

_ROOT: Final = Path(__file__).parents[2]
_BENCH: Final = _ROOT / ".bench"
_DRIVER: Final = Path(__file__).with_name("driver.py")
_INSTALL_LIMIT_S: Final = 300.0
_CLOSING_LIMIT_S: Final = 2.0
# Who routes all the world to loopback has its packets vanish there: nobody answers, and nobody refuses.
_NETWORKS: Final[dict[Network, str]] = {
    "as it is": "",
    "down": "ip link set lo up",
    "a black hole": "ip link set lo up && ip addr add 10.9.0.2/32 dev lo && ip route add default dev lo",
}


class ToolError(Exception):
    """What became of a tool, in a line."""


class Tool(NamedTuple):
    """Something that measures: its name in the tables, in `driver.py`, and as pip knows it (none: this project)."""

    label: str
    name: str
    requirement: str = ""


OURS: Final = Tool("footprint", "footprint")
CODECARBON: Final = Tool("CodeCarbon 3.3.2", "codecarbon", "codecarbon==3.3.2")
CODECARBON_ONLINE: Final = CODECARBON._replace(label="CodeCarbon 3.3.2, online", name="codecarbon-online")
CODECARBON_BOARD: Final = Tool("CodeCarbon 3.3.2, carbonboard", "carbonboard", "codecarbon[carbonboard]==3.3.2")
CODECARBON_PROCESS: Final = CODECARBON._replace(label="CodeCarbon 3.3.2, process mode", name="codecarbon-process")
ZEUS: Final = Tool("zeus 0.16.0", "zeus", "zeus==0.16.0")
CARBONTRACKER: Final = Tool("carbontracker 2.4.7", "carbontracker", "carbontracker==2.4.7")
PYJOULES: Final = Tool("pyJoules 0.5.1", "pyjoules", "pyJoules==0.5.1")
PEERS: Final = (CODECARBON, CODECARBON_BOARD, ZEUS, CARBONTRACKER, PYJOULES)


@lru_cache
def python(tool: Tool) -> str:
    """The interpreter that has a tool.

    Raises:
        ToolError: if it cannot be installed.
    """
    if not tool.requirement:
        return sys.executable
    folder = _BENCH / re.sub(r"[^\w.]+", "-", tool.requirement)
    stamp, interpreter = folder / "installed", folder / "bin" / "python"
    if not stamp.exists():
        print(f"… installing {tool.requirement} (once)", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", tool.requirement],
        ):
            try:
                subprocess.run(command, capture_output=True, text=True, check=True, timeout=_INSTALL_LIMIT_S)
            except subprocess.CalledProcessError as error:
                raise ToolError(f"cannot be installed: {_last(str(error.stderr)) or error}") from error
            except (subprocess.TimeoutExpired, OSError) as error:
                raise ToolError(f"cannot be installed: {error}") from error
        stamp.touch()
    return str(interpreter)


def installed(*tools: Tool) -> dict[Tool, ToolError | None]:
    """Install what is missing before anything is timed: what hinders each, if anything does."""
    found: dict[Tool, ToolError | None] = {}
    for tool in tools:
        try:
            python(tool)
            found[tool] = None
        except ToolError as error:
            found[tool] = error
    return found


class Working:
    """A tool at work in its driver; a context manager, at whose end it and all that it started are gone.

    Args:
        mode: what the driver does, and its arguments.
        home: where it writes, if it does.
        tree: a RAPL tree: in the place of the machine's for peers, named to ours.
        limit_s: how long an answer may take.
    """

    def __init__(
        self,
        tool: Tool,
        *mode: str,
        home: str | os.PathLike[str],
        tree: SyntheticRapl | None = None,
        network: Network = "as it is",
        limit_s: float = 120.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        is_ours = not tool.requirement
        peers_tree = None if is_ours else tree
        self._limit_s = limit_s
        self._answers: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            [*_apart(peers_tree, network), python(tool), "-P", "-W", "ignore", str(_DRIVER), tool.name, *mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            start_new_session=True,
            env={
                **os.environ,
                "FOOTPRINT_HOME": str(home),
                **(tree.environment if is_ours and tree is not None else {}),
                **(environment or {}),
            },
        )
        self._said: list[str] = []
        listeners = (self._listen, lambda: self._said.extend(self._process.stderr or ()))
        self._threads = [threading.Thread(target=listener, daemon=True) for listener in listeners]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._answers.put(line)
        self._answers.put("")

    @property
    def pid(self) -> int:
        """The process that the tool measures."""
        return self._process.pid

    def hear(self) -> Any:
        """The next answer.

        Raises:
            ToolError: if it does not come.
        """
        try:
            line = self._answers.get(timeout=self._limit_s)
        except queue.Empty:
            raise ToolError(f"no answer within {self._limit_s:g} s") from None
        if not line:
            self._process.wait()
            self._threads[1].join(_CLOSING_LIMIT_S)
            raise ToolError(_last("".join(self._said)) or f"it ended with exit code {self._process.returncode}")
        return json.loads(line)

    def go_on(self) -> None:
        """Let it do the next thing."""
        assert self._process.stdin is not None, "it was started so"
        with suppress(BrokenPipeError):  # it has ended: the next answer says so
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join(_CLOSING_LIMIT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):  # what was not said yet is heard by nobody
                pipe.close()  # type: ignore[union-attr]  # it was started so


def ask(tool: Tool, *mode: str, **world: Any) -> Any:
    """The one answer of a driver that needs not be told anything.

    Raises:
        ToolError: if there is none.
    """
    with Working(tool, *mode, **world) as working:
        return working.hear()


@contextmanager
def rapl(folder: Path, package: Wave, dram: Wave, *, range_j: Sequence[float] = ()) -> Iterator[SyntheticRapl]:
    """A tree of one package and its memory, as the kernel shows them."""
    ranges_j = tuple(range_j) or (RANGE_J, RANGE_J)
    zones = {
        PACKAGE: Zone("package-0", package, range_j=ranges_j[0], start_j=1.0),
        DRAM: Zone("dram", dram, range_j=ranges_j[1], start_j=1.0, max_power_w=25.0),
    }
    with SyntheticRapl(folder, zones) as tree:
        # The kernel's link from a device to its class, by which CodeCarbon goes.
        (tree.folder / "devices/virtual/powercap/intel-rapl/subsystem").symlink_to("../../../../class/powercap")
        yield tree


def version_of(package: str) -> str:
    """A package of this project's environment, with its version."""
    return f"{package} {version(package)}"


def _apart(tree: SyntheticRapl | None, network: Network) -> list[str]:
    """The command that gives another one its own `/sys`, its own network, or both."""
    flags = ["-m"] * (tree is not None) + ["-n"] * (network != "as it is")
    if not flags:
        return []
    mount = f"mount -t overlay -o lowerdir={tree.folder}:/sys overlay /sys" if tree is not None else ""
    steps = " && ".join(step for step in (mount, _NETWORKS[network], 'exec "$@"') if step)
    return ["unshare", *flags, "sh", "-c", steps, "sh"]


def _last(text: str) -> str:
    """The last line of what was said, without what a terminal shows as colours."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "".join(character for character in lines[-1] if character.isprintable())[:200] if lines else ""
