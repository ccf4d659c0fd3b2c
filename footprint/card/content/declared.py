"""What declared facts and profiles say: numbers that nobody measured, each with who says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from footprint import text
from footprint.card.content import wording
from footprint.card.content.explain import explain_footprint, explain_sources, how_to_give, names_of
from footprint.card.content.known import CardContent, carbon_text, circumstances, front_matter, known_fields
from footprint.card.parts.block import Subject
from footprint.errors import ConfigError
from footprint.model import FIELD_NAMES, Declaration, FieldName, Footprint, Range
from footprint.profile import Profile, Published, Work

_SUBJECTS: Final[dict[str | None, Subject]] = {"inference": "inference", "evaluation": "evaluation"}


class StatedFigure(NamedTuple):
    """Emissions as somebody else states them: what the field says, g, and what the front matter says of where they come from."""

    text: str
    emissions_g: float
    source: str


def content_from_declaration(declaration: Declaration, footprint: Footprint) -> CardContent:
    """What declared facts say."""
    return declared_content(Work(declaration=declaration), footprint, lines=["Not measured: worked out from stated facts."])


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
    return declared_content(work, footprint_of(work.declaration), published=published, lines=lines, unpublished=profile.unknown)


def declared_content(
    work: Work,
    footprint: Footprint,
    *,
    lines: Sequence[str],
    published: Published | None = None,
    unpublished: Sequence[str] = (),
    figure: StatedFigure | None = None,
    source: str = "estimated with footprint from declared facts (see the model card)",
) -> CardContent:
    """Fields, front matter and lines of one piece of work that was stated.

    Args:
        work: the stated facts.
        footprint: what they come to.
        lines: what the block begins with: who says so.
        published: what somebody printed, which is then cited in the block.
        figure: the emissions as somebody else states them, which then stand in the card as theirs; the published ones by default.
        unpublished: what nobody has said, in words.
        source: what the front matter says of where our own number comes from.
    """
    facts = work.declaration
    about = _SUBJECTS.get(facts.kind, "training")
    if figure is None and published is not None and published.emissions_g is not None:
        figure = StatedFigure(text=published.text(), emissions_g=published.emissions_g, source=published.citation())
    known = _fields(facts, footprint, figure)
    emissions = footprint.emissions_g
    if figure is not None:
        emissions = Range(low=figure.emissions_g, central=figure.emissions_g, high=figure.emissions_g)
        source = figure.source
    said = list(lines)
    ours = "Emissions" if published is None and figure is None else "Recomputed by us from the stated facts"
    if about != "training":
        said += circumstances(known)
    if published is not None:
        said += published.lines()
    said += [work.note] if work.note else []
    if emissions is not None and facts.kind is None:
        said.append("The kind of work is not stated, so the front matter was left alone: it is for training only.")
    said += [*explain_footprint(footprint, emissions=ours), *explain_sources(work)]
    unknown = [name for name in FIELD_NAMES if name not in known]
    if unpublished:
        # What nobody published cannot be given on the command line either: it is named, and left blank.
        blank = f" Left blank: {names_of(unknown)}." if unknown else ""
        said.append(f"Not publicly known: {'; '.join(unpublished)}.{blank}")
    else:
        said += how_to_give(unknown, footprint.unknown)
    making = about == "training"
    return CardContent(
        about=about,
        fields=known if making else {},
        metadata=front_matter({facts.kind} if facts.kind else set(), emissions, source, known) if making else {},
        grams=text.plain(emissions.central) if making and emissions is not None else "",
        lines=tuple(said),
        factors_version=footprint.factors_version,
    )


def _fields(facts: Declaration, footprint: Footprint, figure: StatedFigure | None) -> dict[FieldName, str]:
    from footprint.derive import device_hours

    place = footprint.place
    provider = facts.provider or (place.provider if place else None)
    known: dict[FieldName, str | None] = {
        "hardware_type": wording.counted(facts.count, facts.hardware) if facts.hardware else None,
        "hours_used": wording.hours(facts.hours, device_hours(facts)),
        "cloud_provider": wording.provider(provider) if provider else None,
        "compute_region": wording.region(facts.region, facts.zone, place),
        "carbon_emitted": figure.text if figure is not None else carbon_text(footprint),
    }
    return known_fields(known)


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
