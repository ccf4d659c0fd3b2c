"""`footprint metrics`: the ledger as Prometheus' metrics, as a file for node_exporter, over HTTP, or printed."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say, say_json
from footprint.cli.signals import asked_to_end
from footprint.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from footprint.integrations.exporting.exporter import LedgerExporter

_EVERY_S: Final = (1.0, 86_400.0)
_REFRESH_S: Final = 15.0
_LOOPBACK: Final = "127.0.0.1"
_PORTS: Final = 65_535
_LIMITS: Final = (1, 1_000)
_READABLE: Final = 0o644
"""node_exporter runs as another user than we do. The file holds sums by the labels of --by; the runs stay in the ledger, which is
nobody else's to read (0600)."""


def metrics(
    *,
    textfile: Annotated[
        str | None, typer.Option(metavar="FILE.prom", help="Write them to a file that node_exporter's textfile collector reads.")
    ] = None,
    serve: Annotated[
        str | None, typer.Option(metavar="[HOST:]PORT", help="Answer scrapes over HTTP; HOST is 127.0.0.1 if not stated.")
    ] = None,
    every_s: Annotated[
        float | None, typer.Option("--every", metavar="SECONDS", help="Go on: look at the ledger this often; with --serve 15.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="KEYS", help="What becomes labels: keys of `ledger totals --by`, or label:KEY, with commas.")
    ] = "project,kind",
    limit: Annotated[int, typer.Option(help="So many groups have series of their own, the others are one.")] = 200,
    state: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where counters are kept across restarts; the ledger's folder if not stated."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Tell Prometheus what the ledger states: energy, emissions, power, coverage, runs and work, by project and kind.

    Without --textfile and --serve they are printed. Counters (…_total) never fall: across restarts, restatements and deletions
    they go on from where they were. Gauges (footprint_ledger_…) are what the ledger states now, with its range. What is not known
    is in no sum: footprint_unknown_…_runs counts those runs. See docs/integrations/prometheus.md.

    Exit codes: 0 done, or asked to end; 2 for bad options, or if the ledger cannot be read at first.
    """
    from footprint.integrations.exporting.exporter import LedgerExporter

    if textfile is not None and serve is not None:
        raise ConfigError("--textfile and --serve are two ways: start one of each")
    if json and (textfile is not None or serve is not None):
        raise ConfigError("--json prints the metrics: leave out --textfile and --serve")
    if not _LIMITS[0] <= limit <= _LIMITS[1]:
        raise ConfigError(f"--limit {limit} is not between {_LIMITS[0]} and {_LIMITS[1]:,}")
    _check_every(every_s, goes_on=textfile is not None or serve is not None)
    address = None if serve is None else _address(serve)
    file = None if textfile is None else _textfile(textfile)
    keys = [one.strip() for one in by.split(",") if one.strip()]
    is_printed = address is None and file is None
    exporter = LedgerExporter(keys, limit=limit, state=None if state is None else _state(state), keeps=not is_printed)
    if address is not None:
        _serve(exporter, address, _REFRESH_S if every_s is None else every_s)
    elif file is not None:
        _write(exporter, file, every_s)
    else:
        _print(exporter, as_json=json)


def _print(exporter: LedgerExporter, *, as_json: bool) -> None:
    from footprint.integrations.exporting.families import exposition, told

    _look(exporter)
    if as_json:
        say_json({"metrics": told(exporter.families()), "problems": list(exporter.problems)})
    else:
        _tell_problems(exporter)
        say(exposition(exporter.families()))


def _write(exporter: LedgerExporter, file: Path, every_s: float | None) -> None:
    _look(exporter)
    _tell_problems(exporter)
    _replace(file, exporter)
    if every_s is not None:
        _go_on(exporter, every_s, lambda: _replace(file, exporter))


def _serve(exporter: LedgerExporter, address: tuple[str, int], every_s: float) -> None:
    from footprint.integrations.prometheus import MetricsServer

    server = MetricsServer(*address, exporter.families)  # first of all: a port that is taken is told at once
    _look(exporter)
    _tell_problems(exporter)
    server.start()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    print(f"footprint: metrics at http://{host}:{server.port}/metrics", file=sys.stderr, flush=True)
    try:
        _go_on(exporter, every_s, lambda: None)
    finally:
        server.close()


def _go_on(exporter: LedgerExporter, every_s: float, then: Callable[[], None]) -> None:
    """Look again and again until a signal asks to end; what goes wrong is told once, when it begins."""
    told = exporter.problems[:1]
    with asked_to_end() as asked:
        next_s = time.monotonic() + every_s
        while not _asked(asked, max(0.0, next_s - time.monotonic())):
            next_s = time.monotonic() + every_s
            exporter.refresh()
            if exporter.problems[:1] != told:
                told = exporter.problems[:1]
                _tell_problems(exporter)
            try:
                then()
            except ConfigError as error:  # the disk is full, say: the next time it may not be
                _note(str(error))


def _look(exporter: LedgerExporter) -> None:
    """The first look, which must succeed.

    Raises:
        LedgerError: if the ledger cannot be read.
    """
    if not exporter.refresh():
        raise LedgerError(exporter.problems[0])


def _tell_problems(exporter: LedgerExporter) -> None:
    if exporter.problems:
        more = len(exporter.problems) - 1
        _note(exporter.problems[0] + (f" (and {text.plural(more, 'problem')} more: footprint runs verify)" if more else ""))


def _note(line: str) -> None:
    print(f"note: {text.clean(line, limit=600)}", file=sys.stderr, flush=True)


def _replace(file: Path, exporter: LedgerExporter) -> None:
    """Put the metrics into a file, whole or not at all: a reader never sees half of one.

    Raises:
        ConfigError: if it cannot be written.
    """
    from footprint.integrations.exporting.families import exposition

    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")  # which the collector does not read: it takes *.prom
    try:
        temporary.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(temporary, flags, _READABLE), "wb") as out:
            out.write(exposition(exporter.families()).encode())
        temporary.chmod(_READABLE)  # the umask cuts what `open` is asked for
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ConfigError(f"--textfile {text.clean(str(file), limit=400)} cannot be written: {error.strerror}") from None


def _check_every(every_s: float | None, *, goes_on: bool) -> None:
    if every_s is None:
        return
    if not goes_on:
        raise ConfigError("--every goes with --textfile or --serve: what is printed is printed once")
    if not _EVERY_S[0] <= every_s <= _EVERY_S[1]:
        raise ConfigError(f"--every {every_s:g} is not between {_EVERY_S[0]:g} and {_EVERY_S[1]:,.0f} seconds")


def _textfile(stated: str) -> Path:
    path = Path(os.path.abspath(stated))  # noqa: PTH100 - a link stays one
    shown = text.clean(stated, limit=400)
    if path.suffix != ".prom":
        raise ConfigError(f"--textfile {shown} does not end in .prom: node_exporter reads no other files")
    if path.is_dir():
        raise ConfigError(f"--textfile {shown} is a folder: name a file in it, say {shown}/footprint.prom")
    if not path.parent.is_dir():
        raise ConfigError(
            f"--textfile {shown}: there is no folder {path.parent}; name that of node_exporter's textfile collector"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--textfile {shown}: its folder is not writable for this user")
    return path


def _state(stated: str) -> Path:
    path = Path(os.path.abspath(stated))  # noqa: PTH100 - a link stays one
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--state {text.clean(stated, limit=400)} is no file in a folder that is there")
    return path


def _address(stated: str) -> tuple[str, int]:
    host, _, port = stated.rpartition(":")
    is_number = port.isascii() and port.isdecimal()
    bare = host.removeprefix("[").removesuffix("]")
    if not is_number or int(port) > _PORTS or (":" in bare and not host.startswith("[")) or any(c.isspace() for c in host):
        raise ConfigError(f"--serve {text.clean(stated)!r} is no address: say 9105, 0.0.0.0:9105 or [::1]:9105")
    return bare or _LOOPBACK, int(port)


def _asked(asked: socket.socket, limit_s: float) -> bool:
    return bool(select.select([asked], [], [], limit_s)[0])
