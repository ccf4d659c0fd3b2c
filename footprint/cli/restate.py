"""`footprint restate`: recorded runs with an older and a newer edition of the factors, side by side, and why they differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.choosing import period_of
from footprint.cli.printing import say_json, say_lines
from footprint.errors import CardError, ConfigError, unknown_choice
from footprint.model import Factor, Range, Run
from footprint.report.words import LITRES

if TYPE_CHECKING:
    from footprint.derive.restating import Reason, Restatement

ALL: Final = "all"
_EVERY_RUN: Final = "none"
# A quantity's name in a table, and its units.
_SHOWN: Final[dict[str, tuple[str, text.Units]]] = {
    "energy_kwh": ("energy", text.ENERGY),
    "emissions_g": ("emissions", text.MASS),
    "emissions_market_g": ("market", text.MASS),
    "embodied_g": ("embodied", text.MASS),
    "water_l": ("water", LITRES),
}
_TOLD: Final = ("it_energy_kwh", *_SHOWN)
_UNCHANGED: Final = 1e-9


def restate(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs' ids, beginnings of ids, or files; `all` is every run.")
    ] = None,
    *,
    since: options.Since = None,
    until: options.Until = None,
    card: Annotated[Path | None, typer.Option(help="A card: its runs, from the edition that it was filled with.")] = None,
    factors: Annotated[str | None, typer.Option(help="The edition to restate to. Default: the newest.")] = None,
    older: Annotated[
        str | None, typer.Option("--from", help="The edition to restate from. Default: the card's, else the one before.")
    ] = None,
    attribution: options.Policy = "share",
    json: options.Json = False,
) -> None:
    """Show what runs come to with an older and a newer edition of the factors, and which factors make the difference."""
    policy = options.attribution_of(attribution)
    filled, recorded = _of_card(card) if card is not None else ([], None)
    chosen = _chosen(runs, since, until, filled)
    before, after = editions_of(older or recorded, factors)
    from footprint.derive import restate as derive_restatement
    from footprint.derive import restate_total
    from footprint.derive.restating import METHOD

    found = [(run, derive_restatement(run, before, after, attribution=policy)) for run in chosen]
    total = restate_total(chosen, before, after, attribution=policy) if len(chosen) > 1 else None
    if json:
        said = [{"id": run.id, "name": run.name, **told(one)} for run, one in found]
        whole = {**told(total), "known_of": _known_of(found)} if total else None
        say_json({"from": before, "to": after, "method": METHOD, "runs": said, "total": whole})
        return
    how = f"reasons by {METHOD}" if before != after else "one edition, so nothing differs (--from says another)"
    lines = [f"from {before} to {after}: {text.plural(len(found), 'run')}; {how}"]
    for run, one in found:
        lines += ["", f"{text.clean(run.id)}  {text.clean(run.name)}", *_lines(one)]
    if total is not None:
        lines += ["", "together (each joule once)", *_lines(total, _known_of(found), len(found))]
    say_lines(lines)


def editions_of(older: str | None, newer: str | None) -> tuple[str, str]:
    """The two editions that are compared: stated, else the newest and the one before it.

    Raises:
        ConfigError: for an edition that there is not, or if there is no earlier one.
    """
    from footprint.reference import EDITIONS

    for stated in (older, newer):
        if stated is not None and stated not in EDITIONS:
            raise unknown_choice("factors", stated, EDITIONS)
    after = newer or EDITIONS[-1]
    at = EDITIONS.index(after)
    if older is None and at == 0:
        raise ConfigError(f"there is no edition of the factors before {after}: give --from, one of {', '.join(EDITIONS)}")
    return older or EDITIONS[at - 1], after


def told(one: Restatement) -> dict[str, Any]:
    """A restatement as `restate --json` prints it."""
    return {
        "old": {name: getattr(one.old, name) for name in _TOLD},
        "new": {name: getattr(one.new, name) for name in _TOLD},
        "ratios": one.ratios,
        "newly_known": one.newly_known,
        "no_longer_known": one.no_longer_known,
        "reasons": one.reasons,
        "stated": [factor.id for factor in one.stated],
    }


def _of_card(path: Path) -> tuple[list[str], str | None]:
    """The runs that a card was filled from, and the edition that it was filled with."""
    from footprint.card import named, read_card

    try:
        block = read_card(path).block
    except CardError as error:
        raise CardError(named(path, error)) from None
    if block is None:
        raise ConfigError(f"{path}: the card holds no block of ours, so it says no runs and no edition: fill it first")
    ids = [one for one in block.header.get("runs", _EVERY_RUN).split(",") if one != _EVERY_RUN]
    if not ids:
        raise ConfigError(
            f"{path}: the card was filled from declared facts: `footprint card fill --restate` with the same facts restates it"
        )
    more = [one for one in ids if one.startswith("and-") and one.endswith("-more")]
    if more:
        raise ConfigError(
            f"{path}: the card names only some of its runs ({text.clean(more[0].replace('-', ' '))}): give their ids here"
        )
    return ids, block.header.get("factors")


def _chosen(named: Sequence[str] | None, since: str | None, until: str | None, filled: Sequence[str]) -> list[Run]:
    """The runs that are restated, each once, the oldest first."""
    from footprint.ledger import find_run, home, read_runs
    from footprint.report.periods import told as in_figures
    from footprint.report.selection import choose

    period = period_of(since, until)
    refs = list(named or filled)
    if refs and ALL not in refs:
        found = list({run.id: run for run in map(find_run, refs)}.values())
    else:
        reading = read_runs()
        for problem in reading.problems:
            print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
        found = list(reading.runs)
        if not found:
            raise ConfigError(f"no runs are recorded in {home()}: `footprint run -- COMMAND` records one")
    found = list(choose(found, since=period.begin, until=period.end))
    if not found:
        raise ConfigError(f"none of the runs started in that period: {in_figures(period)}")
    return sorted(found, key=lambda run: run.started_at)


def _known_of(found: Sequence[tuple[Run, Restatement]]) -> dict[str, dict[str, int]]:
    """By quantity, of how many runs the older and the newer edition know it: a sum is of these alone."""
    return {
        name: {side: sum(getattr(getattr(one, side), name) is not None for _, one in found) for side in ("old", "new")}
        for name in _TOLD
    }


def _of_some(known: dict[str, int], runs: int) -> str:
    """A remark where a sum is not of all runs, or that of one edition of more runs than that of the other."""
    old, new = known["old"], known["new"]
    if old == new:
        return f"   of {new} of {runs} runs" if 0 < new < runs else ""
    return f"   of {old} of {runs} runs, and of {new} now"


def _lines(one: Restatement, known_of: dict[str, dict[str, int]] | None = None, runs: int = 1) -> list[str]:
    """A restatement for a terminal: old and new numbers, why they differ, and what stays."""
    lines = []
    for name, (label, units) in _SHOWN.items():
        old, new = getattr(one.old, name), getattr(one.new, name)
        if old is None and new is None and name not in {"energy_kwh", "emissions_g"}:
            continue
        ratio = one.ratios.get(name)
        after = "" if ratio is None else f"   × {_ratio(ratio)}" if abs(ratio - 1) > _UNCHANGED else _same(old, new)
        after += _of_some(known_of[name], runs) if known_of else ""
        lines.append(f"  {label:10} {_amount(old, units)} -> {_amount(new, units)}{after}")
    for reason in one.reasons:
        lines += [f"  {line}" for line in _reason(reason, one)]
    if not one.reasons:
        lines.append("  because    nothing that the run needs changed")
    stays = [f"{factor.id.split('.stated')[0]} {text.number(factor.central, 6)} {factor.unit}" for factor in one.stated]
    if stays:
        lines.append(f"  stays      {', '.join(map(text.clean, stays))}: stated, and no edition changes it")
    return lines


def _same(old: Range | None, new: Range | None) -> str:
    return "   the same" if old == new else "   the same middle, another range"


def _reason(reason: Reason, whole: Restatement) -> Iterator[str]:
    """What one replacement did, and the factors that it changed."""
    effects = []
    for name, (label, units) in _SHOWN.items():
        ratio = reason.ratios.get(name)
        if ratio is None or abs(ratio - 1) <= _UNCHANGED:
            continue
        difference = reason.differences[name]
        share = reason.shares_ratio.get(name)
        part = f", {text.number(share * 100)} % of the difference" if share is not None and len(whole.reasons) > 1 else ""
        sign = "+" if difference > 0 else "−"
        effects.append(f"{label} × {_ratio(ratio)} ({sign}{text.quantity(abs(difference), units)}{part})")
    effects += [f"{_SHOWN[name][0]} is now known" for name in reason.newly_known if name in _SHOWN]
    effects += [f"{_SHOWN[name][0]} is no longer known" for name in reason.no_longer_known if name in _SHOWN]
    same = all(one.old and one.new and _figures(one.old) == _figures(one.new) for one in reason.changes)
    said = "; ".join(effects) or ("no number, only its source" if same else "the range alone")
    yield f"because    {text.clean(reason.what)}: {said}"
    for change in reason.changes:
        if change.old is None and change.new is not None:
            yield f"             now   {_factor(change.new)}"
        elif change.new is None and change.old is not None:
            yield f"             no longer   {_factor(change.old)}"
        elif change.old is not None and change.new is not None:
            yield f"             was   {_factor(change.old)}"
            yield f"             now   {_factor(change.new)}"


def _figures(factor: Factor) -> tuple[float, float, float]:
    return factor.low, factor.central, factor.high


def _factor(factor: Factor) -> str:
    bounds = text.span(factor.low, factor.high)
    year = f", {factor.year}" if factor.year else ""
    said = f"{text.clean(factor.id)}: {text.number(factor.central, 6)} {text.clean(factor.unit, empty='')} ({bounds})"
    return f"{said}, {factor.grade}; {text.clean(factor.source, limit=160)}{year}"


def _amount(value: Range | None, units: text.Units) -> str:
    return "unknown" if value is None else text.quantity_range(value.low, value.central, value.high, units)


def _ratio(ratio: float) -> str:
    return text.number(ratio, 4)
