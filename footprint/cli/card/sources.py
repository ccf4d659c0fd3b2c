"""What a card is filled from: runs, a profile, or declared facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from footprint import text
from footprint.errors import ConfigError
from footprint.model import Place, Run

if TYPE_CHECKING:
    from footprint.card import Card, FromEvidence

# Facts that, declared, describe work by themselves; the others say more of it.
FACTS: Final = ("hardware", "count", "hours", "device_hours", "power_w", "year", "kind", "energy_kwh", "scope")
# Facts of the place, which a run may lack and a person knows.
PLACE: Final = ("region", "zone", "provider", "pue", "intensity")


def check_target(given: Mapping[str, Any]) -> None:
    """Refuse none or two of the ways to say which cards are filled, and options that have no sense on the Hub.

    Args:
        given: the options by their names in Python.
    """
    if bool(given["files"]) == bool(given["hub"]):
        raise ConfigError("name the cards to fill: files, folders or patterns, or models of the Hub with --hub, not both")
    if given["create_pr"] and not given["hub"]:
        raise ConfigError("--create-pr is for cards on the Hub: name a model with --hub")
    apart = ("check", "diff") if given["create_pr"] else ()
    beside = [name for name in ("output", "resume", "jobs", *apart) if given[name]] if given["hub"] else []
    if beside:
        named = ", ".join(f"--{name}" for name in beside)
        raise ConfigError(f"{named} cannot be combined with {'--create-pr' if beside[0] in apart else '--hub'}")


def check_ways(*, run: bool, profile: bool, evidence: bool, facts: dict[str, Any], place: dict[str, Any]) -> None:
    """Refuse none or two of the ways to say what a card is filled with."""
    if not (run or profile or evidence or facts or place):
        raise ConfigError(
            "say what to fill the card with: --run, or --profile, or declared facts such as --hardware, or --from-evidence"
        )
    if evidence and (run or profile):
        way = "--run" if run else "--profile"
        raise ConfigError(f"--from-evidence and {way} cannot be combined: declared facts may stand beside a card's own")
    if run and profile:
        raise ConfigError("--run and --profile cannot be combined: a card is filled with one of them")
    beside = facts if run else facts | place if profile else {}
    if beside:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in beside)
        way = "--run, which has its own facts (all but the place)" if run else "--profile, which has its own facts"
        raise ConfigError(f"{options} cannot be combined with {way}")


def from_runs(refs: list[str], place: dict[str, Any]) -> Any:
    """The account of some runs; a place given now stands for the one that was recorded, for numbers are derived anew.

    A reference is that of one run, or the name of an account: then all of its runs are meant, failed ones included.
    """
    import msgspec

    from footprint.card import content_from_account
    from footprint.place import resolve

    runs = list({found.id: found for ref in refs for found in _runs(ref)}.values())
    others = _others(runs)
    if place:
        named = {name: value for name, value in place.items() if name != "intensity"}
        known = resolve(**named, intensity_g_per_kwh=place.get("intensity"))
        runs = [msgspec.structs.replace(found, place=_joined(found.place, known)) for found in runs]
    content = content_from_account(runs, others=others)
    return msgspec.structs.replace(content, notes=(*content.notes, *_left_out(others)))


def _runs(ref: str) -> list[Run]:
    """The run that is meant, or those of the account that is; an account's whole name goes before the beginning of an id."""
    from footprint.errors import LedgerError
    from footprint.ledger import find_run, read_runs

    try:
        found = [find_run(ref)]
    except LedgerError:
        named = [run for run in read_runs().runs if run.account == ref]
        if not named:
            raise
        return named
    if found[0].id.startswith(ref) and found[0].id != ref:
        found = [run for run in read_runs().runs if run.account == ref] or found
    return found


def _others(runs: list[Run]) -> list[Run]:
    """Recorded runs of the same accounts that were not chosen: what is filled in is a part of these accounts."""
    from footprint.errors import LedgerError
    from footprint.ledger import read_runs

    chosen = {run.id for run in runs}
    accounts = {run.account for run in runs if run.account not in chosen}
    if not accounts:
        return []  # each run is its own account, as most are
    try:
        recorded = read_runs().runs
    except LedgerError:
        return []  # the runs came from files
    return [run for run in recorded if run.account in accounts and run.id not in chosen]


def _left_out(others: list[Run]) -> list[str]:
    """A note for each account of which only some runs were named."""
    notes = []
    for account in dict.fromkeys(run.account for run in others):
        more = [run for run in others if run.account == account]
        ended = sum(run.outcome in {"failed", "interrupted"} for run in more)
        failed = f", {ended} of which did not complete" if ended else ""
        notes.append(
            f"account {text.clean(account)} has {text.plural(len(more), 'more run')}{failed}: to count them, too, "
            f"give --run {text.clean(account)}"
        )
    return notes


def _joined(recorded: Place | None, given: Place | None) -> Place | None:
    """A place given now; what it leaves open (a PUE given alone) is the recorded one's."""
    if recorded is None or given is None or given.zone is not None:
        return given
    import msgspec

    own = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    return msgspec.structs.replace(recorded, **own)


def from_profile(path: Path) -> Any:
    """What a profile says."""
    from footprint.card import content_from_profile
    from footprint.profile import read_profile

    return content_from_profile(read_profile(path))


def from_facts(facts: dict[str, Any]) -> Any:
    """What declared facts say."""
    from footprint.card import content_from_declaration
    from footprint.derive import declared_footprint
    from footprint.model import Declaration

    declaration = Declaration(**_renamed(facts))
    derive: Callable[[Declaration], Any] = declared_footprint
    return content_from_declaration(declaration, derive(declaration))


def from_evidence(card: Card, facts: dict[str, Any]) -> FromEvidence:
    """What a card's own sentences say, with the facts that were declared beside them."""
    from footprint.card import content_from_evidence

    return content_from_evidence(card, _renamed(facts))


def _renamed(facts: dict[str, Any]) -> dict[str, Any]:
    """The options as the fields of a declaration."""
    return {"intensity_g_per_kwh" if name == "intensity" else name: value for name, value in facts.items()}
