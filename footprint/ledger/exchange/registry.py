"""Which formats `footprint runs import` knows: our own, and those of other tools.

An importer says whether a source looks like its own, and reads it whole before anything is written. It is given the source as
it was stated (a path, for some an address) and the facts that the user states beside it (`--set key=value`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from footprint.errors import ConfigError, LedgerError, unknown_choice
from footprint.ledger.exchange.files import is_plain_folder, open_plain
from footprint.model import Run
from footprint.text import clean

if TYPE_CHECKING:
    from footprint.ledger.rows import Rows


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """What a source holds: whole runs, or their rows with every sample; and in `notes` what it did not know, a line each.

    `foreign` runs are another tool's: their places are worded as it words them.
    """

    runs: tuple[Run, ...] = ()
    rows: Rows | None = None
    notes: tuple[str, ...] = ()
    foreign: bool = False


class Importer(NamedTuple):
    """A format: its name for `--from`, what it is in words, how it is recognised, and how it is read.

    `recognises` raises nothing: what it cannot open is not its own. `read` raises LedgerError or ConfigError, in one line with
    the place in the file; `keys` are those that it takes from `--set`.
    """

    name: str
    what: str
    recognises: Callable[[str], bool]
    read: Callable[[str, Mapping[str, str]], Incoming]
    keys: tuple[str, ...] = ()


def importers() -> tuple[Importer, ...]:
    """All formats, our own first."""
    from footprint.ledger.exchange.own import IMPORTERS as OWN
    from footprint.ledger.importers import IMPORTERS as FOREIGN

    return (*OWN, *FOREIGN)


def read_source(source: str, *, form: str | None = None, stated: Mapping[str, str] | None = None) -> tuple[Importer, Incoming]:
    """Read a source by the format that is named, else by the first that knows it.

    Raises:
        LedgerError: if no format knows it, or if it cannot be read.
        ConfigError: for a format, or a stated fact, that there is not.
    """
    if "://" not in source and not is_plain_folder(Path(source)):
        open_plain(Path(source)).close()  # a link, a pipe or nothing at all: no importer is to see it
    known = importers()
    importer = _named(known, form) if form is not None else next((one for one in known if one.recognises(source)), None)
    if importer is None:
        if is_plain_folder(Path(source, "runs")) or is_plain_folder(Path(source, "archive")):
            told = clean(source, limit=200)
            raise LedgerError(
                f"{told} is a ledger's own folder: `FOOTPRINT_HOME={told} footprint runs export` makes what can be imported"
            )
        forms = ", ".join(one.name for one in known)
        raise LedgerError(
            f"{clean(source, limit=200)} is in none of the formats that are known by their looks; --from names it: {forms}"
        )
    for key in stated or {}:
        if not importer.keys:
            raise ConfigError(f"--set {clean(key)}: an import of {importer.name} takes nothing more, its runs say all themselves")
        if key not in importer.keys:
            raise unknown_choice(f"--set key of {importer.name}", key, importer.keys)
    return importer, importer.read(source, stated or {})


def _named(known: Sequence[Importer], form: str) -> Importer:
    for one in known:
        if one.name == form:
            return one
    raise unknown_choice("--from", form, [one.name for one in known])
