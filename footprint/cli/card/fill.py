"""`footprint card fill`: fill in what is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.card.diffs import diff_of, print_diff
from footprint.cli.card.sources import FACTS, PLACE, check_ways, from_facts, from_profile, from_runs
from footprint.cli.printing import say_json
from footprint.errors import CardError, ConfigError, FootprintError


def fill(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The cards.", show_default=False)],
    *,
    run: Annotated[list[str] | None, typer.Option(help="A run's id or file; repeat for the runs of one account.")] = None,
    profile: Annotated[Path | None, typer.Option(help="A profile (TOML) of what is publicly known.")] = None,
    hardware: Annotated[str | None, typer.Option(help="Declared: accelerator, TPU slice or cloud instance.")] = None,
    count: Annotated[int | None, typer.Option(help="Declared: how many of them.")] = None,
    hours: Annotated[float | None, typer.Option(help="Declared: wall-clock hours.")] = None,
    device_hours: Annotated[float | None, typer.Option(help="Declared: hours summed over devices.")] = None,
    region: Annotated[str | None, typer.Option(help="Declared: a cloud region, e.g. aws:us-east-1.")] = None,
    zone: Annotated[str | None, typer.Option(help="Declared: a grid zone, e.g. FRA, US-VA.")] = None,
    power_w: Annotated[float | None, typer.Option(help="Declared: watts a device; the host is then not added.")] = None,
    pue: Annotated[float | None, typer.Option(help="Declared: the site's power usage effectiveness.")] = None,
    intensity: Annotated[float | None, typer.Option(help="Declared: the grid's intensity, gCO2e/kWh.")] = None,
    provider: Annotated[str | None, typer.Option(help="Declared: who runs the machines.")] = None,
    year: Annotated[int | None, typer.Option(help="Declared: the year of the work.")] = None,
    kind: Annotated[str | None, typer.Option(help="Declared: pre-training, fine-tuning, inference …")] = None,
    energy_kwh: Annotated[float | None, typer.Option(help="Declared: measured energy of the IT equipment, kWh.")] = None,
    scope: Annotated[str | None, typer.Option(help="Declared: server or accelerators.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a card would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the filled card here instead.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a person's values too.")] = False,
    restate: Annotated[bool, typer.Option("--restate", help="Use the newest factors, not those of the last fill.")] = False,
    json: options.Json = False,
) -> None:
    """Fill cards from runs, a profile, or declared facts; a person's values stay, and no other byte changes."""
    given = locals()
    facts = {name: given[name] for name in FACTS if given[name] is not None}
    place = {name: given[name] for name in PLACE if given[name] is not None}
    check_ways(run=bool(run), profile=profile is not None, facts=facts, place=place)
    if output is not None and len(files) > 1:
        raise ConfigError(f"-o names one file, but {len(files)} cards are given")

    def derive() -> Any:
        return from_runs(run, dict(place)) if run else from_profile(profile) if profile else from_facts(facts | place)

    job = _Job(derive, restate=restate, overwrite=overwrite, write=not (check or diff), output=output)
    reports = [job.fill(file) for file in files]
    if diff:
        for report in reports:
            print_diff(report.pop("diff", b""))
    elif json:
        say_json({"cards": [{k: v for k, v in report.items() if k != "diff"} for report in reports]})
    else:
        for report in reports:
            _print(report, written=job.write)
    refused = [report["refused"] for report in reports if report["refused"]]
    if refused:
        raise CardError("; ".join(refused))
    if check and any(report["changed"] for report in reports):
        raise typer.Exit(1)


class _Job:
    """One fill of several cards with the same facts.

    What a card was filled with before is derived again with the factors of that time, so that only facts change it; `restate`
    moves it to the newest.
    """

    def __init__(self, derive: Callable[[], Any], *, restate: bool, overwrite: bool, write: bool, output: Path | None) -> None:
        self.derive = derive
        self.newest = derive()
        self.contents: dict[str, Any] = {}
        self.restate = restate
        self.overwrite = overwrite
        self.write = write
        self.output = output

    def fill(self, file: Path) -> dict[str, Any]:
        """Fill one card; a refusal is reported, so that the others are filled all the same."""
        from footprint.card import fill, named, read_card, write_card, write_new

        try:
            card = read_card(file)
            plan = fill(card, self.content_for(card), overwrite=self.overwrite)
            if self.write and self.output is not None:
                write_new(self.output, plan.after)
            elif self.write and plan.changes:
                write_card(file, plan.before, plan.after)
        except FootprintError as error:
            nothing: dict[str, Any] = {"filled": {}, "withdrawn": [], "kept": [], "unknown": [], "notes": []}
            return {"path": str(file), "changed": False, **nothing, "refused": named(file, error)}
        return {
            "path": str(self.output or file),
            "changed": plan.changes,
            "filled": {change.field: change.after for change in plan.changed if not change.withdrawn},
            "withdrawn": [change.field for change in plan.changed if change.withdrawn],
            "kept": plan.kept,
            "unknown": plan.unknown,
            "notes": plan.notes,
            "refused": None,
            "diff": diff_of(file, plan.before, plan.after),
        }

    def content_for(self, card: Any) -> Any:
        """What is known, by the factors of the card's last fill from these runs; by the newest where there was none."""
        from footprint.card import recorded_edition
        from footprint.reference import EDITIONS, using_edition

        edition = None if self.restate else recorded_edition(card.block, self.newest.runs)
        if edition not in EDITIONS:
            return self.newest
        if edition not in self.contents:
            with using_edition(edition):
                self.contents[edition] = self.derive()
        return self.contents[edition]


def _print(report: dict[str, Any], *, written: bool) -> None:
    """One line a card: what was filled, kept, unknown; and a line for each value kept."""
    if report["refused"]:
        return
    filled = ", ".join(report["filled"]) or "nothing"
    verb = "filled" if written else "would fill"
    state = "" if report["changed"] else " (unchanged)"
    unknown = f"; unknown: {', '.join(report['unknown'])}" if report["unknown"] else ""
    kept = f"; kept: {', '.join(kept.field for kept in report['kept'])}" if report["kept"] else ""
    withdrawn = f"; no longer known, taken out: {', '.join(report['withdrawn'])}" if report["withdrawn"] else ""
    print(f"{text.clean(report['path'], limit=300)}: {verb} {filled}{withdrawn}{kept}{unknown}{state}")
    for value in report["kept"]:
        said = f" {text.clean(value.value)!r}; known: {text.clean(value.known)!r}" if value.known else ""
        print(f"  line {value.line}: {value.field} kept, {value.reason}{said}")
    for note in report["notes"]:
        print(f"  {text.clean(note, limit=300)}")
