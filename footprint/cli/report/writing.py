"""Where a report goes: to standard output, or to a file, as a whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from footprint.cli.printing import as_printable, say, say_lines
from footprint.errors import ConfigError, unknown_choice
from footprint.text import clean

FORMATS: Final = ("html", "md", "csv", "json", "table", "png", "svg")
IMAGES: Final = ("png", "svg")
ENDINGS: Final = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".markdown": "md",
    ".csv": "csv",
    ".json": "json",
    ".txt": "table",
    ".png": "png",
    ".svg": "svg",
}
PAGE: Final = "footprint.html"
STDOUT: Final = "-"
_HEAD: Final = 4096
_LONGEST_ID: Final = 80
# A file below these is what the system makes of an open descriptor or of a device: it has no place that another could take.
_NO_FILES: Final = ("/dev/", "/proc/")


def format_of(stated: str | None, output: str | None, *, json: bool, figure: str | None) -> str:
    """The format that was asked for, or that the output's ending says.

    Raises:
        ConfigError: for one that there is not, or options that contradict each other.
    """
    kind = _format_of(stated, output, json=json)
    if figure is not None and kind not in IMAGES:
        raise ConfigError(f"--figure {clean(figure)!r} is for an image: --format png or svg, or -o with such an ending")
    if figure is None and kind in IMAGES:
        raise ConfigError(f"--format {kind} is of one figure: name it with --figure, e.g. --figure energy-by")
    return kind


def _format_of(stated: str | None, output: str | None, *, json: bool) -> str:
    if json:
        if stated not in {None, "json"}:
            raise ConfigError(f"--json and --format {clean(stated or '')} contradict each other")
        return "json"
    if stated is not None:
        if stated not in FORMATS:
            raise unknown_choice("--format", clean(stated), FORMATS)
        return stated
    ending = Path(output or "").suffix.lower()
    if ending and ending not in ENDINGS and not _is_no_file(output or ""):
        known = ", ".join(ENDINGS)
        raise ConfigError(
            f"-o {clean(output or '')}: no format ends in {clean(ending)}; the endings are {known}, or say --format"
        )
    return ENDINGS.get(ending, "html")


def page_of(run_id: str) -> str:
    """The name of a run's page: its id, of which nothing is left that could be a path."""
    return f"footprint-run-{re.sub(r'[^A-Za-z0-9._-]+', '_', run_id)[:_LONGEST_ID]}.html"


def target_of(kind: str, output: str | None, page: str = PAGE) -> Path | None:
    """Where the report goes; None is standard output.

    Args:
        kind: the format.
        output: the file that somebody named.
        page: what an HTML page is called where nobody did.

    Raises:
        ConfigError: if it cannot be written there, or if nobody named the file and it is not a page of ours.
    """
    if output is not None:
        if output == STDOUT or _is_stdout(output):
            return None
        target = Path(output)
        _look_at(target)
        return target
    if kind != "html":
        return None
    from footprint.report.html import is_ours

    target = Path("reports", page) if Path("reports").is_dir() else Path(page)
    try:
        ours = False
        if stat.S_ISREG(target.stat().st_mode):  # to open a pipe is to wait for whoever writes into it
            with target.open("rb") as file:
                ours = is_ours(file.read(_HEAD))
    except FileNotFoundError:
        return target
    except OSError as error:
        raise ConfigError(f"cannot look at {target}: {error.strerror}; name another file with -o") from error
    if not ours:
        raise ConfigError(f"{target} is not a page of ours and stays as it is; name a file with -o")
    return target


def print_report(kind: str, content: str | bytes) -> None:
    """A report to standard output.

    Raises:
        ConfigError: for a picture to a terminal, which cannot show it.
    """
    if isinstance(content, bytes):
        if sys.stdout.isatty():
            raise ConfigError(f"a terminal shows no {kind}: name a file with -o, or pipe it into another program")
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    elif kind == "table":
        say_lines(content.splitlines())
    else:
        say(as_printable(content) if kind == "json" else content)


def write(target: Path, content: str | bytes, beside: Mapping[str, bytes] | None = None) -> None:
    """Write a file as a whole or not at all; what is no file (a device, a pipe) is written into as it is.

    Args:
        target: the file. Of a link, its own target is replaced, not the link; its permissions stay.
        content: what it holds.
        beside: files that it needs in its folder, by their names: they are written first.

    Raises:
        ConfigError: if it cannot be written.
        BrokenPipeError: if whoever read it has gone.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if not _is_no_file(str(target)) and not _is_other(target):
            target = target.resolve()
        elif beside:
            raise ConfigError(f"--assets folder needs a page that is a file, which {target} is not")
        for name, own in (beside or {}).items():
            _write_beside(target.with_name(name), own)
        _write(target, data)
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError
        raise _cannot(target, error) from error


def _write(target: Path, data: bytes) -> None:
    if _is_no_file(str(target)) or _is_other(target):
        with target.open("wb") as file:
            file.write(data)
        return
    draft = target.with_name(f".footprint-{os.urandom(8).hex()}.tmp")
    try:
        with draft.open("xb") as file:  # never into what somebody put there, as a link in a folder that all may write to
            file.write(data)
        with suppress(FileNotFoundError):
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _write_beside(path: Path, data: bytes) -> None:
    """A file that pages share: one that is there already is not written again, and nobody else's is replaced."""
    try:
        found = None if _is_other(path) else path.read_bytes()
    except FileNotFoundError:
        _write(path, data)
        return
    if found != data:
        raise ConfigError(f"{path} is another file than the page needs, and stays as it is; name a page elsewhere with -o")


def _look_at(target: Path) -> None:
    """Refuse early what can be seen not to be writable: making a report may take long."""
    try:
        if target.is_dir():
            raise ConfigError(f"{clean(str(target))} is a folder; name a file in it with -o")
        target.parent.stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise _cannot(target, error) from error


def _cannot(target: Path, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError(f"cannot write {clean(str(target), limit=400)}: {why}; name another file with -o")


def _is_stdout(output: str) -> bool:
    """Whether a path is what standard output goes to, as /dev/stdout is."""
    try:
        return os.path.samestat(Path(output).stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False


def _is_no_file(path: str) -> bool:
    return path.startswith(_NO_FILES)


def _is_other(target: Path) -> bool:
    """Whether something is there that is no file."""
    try:
        return not stat.S_ISREG(target.stat().st_mode)
    except FileNotFoundError:
        return False
