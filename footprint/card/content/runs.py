"""What recorded runs say: restarts, ranks and sweeps as one account, failed runs included and named; use apart from training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from footprint import text
from footprint.card.content import wording
from footprint.card.content.explain import INSIDE, explain_footprint, how_to_give
from footprint.card.content.known import CardContent, carbon_text, circumstances, front_matter, known_fields
from footprint.card.content.use import Uses, explain_use
from footprint.card.parts.block import SUBJECTS, Subject
from footprint.errors import ConfigError
from footprint.model import FIELD_NAMES, TRAINING_KINDS, FieldName, Footprint, Run

if TYPE_CHECKING:
    from footprint.derive import Account

_SUBJECTS: Final[dict[str, Subject]] = {"inference": "inference", "evaluation": "evaluation"}
_NAMED: Final = 5
_ENDS: Final = {
    "failed": "failed",
    "interrupted": "was interrupted",
    "running": "was still running when this was written",
}


def content_from_account(runs: Iterable[Run], account: Account | None = None, *, others: Sequence[Run] = ()) -> CardContent:
    """What some runs say together, each joule once.

    Runs that made the model are what the fields and the front matter are for. Runs that used or evaluated it are told in a block
    of their own each. A run that is nested in another one of them belongs to what that one is about: its energy is part of it.

    Args:
        runs: the account's runs, failed ones included.
        account: these runs, and others if need be, with their draws.
        others: further runs that belong to the same accounts, and are not counted: the card says so.

    Raises:
        ConfigError: if there is none.
        KeyError: if a run is not in the account.
    """
    by_id = {run.id: run for run in runs}
    if account is None:
        from footprint.derive import Account

        account = Account(by_id.values())
    by_subject: dict[Subject, list[Run]] = {}
    for run in by_id.values():
        by_subject.setdefault(_subject(run, by_id), []).append(run)
    apart = _apart(by_id, others)
    contents = [
        _of_subject(account, by_subject[subject], apart.get(subject, ())) for subject in SUBJECTS if subject in by_subject
    ]
    if not contents:
        raise ConfigError("there is no run to fill the card with")
    return msgspec.structs.replace(contents[0], beside=tuple(contents[1:]))


def content_from_run(
    runs: Run | Sequence[Run],
    footprint: Footprint,
    *,
    complete: bool = True,
    each: Mapping[str, Footprint] | None = None,
    uses: Uses | None = None,
    others: Sequence[Run] = (),
) -> CardContent:
    """What an account says: one run, or several that belong together and are about one subject.

    Args:
        runs: the account's runs, failed ones included.
        footprint: theirs together, each joule once.
        complete: whether it covers all of them; a total of some is not written as the account's.
        each: the footprint of each run as it counts in theirs together, by id.
        uses: what the runs counted of their work, see `use`.
        others: further runs of the same accounts and on the same subject, which are not counted.
    """
    chosen = [runs] if isinstance(runs, Run) else list(runs)
    if not chosen:
        raise ConfigError("there is no run to fill the card with")
    by_id = {run.id: run for run in chosen}
    about = _subject(next((run for run in chosen if run.parent not in by_id), chosen[0]), by_id)
    lasted = any(run.duration_s > 0 for run in chosen)
    if not lasted:
        # No time, no reading: a zero would say that nothing was used.
        footprint = _without_quantities(footprint)
    places = (footprint.place,) if footprint.place is not None else wording.run_places(chosen)
    known: dict[FieldName, str | None] = {
        "hardware_type": wording.run_hardware(chosen),
        "hours_used": wording.hours(*wording.run_hours(chosen)) if lasted else None,
        "cloud_provider": wording.each(places, lambda one: wording.provider(one.provider) if one.provider else None),
        "compute_region": wording.each(places, lambda one: wording.region(None, None, one)),
        "carbon_emitted": carbon_text(footprint) if complete else None,
    }
    fields = known_fields(known)
    declared = sum(run.declared is not None for run in chosen)
    how = (
        wording.how(footprint, chosen)
        if footprint.energy_kwh is not None
        else "declared"
        if declared == len(chosen)
        else "recorded"
    )
    lines = [f"{how[0].upper()}{how[1:]}: {wording.account(chosen)}.", *_not_completed(chosen, each or {}), *_not_counted(others)]
    lines += [f"{declared} of them were not measured: worked out from declared facts."] if 0 < declared < len(chosen) else []
    lines += [] if lasted else ["Nothing was read before this ended, so nothing is said of its hours, energy and emissions."]
    if about != "training":
        lines += circumstances(fields)
    lines += explain_use(chosen, footprint if complete else None, uses if lasted else None, about)
    lines += explain_footprint(footprint, partly=None if complete else _covered(chosen, each or {}))
    if None in places and len(places) > 1:
        lines.append("Where some of the runs took place is not known, so the account has no place.")
    # What is nested in a run is told by what that one is.
    kinds = {run.kind for run in chosen if run.parent not in by_id}
    if about == "training" and not kinds <= set(TRAINING_KINDS):
        lines.append(f"Kind of work: {', '.join(sorted(kinds))}; the front matter's emissions are for training only.")
    if lasted:
        lines += how_to_give([name for name in FIELD_NAMES if name not in fields], footprint.unknown)
    source = f"{wording.how(footprint, chosen)} with footprint (see the model card)"
    making = about == "training"
    stated = footprint.emissions_g if complete and making else None
    return CardContent(
        about=about,
        fields=fields if making else {},
        metadata=front_matter(kinds, stated, source, fields),
        grams=text.plain(stated.central) if stated is not None else "",
        lines=tuple(lines),
        runs=tuple(run.id for run in chosen),
        factors_version=footprint.factors_version,
    )


def _apart(chosen: Mapping[str, Run], others: Sequence[Run]) -> dict[Subject, list[Run]]:
    """The runs that are not counted, by their subjects, without those that contain chosen ones, or are contained in them."""
    by_id = {run.id: run for run in others} | dict(chosen)
    around = {run.id for one in chosen.values() for run in _around(one, by_id)}
    found: dict[Subject, list[Run]] = {}
    for run in others:
        within = {one.id for one in _around(run, by_id)}
        if run.id not in around and not within & chosen.keys():
            found.setdefault(_subject(run, by_id), []).append(run)
    return found


def _of_subject(account: Account, runs: Sequence[Run], others: Sequence[Run]) -> CardContent:
    """What the runs on one subject say."""
    ids = [run.id for run in runs]
    uses = Uses.of(runs, account.total)
    if len(runs) == 1:
        # A run's own footprint also says how well each part of the machine was read.
        return content_from_run(runs, account.footprint(ids[0]), uses=uses, others=others)
    total = account.total(ids)
    complete = total.with_energy == total.runs and total.with_emissions in {0, total.runs}
    return content_from_run(runs, total.footprint, complete=complete, each=account.counted(ids), uses=uses, others=others)


def _subject(run: Run, among: Mapping[str, Run]) -> Subject:
    """What a run is about: what the outermost of the runs that contain it is."""
    for outer in _around(run, among):
        run = outer
    return _SUBJECTS.get(run.kind, "training")


def _around(run: Run, among: Mapping[str, Run]) -> Iterator[Run]:
    """The runs that contain a run, from the inside out."""
    seen = {run.id}
    while run.parent is not None and run.parent in among and run.parent not in seen:
        run = among[run.parent]
        seen.add(run.id)
        yield run


def _not_counted(others: Sequence[Run]) -> list[str]:
    """That the card states a part of an account, and which runs it leaves out."""
    lines = []
    for account in dict.fromkeys(run.account for run in others):
        more = [run for run in others if run.account == account]
        lines.append(f"Not counted here, though recorded as part of {text.clean(account, limit=60)}: {wording.account(more)}.")
    return lines


def _not_completed(runs: Sequence[Run], each: Mapping[str, Footprint]) -> list[str]:
    """The runs that did not complete: what they took counts, too, and who reads it can see which they are."""
    failed = sorted((run for run in runs if run.outcome in _ENDS), key=lambda run: run.started_at)
    if not failed or len(runs) == 1:
        return [f"The run {_ENDS[run.outcome]}." for run in failed]
    lines = ["Counted with the others, though they did not complete:"]
    for run in failed[:_NAMED]:
        found = each.get(run.id)
        took = [text.duration(run.duration_s)]
        if found is not None and found.energy_kwh is not None:
            took.append(text.energy(found.energy_kwh.central))
        if found is not None and found.emissions_g is not None:
            took.append(f"{text.mass(found.emissions_g.central)} CO2eq")
        began = run.started_at[:16].replace("T", " ")
        name = f"{text.clean(run.name, limit=60)} ({text.clean(run.id, limit=40)})"
        lines.append(f"{INSIDE}{name}, started {began} UTC, {_ENDS[run.outcome]}: {', '.join(took)}")
    if len(failed) > _NAMED:
        lines.append(f"{INSIDE}and {len(failed) - _NAMED} more")
    return lines


def _without_quantities(footprint: Footprint) -> Footprint:
    """What is left of a footprint of which no quantity is known: its place."""
    return Footprint(
        scope=footprint.scope,
        basis=None,
        accelerator_energy_kwh=None,
        it_energy_kwh=None,
        energy_kwh=None,
        emissions_g=None,
        place=footprint.place,
        factors_version=footprint.factors_version,
    )


def _covered(runs: Sequence[Run], each: Mapping[str, Footprint]) -> str:
    """Of how many runs something is known, where it is not all of them."""
    if not each:
        return "they are known of some of the runs only"
    whole = text.plural(len(runs), "run")
    energy = sum(1 for run in runs if (one := each.get(run.id)) is not None and one.energy_kwh is not None)
    emissions = sum(1 for run in runs if (one := each.get(run.id)) is not None and one.emissions_g is not None)
    known = "each" if energy == len(runs) else energy or "none"
    return f"energy is known of {known} of the {whole}, emissions of {emissions or 'none'}"
