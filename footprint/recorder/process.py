"""The recorder's own process: how the host starts it, and what it does first.

It must not be a child that the host's `os.wait()` can meet: what the host starts forks at once and ends, and is waited
for by its pid; the fork goes on as the recorder, in a session of its own, with nothing of the host open but the channel.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import footprint
from footprint.recorder import messages
from footprint.recorder.channel import Channel, ChannelClosedError

# `-I` keeps the host's PYTHONPATH and working directory out; where our packages lie is told in the arguments: ours before
# all that is installed, so that host and recorder are of one version, but after the standard library.
_PATHS: Final = """\
import os, sys
before, after = sys.argv[1:3]
del sys.argv[1:3]
at = next((i for i, path in enumerate(sys.path) if path.endswith("-packages")), len(sys.path))
sys.path[at:at] = [before]
sys.path += [path for path in after.split(os.pathsep) if path not in sys.path]
"""
# Forks before anything is imported, so that the host waits for no more than an interpreter's start.
_DETACH: Final = """\
import os
between = os.getpid()
if os.fork():
    os._exit(0)
"""
# Who attaches to a process and nothing else may have the recorder as a child: what an orphan is, the process might adopt.
_STAY: Final = """\
import os
between = None
"""
_ITS_CHANNEL: Final = """\
import sys
channel = int(sys.argv[3])
"""
# Pipes and sockets that the host was started with: who waits for their end waits for its, and not for ours.
_CLOSE: Final = """\
for held in map(int, os.listdir("/proc/self/fd")):  # the limit may be a thousand million: not each number up to it
    if held > 2 and held != channel:
        try:
            os.close(held)
        except OSError:
            pass
"""
_LIGHT: Final = """\
# msgspec does without it, and it takes as long to load as all of ours.
sys.modules["typing_extensions"] = None
"""
_RECORD: Final = """
from footprint.recorder.process import main
main(channel, between)
"""
_HELLO_S: Final = 10.0
_ADOPTION_S: Final = 2.0
_OUR_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGXFSZ", "SIGTSTP", "SIGUSR1", "SIGUSR2")


def can_spawn() -> bool:
    """Whether a recorder process can be started here, and can tell when its host ends."""
    return (
        hasattr(os, "pidfd_open")
        and hasattr(os, "posix_spawn")
        and has_interpreter()
        and os.getpid() != 1  # the first process of a container would be handed the recorder as its own child
    )


def has_interpreter() -> bool:
    """Whether `sys.executable` is Python: in frozen and embedding programs it is the program itself, or nothing."""
    name = os.path.basename(sys.executable or "").lower()  # noqa: PTH119 - a name out of a name
    return not getattr(sys, "frozen", False) and ("python" in name or "pypy" in name)


def spawn(*, as_child: bool = False) -> tuple[socket.socket, int | None]:
    """Start a recorder process.

    Args:
        as_child: whether it is to be a child of ours, which we wait for.

    Returns:
        Our end of the channel to it, and its pid if it is our child.

    Raises:
        OSError: if it cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            pid = _spawn(theirs.fileno(), as_child=as_child)
    except BaseException:
        ours.close()
        raise
    return ours, pid if as_child else None


def spawn_detached(code: str, *arguments: str, channel: int, environment: Mapping[str, str]) -> None:
    """Run code of ours in a process that is, like the recorder, no child of ours; `between` is its first parent there.

    Args:
        code: what it runs, after it has found our packages.
        *arguments: what it finds in `sys.argv`.
        channel: what it has for standard input; output and errors go nowhere.
        environment: its own.

    Raises:
        OSError: if it cannot be started.
    """
    pid = os.posix_spawn(
        sys.executable,
        _command([], f"{_DETACH}channel = 0\n{_CLOSE}{_PATHS}{code}", *arguments),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, channel, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsigmask=(),
        setsid=True,
    )
    _await_start(pid)


def _spawn(theirs: int, *, as_child: bool) -> int:
    channel = 3 if theirs != 3 else 4  # noqa: PLR2004 - the first descriptor after the standard ones
    pid = os.posix_spawn(
        sys.executable,
        # Without `site`: what the packages installed beside ours do at each start (`.pth` files) is not for us.
        _command(["-S"], (_STAY if as_child else _DETACH) + _ITS_CHANNEL + _CLOSE + _LIGHT + _PATHS + _RECORD, str(channel)),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs, channel),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ],
        setsigmask=(),
        setsid=True,
    )
    if as_child:
        return pid
    _await_start(pid)
    return pid


def _await_start(pid: int) -> None:
    """Wait for what forks at once and ends."""
    with suppress(ChildProcessError):  # the host ignores SIGCHLD, or waits for all its children on another thread
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise OSError(f"the interpreter {sys.executable} did not start (status {status})")


def isolated(code: str, *arguments: str) -> list[str]:
    """The command that runs `code` of ours in a new interpreter, whatever the host's paths and working directory are."""
    return _command([], _PATHS + code, *arguments)


def _command(flags: list[str], code: str, *arguments: str) -> list[str]:
    ours, others = str(Path(footprint.__file__).parents[1]), os.pathsep.join(_package_paths())
    quiet = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-I", *flags, *quiet, "-c", code, ours, others, *arguments]


def _package_paths() -> list[str]:
    """Where the packages lie that the recorder imports besides ours, also if the host found them through PYTHONPATH."""
    found = [path for path in sys.path if path.endswith("-packages")]
    for name in ("msgspec", "platformdirs", "pynvml", "psutil"):
        try:
            spec = find_spec(name)
        except (ImportError, ValueError):  # a program may have put anything in the place of a module
            continue
        if spec is not None and spec.origin:
            origin = Path(spec.origin)
            found.append(str(origin.parents[1] if spec.submodule_search_locations else origin.parent))
    return list(dict.fromkeys(found))


def main(descriptor: int, between: int | None) -> None:
    """Be the recorder: the body of the process, whose first parent was `between`; null if it is its host's child on purpose."""
    for name in _OUR_SIGNALS:  # a terminal's or a scheduler's signals are for the host; its end is what ends us
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.umask(0o077)
    with suppress(OSError):
        os.chdir("/")  # hold no file system of the host busy
    channel: Channel[messages.ToRecorder] = Channel(socket.socket(fileno=descriptor), messages.ToRecorder)
    try:
        hello = channel.receive(_HELLO_S)
    except (ChannelClosedError, TimeoutError):
        return
    if not isinstance(hello, messages.Hello):
        return
    if between is not None and parent_after(between) == hello.tracked.pid:
        channel.send(messages.Adopted(pid=os.getpid()), _HELLO_S)
        return
    from footprint.recorder.loop import Recorder

    Recorder(channel, hello).run()


def parent_after(between: int) -> int:
    """Our parent, once the process between us and the host has ended."""
    deadline_s = time.monotonic() + _ADOPTION_S
    while os.getppid() == between and time.monotonic() < deadline_s:
        time.sleep(0.001)
    return os.getppid()
