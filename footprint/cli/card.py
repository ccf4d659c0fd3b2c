"""`footprint card`: show what a card says of its compute, and fill in what is known."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json
from footprint.errors import CardError, ConfigError, FootprintError
from footprint.model import Place

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Show what a model card says of its compute, and fill in what is known.",
)

# Facts that, declared, describe work by themselves; the others say more of it.
_FACTS: Final = ("hardware", "count", "hours", "device_hours", "power_w", "year", "kind", "energy_kwh", "scope")
# Facts of the place, which a run may lack and a person knows.
_PLACE: Final = ("region", "zone", "provider", "pue", "intensity")


@app.command("show", short_help="Show what a card says of its compute.")
def show(
    file: Annotated[Path, typer.Argument(help="The card, such as README.md.", show_default=False)],
    *,
    json: options.Json = False,
) -> None:
    """Show the five fields, the front matter's emissions, and sentences of the card that bear on its compute."""
    from footprint.card import named, read_card

    try:
        card = read_card(file)
    except CardError as error:
        raise CardError(named(file, error)) from None
    if json:
        said = {
            "form": card.form,
            "fields": card.fields,
            "metadata": card.metadata,
            "evidence": card.evidence,
            "problems": card.problems,
        }
        say_json(said)
        return
    if card.form != "markdown":
        print(f"form           {card.form} (read only)")
    for name, claim in card.fields.items():
        value = "(absent)" if claim is None else f"{text.clean(claim.value, limit=200, empty='(empty)')}"
        remark = "" if claim is None else f"   line {claim.line}" + (", a placeholder" if claim.placeholder else "")
        print(f"{name:14} {value}{remark}")
    for key, value in card.metadata.items():
        parts = {f"{key}.{part}": one for part, one in value.items()} if isinstance(value, dict) else {key: value}
        for part, one in parts.items():
            print(f"{text.clean(part)} {text.clean(str(one), limit=300)}")
    for found in card.evidence:
        print(f"line {found.line}: {found.field}: {text.clean(found.value)}: {text.clean(found.text, limit=160)}")
    for problem in card.problems:
        print(f"problem: {text.clean(problem, limit=300)}", file=sys.stderr)


@app.command("fill", short_help="Fill cards from runs, a profile, or declared facts.")
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
    facts = {name: given[name] for name in _FACTS if given[name] is not None}
    place = {name: given[name] for name in _PLACE if given[name] is not None}
    _check_ways(run=bool(run), profile=profile is not None, facts=facts, place=place)
    if output is not None and len(files) > 1:
        raise ConfigError(f"-o names one file, but {len(files)} cards are given")

    def derive() -> Any:
        return _from_runs(run, dict(place)) if run else _from_profile(profile) if profile else _from_facts(facts | place)

    job = _Job(derive, restate=restate, overwrite=overwrite, write=not (check or diff), output=output)
    reports = [job.fill(file) for file in files]
    if diff:
        for report in reports:
            _print_diff(report.pop("diff", b""))
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


def _check_ways(*, run: bool, profile: bool, facts: dict[str, Any], place: dict[str, Any]) -> None:
    """Refuse none or two of the ways to say what a card is filled with."""
    if not (run or profile or facts or place):
        raise ConfigError("say what to fill the card with: --run, or --profile, or declared facts such as --hardware")
    if run and profile:
        raise ConfigError("--run and --profile cannot be combined: a card is filled with one of them")
    beside = facts if run else facts | place if profile else {}
    if beside:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in beside)
        way = "--run, which has its own facts (all but the place)" if run else "--profile, which has its own facts"
        raise ConfigError(f"{options} cannot be combined with {way}")


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
            "diff": _diff(file, plan.before, plan.after),
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


def _diff(file: Path, before: bytes, after: bytes) -> bytes:
    """A unified diff of two cards that `patch -p1` applies: their own bytes and line ends."""
    # Only a line feed ends a line for `patch`.
    old, new = ([line + b"\n" for line in data.split(b"\n")] for data in (before, after))
    for lines in (old, new):
        lines[-1:] = [lines[-1][:-1]] if lines[-1] != b"\n" else []
    name = os.fsencode(file.as_posix().lstrip("/"))
    found = difflib.diff_bytes(difflib.unified_diff, old, new, b"a/" + name, b"b/" + name)
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in found)


def _print_diff(diff: bytes) -> None:
    """Print a diff: as it is to a file or a pipe; to a terminal without what could move its cursor."""
    if sys.stdout.isatty():
        shown = diff.decode("utf-8", "replace")
        print("".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in shown), end="")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff)
    sys.stdout.buffer.flush()


def _from_runs(refs: list[str], place: dict[str, Any]) -> Any:
    """The account of some runs; a place given now stands for the one that was recorded, for numbers are derived anew."""
    import msgspec

    from footprint.card import content_from_run
    from footprint.derive import Account
    from footprint.ledger import find_run
    from footprint.place import resolve

    runs = list({found.id: found for found in map(find_run, refs)}.values())
    if place:
        intensity = place.pop("intensity", None)
        known = resolve(**place, intensity_g_per_kwh=intensity)
        runs = [msgspec.structs.replace(found, place=_joined(found.place, known)) for found in runs]
    account = Account(runs)
    if len(runs) == 1:
        # A run's own footprint also says how well each part of the machine was read.
        return content_from_run(runs, account.footprint(runs[0].id))
    total = account.total([found.id for found in runs])
    complete = total.with_energy == total.runs and total.with_emissions in {0, total.runs}
    return content_from_run(runs, total.footprint, complete=complete)


def _joined(recorded: Place | None, given: Place | None) -> Place | None:
    """A place given now; what it leaves open (a PUE given alone) is the recorded one's."""
    if recorded is None or given is None or given.zone is not None:
        return given
    import msgspec

    own = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    return msgspec.structs.replace(recorded, **own)


def _from_profile(path: Path) -> Any:
    from footprint.card import content_from_profile
    from footprint.profile import read_profile

    return content_from_profile(read_profile(path))


def _from_facts(facts: dict[str, Any]) -> Any:
    from footprint.card import content_from_declaration
    from footprint.derive import declared_footprint
    from footprint.model import Declaration

    if "intensity" in facts:
        facts["intensity_g_per_kwh"] = facts.pop("intensity")
    declaration = Declaration(**facts)
    derive: Callable[[Declaration], Any] = declared_footprint
    return content_from_declaration(declaration, derive(declaration))
