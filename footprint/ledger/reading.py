"""The reading side of the ledger: journals to runs, whatever state a crash or a bad disk left them in."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.facts import Point, RunRecords, without_loose_parents
from footprint.ledger.home import home as default_home
from footprint.ledger.home import runs_dir
from footprint.ledger.processes import is_alive
from footprint.ledger.records import AnyRecord, Held, NewerRecordError, Open, Tick, record_of, salvage
from footprint.ledger.runfile import read_run_file
from footprint.model import Run

_AMBIGUOUS_SHOWN: Final = 4


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a ledger, newest first, and what could not be read of it, a line each."""

    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()


def read_runs(home: Path | None = None) -> Reading:
    """All runs of a ledger, by default of the user's.

    A ledger that nobody wrote to yet is empty. Damage costs the damaged records, and stands in `problems`.

    Raises:
        LedgerError: if the ledger's folder cannot be read.
    """
    runs: list[Run] = []
    problems: list[str] = []
    for path in journal_paths(home):
        journal = read_journal(path)
        runs += without_loose_parents(list(journal.runs.values()))
        problems += journal.problems
    runs.sort(key=lambda run: (run.started_at, run.id), reverse=True)
    return Reading(runs=tuple(runs), problems=tuple(problems))


def find_run(ref: str | os.PathLike[str], home: Path | None = None) -> Run:
    """One run: by its id, by a beginning of the id that fits no other, or by the path of a run file.

    Raises:
        LedgerError: if nothing fits, if more than one does, or if the file or the ledger cannot be read.
    """
    text = os.fspath(ref)
    if os.sep in text or text.endswith(".json") or not isinstance(ref, str):
        return read_run_file(Path(text))
    if not text:
        raise LedgerError("no run is named; `footprint runs list` shows what there is")
    found: dict[str, Run] = {}
    for path in journal_paths(home):
        if _mentions(path, text):
            runs = without_loose_parents(list(read_journal(path).runs.values()))
            found |= {run.id: run for run in runs if run.id.startswith(text)}
    if text not in found and len(found) > 1:
        shown = ", ".join(sorted(found)[:_AMBIGUOUS_SHOWN])
        raise LedgerError(f"run {text!r} fits {len(found)} runs ({shown}{', …' * (len(found) > _AMBIGUOUS_SHOWN)})")
    if not found:
        where = runs_dir(home or default_home())
        raise LedgerError(f"no run {text!r} in the ledger at {where}; `footprint runs list` shows what there is")
    return found[text] if text in found else next(iter(found.values()))


def series(run_id: str, home: Path | None = None) -> tuple[Point, ...]:
    """The ticks of a run, in order, on the run's own clock.

    Raises:
        LedgerError: if there is no such run.
    """
    for path in journal_paths(home):
        if _mentions(path, run_id) and run_id in (runs := read_journal(path).runs):
            return runs[run_id].points()
    raise LedgerError(f"no run {run_id!r} in the ledger at {runs_dir(home or default_home())}")


class JournalReading:
    """What one journal holds: its runs by id, and what could not be read."""

    def __init__(self, runs: dict[str, RunRecords], problems: list[str]) -> None:
        self.runs = runs
        self.problems = problems


def read_journal(path: Path, only_run: str | None = None) -> JournalReading:
    """Read one journal, or of it only what bears on one run (quick in a long journal of many runs)."""
    try:
        data = _read_bytes(path)
    except OSError as error:
        return JournalReading({}, [f"{path}: not read: {error.strerror}"])
    lines = _Lines(path, data, only_run)
    runs = {record.run: RunRecords(record) for record in lines.records if isinstance(record, Open)}
    orphans: set[str] = set()
    for record in lines.records:
        for run_id in record.runs if isinstance(record, Tick | Held) else (record.run,):
            if run_id in runs:
                runs[run_id].add(record)
            else:
                orphans.add(run_id)
    if orphans and only_run is None:
        lines.problems.append(f"{path}: the beginning of {len(orphans)} run(s) is lost: {', '.join(sorted(orphans))}")
    if lines.unfinished and not any(is_alive(records.opened.recorder) for records in runs.values()):
        lines.problems.append(lines.unfinished)  # while its recorder lives, a line without its newline is being written
    return JournalReading(runs, lines.problems)


def journal_paths(home: Path | None = None) -> list[Path]:
    """The journals of a ledger, oldest day first; of a journal that was copied, the copy that holds most.

    Raises:
        LedgerError: if a folder cannot be listed.
    """
    root = runs_dir(home or default_home())
    found: dict[str, Path] = {}
    try:
        for path in (path for day in _folders(root) for group in _folders(day) for path in sorted(group.glob("*.jsonl"))):
            other = found.get(path.name)
            if other is None or other.lstat().st_size < path.lstat().st_size:
                found[path.name] = path
    except OSError as error:
        raise LedgerError(f"the ledger cannot be read at {error.filename or root}: {error.strerror}") from error
    return list(found.values())


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []


class _Lines:
    """The records of a journal's bytes in the order in which they were written, and what is wrong with the bytes."""

    def __init__(self, path: Path, data: bytes, only_run: str | None) -> None:
        self.problems: list[str] = []
        self.unfinished: str | None = None
        self._found: dict[int, AnyRecord] = {}
        self._newer = 0
        wanted = only_run.encode() if only_run else b""
        lines = data.split(b"\n")
        for number, line in enumerate(lines, start=1):
            if line and wanted in line:
                problem = self._take(line)
                if problem and number == len(lines):
                    self.unfinished = f"{path}:{number}: the last record was torn off"
                elif problem:
                    self.problems.append(f"{path}:{number}: a damaged record was left out: {problem}")
        if self._newer:
            told = f"{self._newer} record(s) of a newer version of footprint were left out; upgrade to read them"
            self.problems.append(f"{path}: {told}")

    @property
    def records(self) -> list[AnyRecord]:
        return [self._found[seq] for seq in sorted(self._found)]

    def _take(self, line: bytes) -> str | None:
        """Keep the record of a line, or what can be saved of it; what is wrong with the line."""
        try:
            record = record_of(line)
        except NewerRecordError:
            self._newer += 1
        except ValueError as error:
            for piece in salvage(line):
                self._take(piece)
            return str(error)
        else:
            self._found.setdefault(record.seq, record)  # a copied journal may hold a record twice
        return None


def _mentions(path: Path, text: str) -> bool:
    try:
        return text.encode("utf-8", "surrogatepass") in _read_bytes(path)
    except OSError:
        return False


def _read_bytes(path: Path) -> bytes:
    """A journal's bytes; in its place a link is refused, and a pipe or device, which would never end."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags | getattr(os, "O_CLOEXEC", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read()
