"""A real PostgreSQL for tests: Debian's, on a free loopback port, as an unprivileged user, gone when the tests are over.

Its sorting rules are English ones and not those of bytes: an answer that depends on how a server sorts is seen. Every commit is
synced to the disk, as a real one's is.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.world.packages import install, say, without

ADMIN: Final = "admin"
_START_S: Final = 60.0


class Postgres:
    """One server, its data in a folder of its own.

    Attributes:
        version: as the server says it: `PostgreSQL 15.14`.
        port: on 127.0.0.1.
        password: of `ADMIN`, who may do all.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.password = secrets.token_hex(8)
        self._prepare()
        self.start()
        told = self._run("postgres", "--version").stdout.split()
        self.version = f"PostgreSQL {told[2]}"

    def start(self) -> None:
        """Start it, and wait until it answers; for one that was killed, until it has recovered."""
        socket_options = ["-c", f"unix_socket_directories={self._folder}", "-c", "listen_addresses=127.0.0.1"]
        options = ["-D", str(self._data), "-p", str(self.port), "-c", "fsync=on", *socket_options]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*_as_nobody(), str(self._programs / "postgres"), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self._folder, env=_environment(),
            )  # fmt: skip
        deadline_s = time.monotonic() + _START_S
        while self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it as a machine that loses its power does: nothing is said and nothing is tidied up."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait()

    def stop(self) -> None:
        """Stop it."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # its fast shutdown
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def url(self, database: str, user: str = ADMIN, password: str | None = None) -> str:
        """The address of a database, with a password in it; with an empty one, without."""
        stated = self.password if password is None else password
        return f"postgresql://{user}{':' * bool(stated)}{stated}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the one who may do all; its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _prepare(self) -> None:
        secret = self._folder / "secret"
        secret.write_text(self.password)
        if _as_nobody():
            owner = pwd.getpwnam(_owner())
            for path in (self._folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        how = ["--auth-host=scram-sha-256", "--auth-local=reject", "--encoding=UTF8", "--locale=C.UTF-8"]
        english = ["--locale-provider=icu", "--icu-locale=en-US"]
        made = [*how, "-U", ADMIN, "--pwfile", str(secret), "-D", str(self._data)]
        if self._run("initdb", *english, *made, check=False).returncode:  # before 15 it knows no such rules
            shutil.rmtree(self._data, ignore_errors=True)
            self._run("initdb", *made)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*_as_nobody(), str(self._programs / program), *arguments],
            cwd=self._folder, env=_environment(), capture_output=True, text=True, check=check, timeout=_START_S,
        )  # fmt: skip


def programs() -> Path | None:
    """Where PostgreSQL's programs are, the newest version's; Debian's are installed where that may be done. None: nowhere."""
    install(lambda: _installed() is None, "postgresql")
    return _installed()


@contextlib.contextmanager
def server() -> Iterator[Postgres]:
    """A server of one's own, stopped at the end.

    Raises:
        FileNotFoundError: if PostgreSQL is not there and cannot be installed.
    """
    found = programs()
    if found is None:
        raise FileNotFoundError("needs PostgreSQL, which cannot be installed here (apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="footprint-pg-", ignore_cleanup_errors=True) as folder:
        running = Postgres(found, Path(folder))
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a process; where there is none, they are skipped aloud."""
    try:
        with server() as running:
            say(f"{running.version} on port {running.port}")
            yield running
    except FileNotFoundError:
        without("PostgreSQL", "postgresql")


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database."""
    name = f"t_{secrets.token_hex(6)}"
    postgres.sql(f'CREATE DATABASE "{name}"')
    yield postgres.url(name)
    with contextlib.suppress(Exception):  # the test may have killed the server
        postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def role(postgres: Postgres) -> Iterator[Callable[[str], tuple[str, str]]]:
    """Make a role that may log in and has no other rights: its name and password, by the first letters of its name."""
    made: list[str] = []

    def make(stem: str) -> tuple[str, str]:
        name, password = f"{stem}_{secrets.token_hex(4)}", f"pw-{secrets.token_hex(6)}"
        postgres.sql(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'")
        made.append(name)
        return name, password

    yield make
    for name in made:
        with contextlib.suppress(Exception):
            postgres.sql(f'DROP ROLE "{name}"')  # one that owns something goes with the server


def _installed() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


def _owner() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_nobody() -> list[str]:
    """The words that run a program as a user without rights: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam(_owner())
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
