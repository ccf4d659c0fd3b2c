"""The host program's side: one recorder, started by the first run, shared by the later ones, never in the way.

Nothing here raises into the program but `RecorderError`, which the caller turns into a warning; nothing waits without a
limit.
"""

from __future__ import annotations

import atexit
import math
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from footprint.ledger import live
from footprint.ledger.processes import Process, identify
from footprint.ledger.records import Marked, Progress, Work
from footprint.recorder import messages, process
from footprint.recorder.channel import Channel, ChannelClosedError
from footprint.recorder.handlers import pass_on
from footprint.recorder.turn import Turn

Done = TypeVar("Done")

START_LIMIT_S: Final = 10.0
STOP_LIMIT_S: Final = 2.0
TRY_AGAIN_S: Final = 60.0
_SEND_LIMIT_S: Final = 1.0
_LOCK_LIMIT_S: Final = 10.0
_JOIN_LIMIT_S: Final = 2.0
_WAITING_LIMIT: Final = 4096
_NEWS_LIMIT: Final = 256
_Word = Work | Marked | Progress | messages.Look | messages.Ask | messages.Start | messages.Stop


class RecorderError(Exception):
    """The recorder cannot be reached, started, or did not answer; says so in a line."""


class Client:
    """A channel to one recorder, for the runs of this process that go into one ledger.

    Args:
        home: the ledger's folder.
        target: the process to record, if it is not this one.
        steps: the job of SLURM that is recorded in its stead.
    """

    def __init__(self, home: Path, target: Process | None = None, steps: messages.Steps | None = None) -> None:
        self.home, self._steps = home, steps
        self._own = identify(os.getpid())
        self._attached = target is not None
        self.tracked = target or self._own
        self.runs: set[str] = set()
        self.is_stuck = False
        self._turn = Turn()
        self._waiting: deque[_Word] = deque()
        self._news: deque[messages.Foreseen] = deque(maxlen=_NEWS_LIMIT)
        self._thread: threading.Thread | None = None
        self._child: int | None = None
        self._channel: Channel[messages.ToHost] = self._connect()

    def start(self, message: messages.Start) -> messages.Started:
        """Open a run, and wait for its baseline.

        Raises:
            RecorderError: if it cannot be recorded.
            ChannelClosedError: if the recorder has ended meanwhile; another can be started.
        """
        try:
            answer = self._ask(message, message.run, START_LIMIT_S)
        except (RecorderError, ChannelClosedError):
            raise
        except BaseException:  # Ctrl-C, or what a handler raises: the program may go on, and must not be recorded for ever
            self.offer(messages.Stop(run=message.run, t_s=time.monotonic(), outcome="interrupted"))
            raise
        if isinstance(answer, messages.Adopted):
            # We are where orphans end up (a subreaper): a recorder process would be a child that our `os.wait()` meets.
            with suppress(ChildProcessError):
                os.waitpid(answer.pid, 0)
            self._channel.close()
            self._channel = self._to_thread()
            answer = self._ask(message, message.run, START_LIMIT_S)
        if isinstance(answer, messages.Started):
            self.runs.add(message.run)
            return answer
        raise RecorderError(_reason(answer))

    def stop(self, message: messages.Stop) -> messages.Stopped:
        """Close a run, and wait until its last record is written.

        Raises:
            RecorderError: if the recorder did not say that it was.
        """
        try:
            answer = self._ask(message, message.run, STOP_LIMIT_S)
        except ChannelClosedError as error:
            raise RecorderError("the recorder ended before the run did") from error
        finally:
            self.runs.discard(message.run)
            if self.is_stuck and not self.runs:
                _retire(self)
        if isinstance(answer, messages.Stopped):
            return answer
        raise RecorderError(_reason(answer))

    def offer(self, message: _Word) -> bool:
        """Send without waiting; false if it was dropped.

        While another thread has the channel, or it is full, the message waits here to be taken along, within a limit.
        """
        taken = len(self._waiting) < _WAITING_LIMIT
        if taken:
            self._waiting.append(message)
        claim = object()
        try:
            if self._turn.take(claim, 0.0):
                self._hand_over()
        except OSError as error:
            pass_on(error)
            return False
        finally:
            self._turn.give(claim, None)
        return taken

    def news(self, run: str) -> list[messages.Foreseen]:
        """What the recorder has said of a run unasked, oldest first, without waiting; nothing while a thread has the channel.

        Raises:
            OSError: if the recorder has ended, and nothing that it said is left.
        """
        claim = object()
        try:
            if not self._turn.take(claim, 0.0):  # two threads at it would each change what the other looks through
                return []
            while not any(one.run == run for one in self._news) and (said := self._channel.next_message()) is not None:
                self._keep(said)
            told = [one for one in self._news if one.run == run]
            for one in told:
                self._news.remove(one)
            return told
        finally:
            self._turn.give(claim, None)

    def close(self) -> None:
        """Let the recorder end."""
        with suppress(OSError):
            self._channel.send(messages.Bye(), _SEND_LIMIT_S)
        self._channel.close()
        if self._thread is not None:
            self._thread.join(_JOIN_LIMIT_S)
        if self._child is not None:
            self._await_child(self._child)

    def leave(self) -> None:
        """The program ends: a thread must be told, a process sees it by itself (and may be told of a stop until then)."""
        if self._thread is not None:
            self.close()

    def drop(self) -> None:
        """Close our copy of the channel in a forked child, without a word to the recorder, which is the parent's."""
        self._channel.close()

    def _hand_over(self) -> None:
        """Send what waits, as far as there is room."""
        try:
            while self._waiting and self._channel.offer(self._waiting[0]):
                self._waiting.popleft()
        except OSError:
            self._waiting.clear()
            raise

    def _ask(self, message: messages.Start | messages.Stop, run: str, limit_s: float) -> messages.ToHost:
        claim = object()
        try:
            if not self._turn.take(claim, _LOCK_LIMIT_S):
                if isinstance(message, messages.Stop):
                    self._waiting.append(message)  # whoever has the channel takes it along
                raise RecorderError("the recorder's channel is in use, or a signal handler interrupted its use")
            return self._converse(message, run, limit_s)
        finally:
            self._turn.give(claim, None)

    def _converse(self, message: messages.Start | messages.Stop, run: str, limit_s: float) -> messages.ToHost:
        try:
            limit_s = 0.0 if self.is_stuck else limit_s  # it is told, in case that it wakes up, and not waited for again
            self._waiting.append(message)
            while self._waiting:
                self._channel.send(self._waiting.popleft(), min(limit_s, _SEND_LIMIT_S))
            deadline_s = time.monotonic() + limit_s
            while True:
                answer = self._channel.receive(deadline_s - time.monotonic())
                if isinstance(answer, messages.Adopted):
                    return answer
                self._keep(answer)
                wanted = messages.Started if isinstance(message, messages.Start) else messages.Stopped
                # What answers a question that was given up before is passed over.
                if isinstance(answer, wanted | messages.Failed) and answer.run == run:
                    return answer
        except TimeoutError as error:
            pass_on(error)
            self.is_stuck = True
            raise RecorderError(f"the recorder did not answer{f' within {limit_s:g} s' * (limit_s > 0)}") from error
        finally:
            with suppress(OSError):
                self._hand_over()  # what others left meanwhile, also a signal handler that interrupted us

    def _keep(self, said: messages.ToHost) -> None:
        if isinstance(said, messages.Foreseen):
            self._news.append(said)

    def _await_child(self, pid: int) -> None:
        """Wait for a recorder that is our child to end, so that nobody else has to."""
        deadline_s = time.monotonic() + _JOIN_LIMIT_S
        with suppress(ChildProcessError):
            while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline_s:
                time.sleep(0.005)

    def _connect(self) -> Channel[messages.ToHost]:
        if os.environ.get("FOOTPRINT_RECORDER") != "thread" and process.can_spawn():
            return self._to_process()
        return self._to_thread()

    def _to_process(self) -> Channel[messages.ToHost]:
        try:
            end, self._child = process.spawn(as_child=self._attached)
        except OSError as error:
            raise RecorderError(f"the recorder process did not start: {error.strerror or error}") from error
        channel: Channel[messages.ToHost] = Channel(end, messages.ToHost)
        try:
            self._greet(channel)
        except BaseException:
            channel.close()
            raise
        return channel

    def _greet(self, channel: Channel[messages.ToHost]) -> None:
        host = self._own if self._attached else None
        try:
            channel.send(
                messages.Hello(home=os.fsencode(self.home), tracked=self.tracked, host=host, steps=self._steps), _SEND_LIMIT_S
            )
        except (ChannelClosedError, TimeoutError) as error:
            raise RecorderError("the recorder process ended at once") from error

    def _to_thread(self) -> Channel[messages.ToHost]:
        ours, theirs = socket.socketpair()
        channel: Channel[messages.ToHost] = Channel(ours, messages.ToHost)
        self._greet(channel)
        self._thread = threading.Thread(target=_record_in_thread, args=(theirs,), name="footprint-recorder", daemon=True)
        self._thread.start()
        return channel


def _record_in_thread(end: socket.socket) -> None:
    from footprint.recorder.loop import Recorder

    channel: Channel[messages.ToRecorder] = Channel(end, messages.ToRecorder)
    try:
        hello = channel.receive(START_LIMIT_S)
        if isinstance(hello, messages.Hello):
            Recorder(channel, hello, in_thread=True).run()
    except Exception:  # noqa: BLE001 - an exception in a thread of the host would be printed; the host sees the channel close
        return
    finally:
        channel.close()


def _reason(answer: messages.ToHost) -> str:
    return answer.reason if isinstance(answer, messages.Failed) else f"unexpected answer: {type(answer).__name__}"


# -- One client a ledger, in each process ------------------------------------------------------------------------------

_clients: dict[Path, Client] = {}
_clients_turn = Turn()
_clients_pid = os.getpid()
_forked_from: list[tuple[Path, Process]] = []
_try_again_s = -math.inf


def prepare(home: Path) -> None:
    """Start the recorder of this process and ledger if there is none, and do not wait for it.

    Raises:
        RecorderError: if it cannot be started.
    """
    if time.monotonic() < _try_again_s:
        raise RecorderError("the recorder did not answer a short while ago")
    _client(home)


def start(home: Path, message: messages.Start) -> tuple[Client, messages.Started]:
    """Open a run in the recorder of this process and ledger, starting it if there is none.

    Raises:
        RecorderError: if the run cannot be recorded.
    """
    for attempt in (1, 2):
        client = _client(home)
        try:
            return client, client.start(message)
        except ChannelClosedError as error:  # it was idle for long and ended, or it died
            pass_on(error)
            _retire(client)
            if attempt == 2:  # noqa: PLR2004 - a new recorder that ends at once will do so again
                raise RecorderError("the recorder process ended at once") from error
        except RecorderError:
            if client.is_stuck:  # a driver hangs: let not each of the next runs wait as long
                global _try_again_s  # noqa: PLW0603 - one state a process, as the clients
                _try_again_s = time.monotonic() + TRY_AGAIN_S
                _retire(client)
            raise
    raise AssertionError("the loop returns or raises")


def attach(
    home: Path, target: Process, message: messages.Start, steps: messages.Steps | None = None
) -> tuple[Client, messages.Started]:
    """Open a run of another process, in a recorder of its own.

    Raises:
        RecorderError: if it cannot be recorded.
    """
    client = Client(home, target, steps)
    try:
        return client, client.start(message)
    except ChannelClosedError as error:
        client.close()
        raise RecorderError("the recorder process ended at once") from error
    except BaseException:
        client.close()
        raise


def close_idle() -> None:
    """End the recorders of this process that have no run open; the next run starts one again."""

    def close() -> None:
        for home in [home for home, client in _clients.items() if not client.runs]:
            _clients.pop(home).close()

    _alone(close)


def forked_from_tracked() -> bool:
    """Whether this process was forked from one that is being recorded: as long as that is so, its record covers this one."""
    _disown()
    return any(live.open_run(home, tracked) for home, tracked in _forked_from)


def _client(home: Path) -> Client:

    def find() -> Client:
        if home in _clients and _clients[home].is_stuck:
            del _clients[home]  # it is closed with its last run
        if home not in _clients:
            for other in [path for path, client in _clients.items() if not client.runs]:
                _clients.pop(other).close()  # one recorder at a time, unless runs into two ledgers overlap
            _clients[home] = Client(home)
        return _clients[home]

    return _alone(find)


def _retire(client: Client) -> None:
    """Use a recorder for no more runs; those that it still has open may end in it."""

    def forget() -> None:
        if _clients.get(client.home) is client:
            del _clients[client.home]

    _alone(forget)
    if not client.runs:
        client.close()


def _alone(action: Callable[[], Done]) -> Done:
    """Be the only one to start and end recorders, or raise: a signal handler that tracks may have interrupted whoever does."""
    _disown()
    turn, claim = _clients_turn, object()
    try:
        if not turn.take(claim, _LOCK_LIMIT_S):
            raise RecorderError("another run is being started")
        return action()
    finally:
        turn.give(claim, None)


def _disown() -> None:
    """A child that was forked behind Python's back (by a library in C) has its parent's recorders: they are not its own."""
    if _clients_pid != os.getpid():
        _after_fork_in_child()


def _after_fork_in_child() -> None:
    global _clients_turn, _clients_pid  # noqa: PLW0603 - the child's state, set once when it begins
    _clients_turn = Turn()  # the parent's may have been held by a thread that is not here
    _clients_pid = os.getpid()
    _forked_from.extend((client.home, client.tracked) for client in _clients.values() if client.runs)
    for client in _clients.values():
        client.drop()
    _clients.clear()


def _leave() -> None:
    _disown()
    for client in list(_clients.values()):
        client.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_leave)
