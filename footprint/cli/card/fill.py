"""`footprint card fill`: fill in what is known, in one card or in thousands."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from footprint import __version__
from footprint.cli import options
from footprint.cli.card.knowing import Account, OwnStatements
from footprint.cli.card.sources import FACTS, PLACE, check_target, check_ways, from_facts, from_profile, from_runs
from footprint.errors import CardError, ConfigError


def fill(
    files: Annotated[list[str] | None, typer.Argument(metavar="CARD", help="Files, folders or patterns.")] = None,
    *,
    hub: Annotated[list[str] | None, typer.Option(help="A model on the Hub: ORG/MODEL, or 'ORG/*'; repeatable.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="With --hub: open pull requests with what is shown.")] = False,
    run: Annotated[list[str] | None, typer.Option(help="A run's id or file, or an account's name; repeatable.")] = None,
    profile: Annotated[Path | None, typer.Option(help="A profile (TOML) of what is publicly known.")] = None,
    from_evidence: Annotated[bool, typer.Option("--from-evidence", help="Use what the card's own sentences state.")] = False,
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
    group: Annotated[str | None, typer.Option(help="The group of fields to fill, where a card has several.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a card would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the filled card here instead.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a person's values too.")] = False,
    restate: Annotated[bool, typer.Option("--restate", help="Use the newest factors, not those of the last fill.")] = False,
    resume: Annotated[Path | None, typer.Option(help="Note here what is done; go on from what is noted.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; by default as many as pay.", show_default=False)] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="A line for each card, also of many.")] = False,
    json: options.Json = False,
) -> None:
    """Fill cards from runs, a profile, or declared facts; a person's values stay, and no other byte changes.

    A folder stands for each README.md (or model card) in it and below; a pattern such as 'cards/*.md' names others. With --hub
    nothing is sent without --create-pr: what would change is shown.
    """
    given = locals()
    check_target(given)
    facts = {name: given[name] for name in FACTS if given[name] is not None}
    place = {name: given[name] for name in PLACE if given[name] is not None}
    check_ways(run=bool(run), profile=profile is not None, evidence=from_evidence, facts=facts, place=place)
    if resume is not None and (check or diff or output is not None):
        raise ConfigError("--resume notes what is written into cards: it cannot be combined with --check, --diff or -o")

    if output is not None and (check or diff):
        raise ConfigError(
            "-o writes the filled card elsewhere: it cannot be combined with --check or --diff, which write nothing"
        )
    if diff and json:
        raise ConfigError("--diff and --json cannot be combined: name the one that is wanted")

    from footprint.card.many.finder import find_cards
    from footprint.cli.card.filler import Filler, Options

    known = _known(evidence=from_evidence, run=run, profile=profile, facts=facts, place=place)
    style: Any = "diff" if diff else "json" if json else "lines"
    told = Options(
        restate=restate,
        overwrite=overwrite,
        group=group,
        write=not (check or diff or hub),
        diff=diff,
        output=str(output) if output is not None else None,
    )
    if hub:
        from footprint.cli.card.hub import fill_models

        fill_models(hub, Filler(known, told), style=style, each=verbose, create_pr=create_pr, check=check)
        return
    found = find_cards(files or ())
    if output is not None and len(found.files) > 1:
        raise ConfigError(f"-o names one file, but {len(found.files)} cards are given")
    job = _Job(Filler(known, told), found.files, found.unreadable)
    job.fill(resume, jobs, style=style, each=verbose)
    job.leave(check=check)


def _known(
    *, evidence: bool, run: list[str] | None, profile: Path | None, facts: dict[str, Any], place: dict[str, Any]
) -> Account | OwnStatements:
    if evidence:
        return OwnStatements(facts | place)
    if run:
        return Account(partial(from_runs, run, place))
    return Account(partial(from_profile, profile) if profile else partial(from_facts, facts | place))


class _Job:
    """A fill of the cards that were found, and what is known of it afterwards."""

    def __init__(self, filler: Any, files: tuple[str, ...], unreadable: tuple[tuple[str, str], ...]) -> None:
        self.filler = filler
        self.files = files
        self.unreadable = unreadable
        self.signal = 0
        self.left = 0

    def fill(self, resume: Path | None, jobs: int | None, *, style: Any, each: bool) -> None:
        """Fill them all, and tell of each."""
        from footprint.card.many.bulk import jobs_for, until_stopped, work
        from footprint.cli.card.telling import MANY, Telling
        from footprint.cli.progress import Bar

        with contextlib.ExitStack() as stack:
            state = stack.enter_context(self._state(resume)) if resume is not None else None
            todo = tuple(file for file in self.files if not state.has_done(file)) if state else self.files
            number = jobs_for(len(todo), jobs)
            self._sweep(todo)
            bar = Bar("filling", len(todo), wanted=len(todo) > MANY and (style == "lines" or not sys.stdout.isatty()))
            verb = "filled" if self.filler.options.write else "would fill"
            self.telling = Telling(style, len(todo) + len(self.unreadable), verb=verb, each=each, bar=bar)
            stopped = stack.enter_context(until_stopped())
            with bar:
                for folder, why in self.unreadable:
                    self.telling.tell(self.filler.refused(folder, f"{folder}: cannot be read: {why}"))
                done = 0
                reports = work(self.filler, todo, jobs=number, lost=self.filler.refused, stopped=stopped)
                for index, report in stack.enter_context(contextlib.closing(reports)):
                    done += 1
                    self.telling.tell(report)
                    if state is not None:
                        state.note(todo[index], changed=report.changed, digest=report.digest, refused=report.refused)
            self.signal, self.left = stopped(), len(todo) - done
            self.telling.end(before=len(self.files) - len(todo), left=self.left, shared=isinstance(self.filler.known, Account))

    def _sweep(self, todo: tuple[str, ...]) -> None:
        """Remove what fills that were killed left beside the cards."""
        from footprint.card.write import remove_leftovers

        if self.filler.options.write:
            for folder in dict.fromkeys(os.path.dirname(os.path.realpath(file)) for file in todo):  # noqa: PTH120 - there may be many
                remove_leftovers(Path(folder))

    def _state(self, resume: Path) -> Any:
        from footprint.card.many.state import State, job_of

        told = self.filler.options
        facts = (self.filler.known.facts, told.restate, told.overwrite, told.group, __version__)
        return contextlib.closing(State(resume, job_of(facts)))

    def leave(self, *, check: bool) -> None:
        """End with the code that says how it went, see `footprint.cli`."""
        refused = self.telling.count["refused"]
        if self.left:
            print(f"footprint: stopped: {self.left:,} cards were not come to; --resume FILE lets a fill go on", file=sys.stderr)
            raise typer.Exit(128 + self.signal)
        if refused == 1 == self.telling.cards:
            raise CardError(self.telling.last_refusal)
        if refused:
            was = "was" if refused == 1 else "were"
            raise CardError(f"{refused:,} of {len(self.files) + len(self.unreadable):,} cards {was} not filled")
        if check and self.telling.count["changed"]:
            raise typer.Exit(1)
