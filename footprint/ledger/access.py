"""Who may read a ledger, and who may write it: a folder by its modes, a database by its grants."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines.postgres import Address, is_address
from footprint.ledger.engines.postgres_schema import version_of
from footprint.ledger.home import home
from footprint.text import clean

_ACL: Final = "system.posix_acl_access"
_ROLES: Final = """
SELECT r.rolname, r.rolcanlogin, r.rolsuper, pg_has_role(r.oid, n.nspowner, 'USAGE') AS owns,
    has_schema_privilege(r.oid, n.oid, 'USAGE')
        AND (has_table_privilege(r.oid, 'footprint.runs', 'SELECT') OR has_table_privilege(r.oid, 'footprint.samples', 'SELECT')),
    has_schema_privilege(r.oid, n.oid, 'USAGE') AND (has_table_privilege(r.oid, 'footprint.runs', 'INSERT, UPDATE, DELETE')
        OR has_table_privilege(r.oid, 'footprint.samples', 'INSERT, UPDATE, DELETE'))
FROM pg_roles r CROSS JOIN pg_namespace n
WHERE n.nspname = 'footprint' AND r.rolname !~ '^pg_' ORDER BY r.rolname COLLATE "C"
"""
_CONNECTION: Final = "SELECT current_user, coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, or some people, by what they may do.

    Attributes:
        name: the user's, the group's or the role's; `others` are all users of the machine.
        kind: owner, group or others of a folder; role of a database.
        why: by what they may, in a word: mode, owner, superuser, grant.
        logs_in: whether a role may connect by itself; null of a folder.
    """

    name: str
    kind: str
    reads: bool
    writes: bool
    why: str
    logs_in: bool | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may read and write a ledger. The machine's administrators may always.

    Attributes:
        mode: of its folder, octal; null of a database.
        open_files: how many of its files and folders more can read than their owner; null of a database.
        foreign_files: how many belong to somebody else than the folder does; null of a database.
        is_encrypted: whether the connection to a database is; null of a folder.
    """

    where: str
    kind: str
    parties: tuple[Party, ...]
    mode: str | None = None
    open_files: int | None = None
    foreign_files: int | None = None
    is_encrypted: bool | None = None
    notes: tuple[str, ...] = ()


def access(where: str | None = None) -> Access:
    """Who may read and write a ledger.

    Args:
        where: a folder or `postgresql://…`; None for the user's own.

    Raises:
        ConfigError: if it is another kind of ledger, of which only the store knows who may.
        LedgerError: if there is no ledger, or it cannot be looked at.
    """
    if where is not None and is_address(where):
        return _of_database(where)
    if where is not None and "://" in where:
        raise ConfigError(
            "who may read a store or a cluster only its own administration tells; ask of a folder or postgresql://…"
        )
    return _of_folder(home() if where is None else Path(where))


def _of_folder(folder: Path) -> Access:
    try:
        about = folder.stat()
        through = _through(folder)
        found = [one.lstat() for one in _below(folder)]
    except OSError as error:
        raise LedgerError(f"the ledger at {clean(str(folder), limit=200)} cannot be looked at: {error.strerror}") from error
    mode = about.st_mode
    notes = []
    has_acl = any(_has_acl(path) for path in (folder, folder / "runs"))
    if has_acl:
        notes.append("it has an access control list, which may let in more than its mode says: see `getfacl`")
    files = 0  # what any of its files allows
    for one in found:
        files |= one.st_mode if stat.S_ISREG(one.st_mode) else 0
    parties = (
        Party(
            name=_user(about.st_uid), kind="owner", reads=bool(mode & stat.S_IRUSR), writes=bool(mode & stat.S_IWUSR), why="owner"
        ),
        _party(f"group {_group(about.st_gid)}", "group", mode >> 3, files >> 3, is_let_in=through & 0o010 != 0),
        _party("others", "others", mode, files, is_let_in=through & 0o001 != 0),
    )
    open_files = sum(1 for one in found if one.st_mode & 0o044 and not stat.S_ISLNK(one.st_mode))
    foreign = sum(one.st_uid != about.st_uid for one in found)
    if open_files and not any(one.reads for one in parties[1:]):
        notes.append("what is open in it nobody else reaches while the folder stays closed")
    return Access(
        where=str(folder),
        kind="folder",
        parties=parties,
        mode=f"{stat.S_IMODE(mode):04o}",
        open_files=open_files,
        foreign_files=foreign,
        notes=tuple(notes),
    )


def _party(name: str, kind: str, bits: int, files: int, *, is_let_in: bool) -> Party:
    """What a group, or all others, may do in a folder: to get at a file they must get through all folders above, too."""
    enters = is_let_in and bool(bits & 0o1)
    reads, writes = enters and bool((bits | files) & 0o4), enters and bool((bits | files) & 0o2)
    return Party(name=name, kind=kind, reads=reads, writes=writes, why="mode")


def _through(folder: Path) -> int:
    """The bits by which others, and at all members of a group, get through every folder above.

    Of a folder above that belongs to another group nobody knows who is in it: its members are taken to be let in.
    """
    bits = 0o011
    for parent in folder.resolve().parents:
        mode = parent.stat().st_mode
        bits &= mode | (0o010 if mode & 0o001 else 0)
    return bits


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _has_acl(path: Path) -> bool:
    with suppress(OSError, AttributeError):
        return _ACL in os.listxattr(path)
    return False


def _user(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"


def _group(gid: int) -> str:
    try:
        import grp

        return grp.getgrgid(gid).gr_name
    except (ImportError, KeyError):
        return str(gid)


def _of_database(where: str) -> Access:
    address = Address(where)
    with address.connect() as connection, address.errors("cannot be asked"):
        if version_of(connection) == 0:
            raise LedgerError("holds no ledger: `footprint ledger push` makes one there")
        current, is_encrypted = connection.execute(_CONNECTION).fetchone() or ("", False)
        parties = tuple(_role(row) for row in connection.execute(_ROLES))
    closed = tuple(one for one in parties if one.reads or one.writes)
    notes = (f"asked as {clean(str(current))}", *(() if is_encrypted else ("the connection is not encrypted",)))
    return Access(where=address.shown, kind="postgresql", parties=closed, is_encrypted=bool(is_encrypted), notes=notes)


def _role(row: tuple[Any, ...]) -> Party:
    name, logs_in, is_super, owns, reads, writes = row
    why = "superuser" if is_super else "owner" if owns else "grant"
    return Party(name=str(name), kind="role", reads=bool(reads), writes=bool(writes), why=why, logs_in=bool(logs_in))
