"""What a fill says: texts for the fields, values for the front matter, and lines for the block, from facts and footprints.

What is not known is left out, and named: the card keeps its placeholder for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from footprint import text
from footprint.card import wording
from footprint.card.block import Subject
from footprint.card.explain import explain_footprint, explain_sources, how_to_give, names_of
from footprint.errors import ConfigError
from footprint.model import FIELD_NAMES, TRAINING_KINDS, Declaration, FieldName, Footprint, Kind, Range, Run
from footprint.profile import Profile, Published, Work

METADATA_KEYS: Final = ("emissions", "source", "training_type", "geographical_location", "hardware_used")


class CardContent(msgspec.Struct, frozen=True, kw_only=True):
    """What is known, ready to be written; what is not known is not in it.

    `metadata` holds texts, `emissions` as a plain decimal of grams; it is empty where the front matter is not ours to write.
    `runs` are the ids for the block's header. `lines` are the block's, one sentence each, of any text: escaping is the block's.
    `about` is what the block is about; fields and metadata are written only where that is training. `beside` is what is known of
    other subjects from the same account, each with a block of its own.
    """

    about: Subject = "training"
    fields: dict[FieldName, str]
    metadata: dict[str, str] = {}
    lines: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    factors_version: str = ""
    beside: tuple[CardContent, ...] = ()

    @property
    def unknown(self) -> tuple[FieldName, ...]:
        """The fields that nothing is known of."""
        return tuple(name for name in FIELD_NAMES if name not in self.fields)


def content_from_run(runs: Run | Sequence[Run], footprint: Footprint, *, complete: bool = True) -> CardContent:
    """What an account says: one run, or several that belong together.

    Args:
        runs: the account's runs, failed ones included.
        footprint: theirs together, each joule once.
        complete: whether it covers all of them; a total of some is not written as the account's.
    """
    chosen = [runs] if isinstance(runs, Run) else list(runs)
    if not chosen:
        raise ConfigError("there is no run to fill the card with")
    hours = wording.hours(*wording.run_hours(chosen))
    places = (footprint.place,) if footprint.place is not None else wording.run_places(chosen)
    known: dict[FieldName, str | None] = {
        "hardware_type": wording.run_hardware(chosen),
        "hours_used": hours,
        "cloud_provider": wording.each(places, lambda one: wording.provider(one.provider) if one.provider else None),
        "compute_region": wording.each(places, lambda one: wording.region(None, None, one)),
        "carbon_emitted": _carbon(footprint) if complete else None,
    }
    fields = _known(known)
    kinds = {run.kind for run in chosen}
    lines = [_runs_line(chosen), *explain_footprint(footprint, complete=complete)]
    if None in places and len(places) > 1:
        lines.append("Where some of the runs took place is not known, so the account has no place.")
    emissions = footprint.emissions_g if complete else None
    source = f"{_how(footprint)} with footprint (see the model card)"
    metadata = _metadata(kinds, emissions, source, fields)
    if not kinds <= set(TRAINING_KINDS):
        lines.append(f"Kind of work: {', '.join(sorted(kinds))}; the front matter's emissions are for training only.")
    return _content(fields, metadata, lines, footprint, runs=tuple(run.id for run in chosen))


def content_from_declaration(declaration: Declaration, footprint: Footprint) -> CardContent:
    """What declared facts say."""
    return _declared(Work(declaration=declaration), footprint, published=None, lines=["Declared, not measured."])


def content_from_profile(profile: Profile, footprint_of: Callable[[Declaration], Footprint] | None = None) -> CardContent:
    """What a profile says; a published figure is cited as such, beside what we compute ourselves.

    Args:
        profile: what is known of a model's compute.
        footprint_of: derives a declaration's footprint; by default `footprint.derive.declared_footprint`.

    Raises:
        ConfigError: for a profile with more than one piece of work: a card has one set of fields.
    """
    if len(profile.work) > 1:
        raise ConfigError(f"the profile of {profile.model.name} has {len(profile.work)} pieces of work; a card's fields take one")
    work = profile.work[0] if profile.work else Work(declaration=Declaration())
    lines = [f"From public sources on {profile.model.name} (a footprint profile); not measured by us."]
    if not work.declaration.training:
        return _untrained(profile, work, lines)
    if footprint_of is None:
        from footprint.derive import declared_footprint

        footprint_of = declared_footprint
    published = profile.published[0] if profile.published else None
    return _declared(work, footprint_of(work.declaration), published=published, lines=lines, unpublished=profile.unknown)


def _untrained(profile: Profile, work: Work, lines: list[str]) -> CardContent:
    """A model that was made without training: neither a zero nor its parent's number."""
    made = f"No training took place{': ' + work.note if work.note else ''}."
    parent = profile.model.base_model
    if parent:
        made += f" What training its parent {parent} took is that model's, and is not counted here."
    unknown = [f"Not publicly known: {'; '.join(profile.unknown)}."] if profile.unknown else []
    # No number, not even a zero: making the model took something, and nobody knows what.
    fields: dict[FieldName, str] = {"carbon_emitted": "not stated: no training took place (see below)"}
    return CardContent(fields=fields, lines=(*lines, made, *explain_sources(work), *unknown))


def _declared(
    work: Work, footprint: Footprint, *, published: Published | None, lines: list[str], unpublished: Sequence[str] = ()
) -> CardContent:
    """Fields, front matter and lines of one piece of work."""
    from footprint.derive import device_hours

    facts = work.declaration
    place = footprint.place
    cited = published is not None and published.emissions_g is not None
    provider = facts.provider or (place.provider if place else None)
    known: dict[FieldName, str | None] = {
        "hardware_type": wording.counted(facts.count, facts.hardware) if facts.hardware else None,
        "hours_used": wording.hours(facts.hours, device_hours(facts)),
        "cloud_provider": wording.provider(provider) if provider else None,
        "compute_region": wording.region(facts.region, facts.zone, place),
        "carbon_emitted": published.text() if published is not None and cited else _carbon(footprint),
    }
    fields = _known(known)
    emissions_g = published.emissions_g if published is not None else None
    emissions = (
        Range(low=emissions_g, central=emissions_g, high=emissions_g) if emissions_g is not None else footprint.emissions_g
    )
    source = (
        published.citation()
        if published is not None and cited
        else "estimated with footprint from declared facts (see the model card)"
    )
    metadata = _metadata({facts.kind} if facts.kind else set(), emissions, source, fields)
    if published is not None:
        lines += published.lines()
        if footprint.emissions_g is not None:
            lines.append(f"Recomputed by us from the stated facts: {_carbon(footprint)}.")
    lines += [work.note] if work.note else []
    if emissions is not None and facts.kind is None:
        lines.append("The kind of work is not stated, so the front matter was left alone: it is for training only (--kind).")
    lines += [*explain_footprint(footprint), *explain_sources(work)]
    if not unpublished:
        return _content(fields, metadata, lines, footprint)
    # What nobody published cannot be given on the command line either: it is named, and left blank.
    unknown = [name for name in FIELD_NAMES if name not in fields]
    blank = f" Left blank: {names_of(unknown)}." if unknown else ""
    lines.append(f"Not publicly known: {'; '.join(unpublished)}.{blank}")
    return CardContent(fields=fields, metadata=metadata, lines=tuple(lines), factors_version=footprint.factors_version)


def _content(
    fields: dict[FieldName, str],
    metadata: dict[str, str],
    lines: Sequence[str],
    footprint: Footprint,
    *,
    runs: tuple[str, ...] = (),
) -> CardContent:
    unknown = how_to_give([name for name in FIELD_NAMES if name not in fields], footprint.unknown)
    return CardContent(
        fields=fields,
        metadata=metadata,
        lines=(*lines, *unknown),
        runs=runs,
        factors_version=footprint.factors_version,
    )


def _known(fields: dict[FieldName, str | None]) -> dict[FieldName, str]:
    """The fields that something is known of, each a clean line."""
    return {name: cleaned for name, value in fields.items() if value and (cleaned := text.clean(value, limit=300, empty=""))}


def _carbon(footprint: Footprint) -> str | None:
    return wording.carbon(footprint.emissions_g, footprint.basis) if footprint.emissions_g is not None else None


def _metadata(kinds: set[Kind], emissions_g: Range | None, source: str, fields: dict[FieldName, str]) -> dict[str, str]:
    """The front matter's values: only for training, and only when the emissions are known."""
    if emissions_g is None or not kinds or not kinds <= set(TRAINING_KINDS):
        return {}
    values = {
        "emissions": text.plain(emissions_g.central),
        "source": source,
        "training_type": kinds.pop() if len(kinds) == 1 else None,
        "geographical_location": fields.get("compute_region"),
        "hardware_used": fields.get("hardware_type"),
    }
    return {name: text.clean(value, limit=300, empty="") for name, value in values.items() if value}


def _how(footprint: Footprint) -> str:
    """Measured only where a sensor said some of the energy; a model of a recorded load is no measurement."""
    sensed = any(
        part.grade in {"counter", "power"} and part.energy_kwh is not None and part.energy_kwh.central > 0
        for part in footprint.breakdown
    )
    return "measured" if sensed else "modelled from a recorded run"


def _runs_line(runs: Sequence[Run]) -> str:
    """Which runs, when, and how they ended."""
    outcomes = ", ".join(
        f"{sum(run.outcome == outcome for run in runs)} {outcome}" for outcome in dict.fromkeys(run.outcome for run in runs)
    )
    days = sorted({run.started_at[:10] for run in runs})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    names = ", ".join(dict.fromkeys(text.clean(run.name) for run in runs[:5]))
    kinds = ", ".join(sorted({run.kind for run in runs}))
    return f"Recorded: {text.plural(len(runs), 'run')} ({outcomes}) of {names}; {kinds}; started {when} (UTC)."
