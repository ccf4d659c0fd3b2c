"""All of a ledger, verified."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path

import msgspec

from footprint import text
from footprint.errors import LedgerError
from footprint.ledger.home import home as default_home
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.verify import joules, machines
from footprint.ledger.verify.archives import of_archive
from footprint.ledger.verify.files import Files
from footprint.ledger.verify.findings import SEVERITIES, Finding, found, named
from footprint.ledger.verify.lines import Audit
from footprint.model import Run


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger was found to be: how much of it there is, and what is wrong, gravest first."""

    home: str
    journals: int
    batches: int
    records: int
    runs: int
    findings: tuple[Finding, ...] = ()


def verify(home: Path | None = None, *, progress: Progress = untold) -> Verification:
    """Look at every byte of a ledger, by default the user's. Nothing is changed.

    Args:
        home: the ledger.
        progress: is told how far it is; what it raises ends it.

    Raises:
        LedgerError: if its folder cannot be read.
    """
    root = home or default_home()
    if not os.path.lexists(root):
        return Verification(home=str(root), journals=0, batches=0, records=0, runs=0)
    if not root.is_dir():
        raise LedgerError(f"the ledger cannot be read at {root}: it is no folder")
    files = Files(root)
    try:
        files.look()
    except OSError as error:
        raise LedgerError(f"the ledger cannot be read at {error.filename or root}: {error.strerror}") from error
    archives, told, runs = of_archive(root, files.journals, progress)
    told = [*files.findings, *told]
    where = {run.id: [f"batch of {run.journal_id}"] for run in runs}
    clocks = _Clocks()
    records = journals = 0
    for place, (name, paths) in enumerate(sorted(files.journals.items())):
        progress("verifying journals", place, len(files.journals))
        if name.removesuffix(".jsonl") in archives.journals:
            continue
        path = max(paths, key=lambda one: one.lstat().st_size)
        if len(paths) > 1:
            told.append(found("copied", path, f"{len(paths)} copies of it are there: {named([str(one) for one in paths])}"))
        audit, own = Audit(path), list[Run]()
        audit.read()
        told += audit.findings
        told += joules.of_journal(path, own) if audit.records else []
        for run in own:
            where.setdefault(run.id, []).append(name)
        clocks.add(audit)
        runs += own
        records += audit.records
        journals += 1
    twice = {run: places for run, places in where.items() if len(places) > 1}
    for run_id, places in sorted(twice.items()):
        message = f"run {text.clean(run_id)} stands in {len(places)} journals: {named([text.clean(one) for one in places])}"
        told.append(found("run-twice", root, message, run=run_id))
    told += clocks.findings(root)
    told += machines.of_runs(str(root), list({run.id: run for run in runs}.values()), time.time())
    told.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code, finding.path, finding.line or 0))
    return Verification(
        home=str(root),
        journals=journals,
        batches=len(archives.batches),
        records=records,
        runs=len(where),
        findings=tuple(told),
    )


class _Clocks:
    """The clock that dates the files beside those that date the records in them."""

    def __init__(self) -> None:
        self._ahead: dict[str, list[tuple[float, Path]]] = defaultdict(list)
        self._behind: dict[str, list[tuple[float, Path]]] = defaultdict(list)

    def add(self, audit: Audit) -> None:
        """Take a journal: it was written to last when its last record says, give or take an hour."""
        if audit.last_wall_s is None or not audit.opened:
            return
        try:
            written_s = audit.path.lstat().st_mtime
        except OSError:
            return
        host = next(iter(audit.opened.values())).host.name
        apart_s = audit.last_wall_s - written_s
        if apart_s > machines.APART_S:
            self._ahead[host].append((apart_s, audit.path))
        elif apart_s < -machines.APART_S:
            self._behind[host].append((-apart_s, audit.path))

    def findings(self, root: Path) -> list[Finding]:
        """What they say, host by host."""
        told = []
        for code, hosts, word in (("clock-ahead", self._ahead, "before"), ("clock-behind", self._behind, "after")):
            for host, own in sorted(hosts.items()):
                most_s, path = max(own)
                count = text.plural(len(own), "journal")
                what = f"{count} of {text.clean(host)}: {named([one.name for _, one in own])}"
                when = (
                    f"last written up to {text.duration(most_s)} {word} the time of the last record, by the file system's clock"
                )
                message = f"{what}, {when}"
                told.append(found(code, path if len(own) == 1 else root, message))
        return told
