"""The files of a ledger: whose they are, who may read them, and what is there that is none of ours."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from footprint import text
from footprint.ledger.home import runs_dir
from footprint.ledger.verify.findings import Finding, found, named

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_GROUP: Final = re.compile(r"[0-9a-f]{2}")
_OURS: Final = (_DAY, _GROUP)


class Files:
    """What lies in a ledger's folders.

    Attributes:
        journals: the journals by name, each with all of its copies.
        findings: what is odd about the files.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.journals: dict[str, list[Path]] = {}
        self.findings: list[Finding] = []
        self._owners: dict[int, list[str]] = {}
        self._open: dict[int, list[str]] = {}
        self._foreign: list[str] = []

    def look(self) -> None:
        """Look at every name below the ledger's folder; links are not followed."""
        self._mode(self.home, self.home.stat())
        for name, path, found_ in self._entries(self.home):
            if stat.S_ISDIR(found_.st_mode) and path != runs_dir(self.home):
                self._below(path)
            elif name.startswith("."):
                continue
        runs = runs_dir(self.home)
        if runs.is_dir():
            self._runs(runs, 0)
        self._tell()

    def _entries(self, folder: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names only
        except OSError as error:
            self.findings.append(found("unreadable", folder, f"the folder cannot be listed: {error.strerror}"))
            return
        for name in names:
            path = folder / name
            try:
                found_ = path.lstat()
            except OSError:  # it has gone meanwhile
                continue
            self._mode(path, found_)
            yield name, path, found_

    def _below(self, folder: Path) -> None:
        for _, path, found_ in self._entries(folder):
            if stat.S_ISDIR(found_.st_mode):
                self._below(path)

    def _runs(self, folder: Path, depth: int) -> None:
        for name, path, found_ in self._entries(folder):
            is_folder = stat.S_ISDIR(found_.st_mode) or (stat.S_ISLNK(found_.st_mode) and path.is_dir())
            if depth < len(_OURS):
                if not is_folder or (not _OURS[depth].fullmatch(name) and not self._has_journals(path, depth)):
                    self._foreign.append(str(path.relative_to(self.home)))
                else:
                    self._runs(path, depth + 1)
            elif name.endswith(".jsonl"):
                self.journals.setdefault(name, []).append(path)
            else:
                self._foreign.append(str(path.relative_to(self.home)))

    def _has_journals(self, path: Path, depth: int) -> bool:
        """Whether a folder of another name is read all the same: journals are looked for two folders down."""
        try:
            return next(path.glob("*.jsonl" if depth else "*/*.jsonl"), None) is not None
        except OSError:
            return False

    def _mode(self, path: Path, found_: os.stat_result) -> None:
        shown = "." if path == self.home else str(path.relative_to(self.home))
        ours = os.geteuid() if hasattr(os, "geteuid") else found_.st_uid
        if stat.S_ISLNK(found_.st_mode):
            if found_.st_uid not in {0, ours}:
                told = f"it is a link that belongs to {_user(found_.st_uid)}"
                self.findings.append(found("foreign-link", path, told))
            return
        if found_.st_uid != ours:
            self._owners.setdefault(found_.st_uid, []).append(shown)
        others = found_.st_mode & 0o077
        if others:
            self._open.setdefault(others, []).append(shown)

    def _tell(self) -> None:
        for uid, names in sorted(self._owners.items()):
            told = f"{_count(names)} of it belong to {_user(uid)}: {_named(names)}"
            self.findings.append(found("foreign-owner", self.home, told))
        for mode, names in sorted(self._open.items()):
            told = f"{_who(mode)} {_count(names)}: {_named(names)}"
            self.findings.append(found("open-to-others", self.home, told))
        if self._foreign:
            told = f"{_count(self._foreign)} of no recorder: {_named(self._foreign)}"
            self.findings.append(found("foreign-file", self.home, told))


def _count(names: list[str]) -> str:
    return text.plural(len(names), "file or folder", "files and folders")


def _named(names: list[str]) -> str:
    return named([text.clean(name) for name in names])


def _user(uid: int) -> str:
    try:
        import pwd

        return f"user {text.clean(pwd.getpwuid(uid).pw_name)}"
    except (ImportError, KeyError):
        return f"user {uid}"


def _who(mode: int) -> str:
    """In words who may do what by the last six bits of a mode."""
    told = []
    for who, bits in (("its group", mode >> 3 & 7), ("everybody", mode & 7)):
        may = [word for word, bit in (("read", 4), ("write", 2)) if bits & bit] or (["enter"] if bits else [])
        if may:
            told.append(f"{who} may {' and '.join(may)}")
    return ", ".join(told)
