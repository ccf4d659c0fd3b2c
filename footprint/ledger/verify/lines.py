"""One journal, line by line: what is damaged, torn, missing or unknown in it, and where."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import msgspec

from footprint import text
from footprint.ledger.processes import is_alive
from footprint.ledger.reading import open_journal
from footprint.ledger.records import AnyRecord, Close, Held, Imported, NewerRecordError, Open, Tick, record_of, salvage
from footprint.ledger.verify.bounds import Watch
from footprint.ledger.verify.findings import Finding, found, named


class _Envelope(msgspec.Struct):
    v: int = 0
    journal: str = ""
    seq: int = -1


class Numbers:
    """The numbers of a journal's records: those that are there, as stretches."""

    def __init__(self) -> None:
        self._stretches: list[list[int]] = []
        self.twice = 0

    def add(self, number: int) -> None:
        """Take the next record's; mostly it is one more than the last."""
        last = self._stretches[-1] if self._stretches else None
        if last is not None and number == last[1] + 1:
            last[1] = number
        else:
            self._stretches.append([number, number])

    def missing(self) -> list[tuple[int, int]]:
        """The stretches of numbers that no record has, first and last. How many stand twice is counted on the way."""
        gaps = []
        expected = 0
        for first, last in sorted(self._stretches):
            if first > expected:
                gaps.append((expected, first - 1))
            self.twice += max(0, min(last + 1, expected) - first)
            expected = max(expected, last + 1)
        return gaps


class Audit:
    """What one journal is found to be.

    Attributes:
        findings: what is wrong with it.
        records: how many of its records are whole.
        opened: the first record of each of its runs.
        imported: whole runs from elsewhere.
        last_wall_s: the latest time that a record says, s since 1970; None where none does.
        ends_s: the last monotonic time of each run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.records = 0
        self.opened: dict[str, Open] = {}
        self.imported: list[Imported] = []
        self.last_wall_s: float | None = None
        self.ends_s: dict[str, float] = {}
        self.size = 0
        self._numbers: dict[str, Numbers] = {}
        self._newer = Counter[int]()
        self._mentioned: set[str] = set()
        self._damaged = 0
        self._watch = Watch()

    def read(self) -> None:
        """Read it from its first byte to its last."""
        try:
            descriptor, self.size = open_journal(self.path)
            with os.fdopen(descriptor, "rb") as file:
                torn = self._lines(file)
        except OSError as error:
            self.findings.append(found("unreadable", self.path, f"it cannot be read: {error.strerror}"))
            return
        if torn is not None and not any(is_alive(opened.recorder) for opened in self.opened.values()):
            self.findings.append(torn)  # while its recorder lives, a line without its newline is being written
        self._tell()

    def _lines(self, file: BinaryIO) -> Finding | None:
        offset, torn = 0, None
        for number, line in enumerate(file, start=1):
            if offset + len(line) > self.size:
                break  # it was appended meanwhile
            if line != b"\n":
                torn = self._line(number, offset, line) or torn
            offset += len(line)
        return torn

    def _line(self, number: int, offset: int, line: bytes) -> Finding | None:
        """Take a line; what is said of it if it is the journal's last and unfinished."""
        try:
            self._take(record_of(line.removesuffix(b"\n")))
        except NewerRecordError:
            envelope = msgspec.json.decode(line, type=_Envelope)
            self._newer[envelope.v] += 1
            self._numbers.setdefault(envelope.journal, Numbers()).add(envelope.seq)
        except ValueError as error:
            saved = 0
            for piece in salvage(line):
                try:
                    self._take(record_of(piece))
                    saved += 1
                except ValueError:
                    continue
            more = f"; {text.plural(saved, 'whole record')} in it can be read" if saved else ""
            if not line.endswith(b"\n"):
                told = (
                    f"the last {text.count(len(line))} bytes, from byte {text.count(offset)} on, are a record that was torn off"
                )
                return found("torn-tail", self.path, told + more, line=number, size=len(line))
            self._damaged += 1
            told = f"a record of {text.count(len(line))} bytes at byte {text.count(offset)} is damaged ({error}){more}"
            self.findings.append(found("damaged-record", self.path, told, line=number, size=len(line)))
        return None

    def _take(self, record: AnyRecord) -> None:
        self.records += 1
        self._numbers.setdefault(record.journal, Numbers()).add(record.seq)
        match record:
            case Open():
                self.opened.setdefault(record.run, record)
            case Imported():
                self.imported.append(record)
            case Tick():
                self._mentioned.update(record.runs)
                if record.wall_s is not None:
                    self.last_wall_s = max(self.last_wall_s or 0.0, record.wall_s)
                for run in record.runs:
                    self.ends_s[run] = max(record.t_s, self.ends_s.get(run, record.t_s))
                self._watch.tick(record)
            case Held():
                self._mentioned.update(record.runs)
            case Close():
                self._mentioned.add(record.run)
                self.ends_s[record.run] = max(record.t_s, self.ends_s.get(record.run, record.t_s))
            case _:
                self._mentioned.add(record.run)

    def _tell(self) -> None:
        for journal, numbers in self._numbers.items():
            gaps = numbers.missing()
            lost = sum(last - first + 1 for first, last in gaps)
            if lost > self._damaged:  # what is damaged is missing, and said
                shown = named([f"{first}" if first == last else f"{first}-{last}" for first, last in gaps])
                told = f"{text.plural(lost, 'record')} of {text.clean(journal)} never came: {shown}"
                self.findings.append(found("sequence-gap", self.path, told))
            if numbers.twice:
                told = f"{text.plural(numbers.twice, 'record')} stand in it twice; each counts once"
                self.findings.append(found("copied", self.path, told))
        if self._newer:
            shown = ", ".join(f"{count} of version {version}" for version, count in sorted(self._newer.items()))
            told = f"it holds records of a newer version of footprint, which do not count here: {shown}"
            self.findings.append(found("newer-records", self.path, told))
        for run in sorted(self._mentioned - self.opened.keys()):
            told = f"the beginning of run {text.clean(run)} is lost, and with it what its other records mean"
            self.findings.append(found("beginning-lost", self.path, told, run=run))
        names = [name for name in self._numbers if name != self.path.stem]
        if names and self.records:
            told = f"it holds records of {named([text.clean(name) for name in names])}, not only those of its name"
            self.findings.append(found("wrong-name", self.path, told))
        self.findings += self._watch.findings(self.path, list(self.opened.values()))
