"""`footprint card check` and `footprint card rules`: what is wrong with what cards claim, and by which rules."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say, say_json
from footprint.errors import CardError, ConfigError, unknown_choice

_NEVER = "never"


def check(
    files: Annotated[list[str] | None, typer.Argument(metavar="CARD", help="Files, folders or patterns.")] = None,
    *,
    hub: Annotated[list[str] | None, typer.Option(help="A model on the Hub: ORG/MODEL, or 'ORG/*'; repeatable.")] = None,
    revision: Annotated[str, typer.Option(help="With --hub: a branch, tag, commit or refs/pr/N.")] = "main",
    base: Annotated[Path | None, typer.Option(help="The card of the base model, to compare with.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Leave out a rule, by its code; repeatable.")] = None,
    fail_on: Annotated[str, typer.Option(help="Exit 1 from which severity on: error, warning, info or never.")] = "error",
    jobs: Annotated[int | None, typer.Option(help="Processes; by default as many as pay.", show_default=False)] = None,
    json: options.Json = False,
) -> None:
    """Check what cards claim; exit 1 if a finding is an error.

    A folder stands for each README.md (or model card) in it and below; a pattern such as 'cards/*.md' names others. A card on the
    Hub is compared with that of the base model which it names. `footprint card rules` explains each code.
    """
    from footprint.card.read import read_bytes
    from footprint.cli.card.checker import SEVERITIES, Checker

    if fail_on not in {*SEVERITIES, _NEVER}:
        raise unknown_choice("--fail-on", fail_on, [*SEVERITIES, _NEVER])
    if bool(files) == bool(hub):
        raise ConfigError("name the cards to check: files, folders or patterns, or models of the Hub with --hub, not both")
    if revision != "main" and not hub:
        raise ConfigError("--revision is for cards on the Hub: name a model with --hub")
    checker = Checker(read_bytes(base) if base is not None else None, _ignored(ignore or ()), datetime.now(UTC).date())
    telling = _Telling(json=json)
    with contextlib.ExitStack() as stack:
        for checked in _of_hub(hub, revision, checker) if hub else _of_files(files or (), checker, jobs, stack, telling):
            telling.tell(checked)
    telling.end()
    _leave(telling, fail_on)


def _ignored(codes: Sequence[str]) -> frozenset[str]:
    from footprint.card.check.rules import RULES

    for code in codes:
        if code not in RULES:
            raise _unknown_rule(code, list(RULES))
    return frozenset(codes)


def _unknown_rule(code: str, known: Sequence[str]) -> ConfigError:
    """The error for a code that no rule has. There are too many to name them all in a line."""
    from difflib import get_close_matches

    near = get_close_matches(code, known, n=1) or [one for one in known if code and code in one][:3]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return ConfigError(f"unknown rule {code!r}{hint} (`footprint card rules` lists them)")


def _of_files(
    files: Sequence[str], checker: Any, jobs: int | None, stack: contextlib.ExitStack, telling: _Telling
) -> Iterator[Any]:
    """What is found in the cards that some arguments name."""
    from footprint.card.many.bulk import jobs_for, until_stopped, work
    from footprint.card.many.finder import find_cards
    from footprint.cli.card.telling import MANY
    from footprint.cli.progress import Bar

    found = find_cards(files)
    for folder, why in found.unreadable:
        yield checker.refused(folder, f"{folder}: cannot be read: {why}")
    stopped = stack.enter_context(until_stopped())
    telling.bar = stack.enter_context(Bar("checking", len(found.files), wanted=len(found.files) > MANY))
    number = jobs_for(len(found.files), jobs)
    results = work(checker, found.files, jobs=number, lost=checker.refused, stopped=stopped)
    for _, checked in stack.enter_context(contextlib.closing(results)):
        yield checked
    telling.signal = stopped()


def _of_hub(names: Sequence[str], revision: str, checker: Any) -> Iterator[Any]:
    """What is found in cards on the Hub."""
    from footprint.cli.card.hub import check_models

    yield from check_models(names, revision, checker)


class _Telling:
    """Says what is found, card by card, and keeps count."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.bar: Any = None
        self.signal = 0
        self.cards = 0
        self.count = Counter[str]()
        self.refusals: list[str] = []
        self.found: list[dict[str, Any]] = []

    def tell(self, checked: Any) -> None:
        """Say what was found in a card."""
        from footprint.cli.card.checker import lines_of

        self.cards += 1
        self.count.update(finding.severity for finding in checked.findings)
        if checked.refused is not None:
            self.refusals.append(checked.refused)
            print(f"footprint: {text.clean(checked.refused, limit=1000)}", file=sys.stderr)
        if self.json:
            self.found += checked.told()
        elif self.bar is not None:
            for line in lines_of(checked):
                self.bar.say(line)
        elif checked.findings:
            say("\n".join(lines_of(checked)))
        if self.bar is not None:
            self.bar.advance()

    def end(self) -> None:
        """Say it all together."""
        from footprint.cli.card.checker import SEVERITIES, summary_of

        if not self.json:
            if self.cards == 1 and self.refusals:
                return  # why it could not be read is said
            say(summary_of(self.cards, self.count, len(self.refusals)))
            return
        summary = {"cards": self.cards, **{f"{name}s": self.count[name] for name in SEVERITIES}, "refused": len(self.refusals)}
        say_json({"findings": self.found, "refused": self.refusals, "summary": summary})


def _leave(telling: _Telling, fail_on: str) -> None:
    """End with the code that says how it went, see `footprint.cli`."""
    from footprint.cli.card.checker import SEVERITIES

    if telling.signal:
        raise typer.Exit(128 + telling.signal)
    if telling.refusals and telling.cards == 1:
        raise typer.Exit(2)
    if telling.refusals:
        raise CardError(f"{len(telling.refusals):,} of {text.plural(telling.cards, 'card')} could not be read")
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != _NEVER else ()
    if any(telling.count[severity] for severity in grave):
        raise typer.Exit(1)


def rules(
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE", help="Only these rules.")] = None,
    *,
    json: options.Json = False,
) -> None:
    """List the rules of `card check`: code, severity, and what each one looks for."""
    from footprint.card.check.rules import RULES

    for code in codes or ():
        if code not in RULES:
            raise _unknown_rule(code, list(RULES))
    chosen = [RULES[code] for code in codes or RULES]
    if json:
        say_json({"rules": [{"code": r.code, "severity": r.severity, "title": r.title, "doc": r.doc} for r in chosen]})
        return
    for one in chosen:
        say(f"{one.code} ({one.severity}): {one.title}\n\n{one.doc}\n\n")
