"""Where the ledger lies on disk, and how its folders are made."""

from __future__ import annotations

import errno
import functools
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from footprint.errors import LedgerError

PRIVATE_DIR: Final = 0o700
PRIVATE_FILE: Final = 0o600
_RELATIVE_KEPT: Final = 64


def home() -> Path:
    """The ledger's folder: `FOOTPRINT_HOME`, or the user's data folder of the platform.

    A relative one is taken from where the program first asked: one that changes its directory keeps its ledger. Nothing is
    created here.

    Raises:
        LedgerError: if neither the environment nor the user's account names a folder.
    """
    stated = os.environ.get("FOOTPRINT_HOME")
    if not stated:
        return _users_data()
    path = Path(os.path.expanduser(stated))  # noqa: PTH111 - Path.expanduser raises where there is no account
    if path.parts[0].startswith("~") and not path.exists():
        raise LedgerError(f"FOOTPRINT_HOME={stated} names no folder: this user has no home directory")
    return _absolute(path)


@functools.lru_cache(_RELATIVE_KEPT)
def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except FileNotFoundError:
        raise LedgerError(f"FOOTPRINT_HOME={path} is relative to a folder that is gone: set it to an absolute path") from None


def _users_data() -> Path:
    """The user's data folder, by the rules of the platform.

    On Linux those of the XDG base directory specification, applied here: what `platformdirs` loads would take the program
    that is measured a megabyte.
    """
    if sys.platform == "linux":
        stated = os.environ.get("XDG_DATA_HOME", "").strip()
        path = Path(stated or os.path.expanduser("~/.local/share")) / "footprint"  # noqa: PTH111 - as above
    else:
        from platformdirs import user_data_dir

        try:
            path = Path(user_data_dir("footprint", appauthor=False))
        except RuntimeError:  # newer versions raise, older ones answer with what is no absolute path
            path = Path()
    if not path.is_absolute():
        raise LedgerError("no home directory is known for this user: set FOOTPRINT_HOME to a folder for the ledger")
    return path


def runs_dir(root: Path) -> Path:
    """The folder of the journals, in a ledger's home."""
    return root / "runs"


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, each 0700 whatever the umask; what exists keeps its mode.

    Raises:
        OSError: if it cannot be made.
    """
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        with suppress(FileExistsError):  # another recorder may have been quicker
            missing.mkdir(PRIVATE_DIR)
            missing.chmod(PRIVATE_DIR)  # mkdir's mode is cut by the umask


def refuse_foreign_links(root: Path, folder: Path) -> None:
    """Refuse to write where another user's link leads: in a shared ledger one might lay it in our way.

    A link of our own, or of root, is a way to keep some of a ledger on another disk; so is any that leads to the ledger itself.

    Raises:
        OSError: if a folder of the ledger above what is to be written is such a link.
    """
    if not hasattr(os, "geteuid"):
        return
    for part in (folder, *folder.parents):
        if part == root:
            return
        try:
            found = part.lstat()
        except FileNotFoundError:  # it is still to be made
            continue
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in {0, os.geteuid()}:
            raise OSError(errno.ELOOP, f"{part} is a link that belongs to another user")


def unwritable(root: Path, error: OSError) -> LedgerError:
    """The one line that says why the ledger cannot be written, and what to do."""
    reason = error.strerror or type(error).__name__
    return LedgerError(f"the ledger cannot be written at {root}: {reason}; set FOOTPRINT_HOME to a writable folder")
