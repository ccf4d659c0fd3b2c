"""What can be wrong with a ledger: the codes, how grave each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from footprint.model import Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


class Rule(NamedTuple):
    """How grave a finding is, and what to do about it; empty where nothing is to be done."""

    severity: Severity
    fix: str = ""


_COPY: Final = "restore the file from a copy, if there is one; what is whole in it counts all the same"
_PRIVATE: Final = "chmod -R go= on the folder, unless others are meant to read what ran here"

RULES: Final[dict[str, Rule]] = {
    # What was written is not there any more.
    "unreadable": Rule("error", "have it read by whom it belongs to, or take it out of the ledger"),
    "damaged-record": Rule("error", _COPY),
    "beginning-lost": Rule("error", _COPY),
    "sequence-gap": Rule("warning", "a full disk loses records as it is written to: see the run's warnings"),
    "torn-tail": Rule("warning", "nothing: a recorder or its machine was stopped in mid-write, and lost that record alone"),
    "newer-records": Rule("warning", "upgrade footprint to read them; they are kept as they are"),
    # What was read does not add up.
    "joules-differ": Rule("error", "compare with a copy, or delete the run"),
    "impossible-power": Rule("error", "see whether the device's counter or driver is at fault; `footprint doctor` looks at it"),
    "impossible-facts": Rule("error", "compare with a copy, or delete the run"),
    "counter-fell": Rule("info", "nothing: a driver was reloaded or the machine restarted, and the stretch counts as a gap"),
    "run-twice": Rule("warning", "delete one of them; one counts"),
    # Archives.
    "batch-damaged": Rule("error", _COPY),
    "batch-newer": Rule("warning", "upgrade footprint to read it"),
    "batch-unfinished": Rule("info", "nothing: `footprint runs compact` was stopped, and will take it away"),
    "replaced-not-deleted": Rule("info", "nothing: a batch holds it, and `footprint runs compact` will delete it"),
    "grown-after-archive": Rule("error", "move the file elsewhere and import it: what was added to it is in no batch"),
    # Machines and clocks.
    "two-hosts-one-name": Rule("warning", "give each machine a name of its own: a CPU is told from another by its host's name"),
    "host-changed": Rule("info", "nothing, if the machine was given other parts; else see that no two have one name"),
    "device-on-two-hosts": Rule("warning", "see whether their clocks agree, or one was copied from the other"),
    "in-future": Rule("warning", "set the machine's clock; the runs' lengths and joules do not depend on it, their dates do"),
    "clock-ahead": Rule(
        "warning", "set the clock of the machine, or the file server's: the records are dated by one that is ahead"
    ),
    "clock-behind": Rule("info", "nothing, if the files were copied; else set the machine's clock"),
    "clock-set": Rule("info", "nothing: runs are laid side by side by the clock that nobody can set"),
    # Whose files these are, and what else is there.
    "foreign-owner": Rule("warning", "see that whoever owns it may write to this ledger"),
    "foreign-link": Rule("warning", "replace it by a folder: a link is followed to where its owner says"),
    "open-to-others": Rule("warning", _PRIVATE),
    "foreign-file": Rule("info", "nothing: it is not read"),
    "wrong-name": Rule("info", "nothing: its records say themselves whose they are"),
    "copied": Rule("info", "delete the shorter copy; it counts once"),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a reader of the ledger should know.

    `path` is what it is about, `line` its line where there is one, `run` the run; `bytes` is how much of the file it concerns.
    """

    code: str
    severity: Severity
    path: str
    message: str
    line: int | None = None
    run: str | None = None
    bytes: int | None = None
    fix: str | None = None


def found(
    code: str, path: Path | str, message: str, *, line: int | None = None, run: str | None = None, size: int | None = None
) -> Finding:
    """A finding by its code."""
    rule = RULES[code]
    return Finding(
        code=code,
        severity=rule.severity,
        path=str(path),
        message=message,
        line=line,
        run=run,
        bytes=size,
        fix=rule.fix or None,
    )


def named(names: Sequence[str], most: int = 4) -> str:
    """The first of some names, and that there are more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
