"""Cards on the Hub, filled and checked: `--hub` of `card fill` and `card check`.

A fill shows what it would change, and sends nothing unless it is told to open a pull request; then, too, it shows it before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from footprint import __version__, text
from footprint.cli.card.diffs import print_diff
from footprint.cli.card.knowing import Account
from footprint.errors import CardError, FootprintError, HubError

if TYPE_CHECKING:
    from footprint.card import Card, FillPlan
    from footprint.card.hub.client import Hub, Proposal
    from footprint.cli.card.checker import Checked, Checker
    from footprint.cli.card.filler import Filler, Report
    from footprint.cli.card.telling import Style, Telling


def check_models(names: Sequence[str], revision: str, checker: Checker) -> Iterator[Checked]:
    """What is found in the cards of some models; each is compared with the card of the base model that it names.

    Raises:
        ConfigError: for what no model could be read with: no client, no such token, no such name.
        HubError: if the Hub has no such organisation.
    """
    from footprint.card import read_card

    hub = _hub()
    bases: dict[str, bytes | None] = {}
    for model in hub.names(names):
        try:
            raw = hub.read(model, revision).raw
            base = checker.base if checker.base is not None else _base_of(read_card(raw), hub, bases)
            yield checker.check(model, raw, base)
        except (CardError, HubError) as error:
            yield checker.refused(model, _of(model, error))
            if isinstance(error, HubError) and error.final:
                return
        except FootprintError:  # what no other model would change
            raise
        except Exception as error:  # noqa: BLE001 - one card must not keep the others; it is told as what it is
            yield checker.refused(model, _defect(model, error))


def fill_models(names: Sequence[str], filler: Filler, *, style: Style, each: bool, create_pr: bool, check: bool) -> None:
    """Fill the cards of some models, and open a pull request for each that changes if told to.

    Args:
        names: what was asked for.
        filler: what is known, and how it is filled in.
        style: how each card is told.
        each: whether each has a line, also of many.
        create_pr: whether to send anything.
        check: end with 1 if a card would change.

    Raises:
        ConfigError: as for `check_models`, and if there is no token for a pull request.
        HubError: if the Hub has no such organisation, or gives no more answers.
        CardError: if a card was not filled.
    """
    from footprint.card.hub.client import require_token
    from footprint.cli.card.telling import Telling
    from footprint.cli.progress import Bar

    hub = _hub()
    if create_pr:
        require_token()
    models = list(hub.names(names))
    verb = "proposed" if create_pr else "would fill"
    telling = Telling(style, len(models), verb=verb, each=each, bar=Bar("filling", len(models), wanted=False))
    ended: HubError | None = None
    done = 0
    for model in models:
        done += 1
        error = _fill_model(model, hub, filler, telling, create_pr=create_pr)
        if error is not None and error.final:
            ended = error
            break
    telling.end(before=0, left=len(models) - done, shared=isinstance(filler.known, Account))
    changed = telling.count["changed"]
    if changed and not create_pr and style == "lines":
        print("footprint: nothing was sent; --create-pr opens a pull request with what is shown", file=sys.stderr)
    _leave(telling, ended, left=len(models) - done, check=check)


def _leave(telling: Telling, ended: HubError | None, *, left: int, check: bool) -> None:
    """End with the code that says how it went, see `footprint.cli`."""
    import typer

    if ended is not None:
        raise HubError(f"{ended}; {text.plural(left, 'model')} not looked at" if left else str(ended))
    refused = telling.count["refused"]
    if refused:
        raise CardError(telling.last_refusal if telling.cards == 1 else f"{refused:,} of {telling.cards:,} cards were not filled")
    if check and telling.count["changed"]:
        raise typer.Exit(1)


def _fill_model(model: str, hub: Hub, filler: Filler, telling: Telling, *, create_pr: bool) -> HubError | None:
    """Fill one card; what keeps it from being filled is told, and given back where it was the Hub."""
    from footprint.card import read_card

    try:
        remote = hub.read(model)
        card = read_card(remote.raw)
        plan = filler.plan(card)
        report = _report(model, plan)
        if telling.style == "lines":  # as a diff it is shown in any case
            print_diff(report.diff)
        if create_pr and plan.changes:
            report = _proposed(report, hub.propose(remote, plan.after, description_of(plan)))
        telling.tell(report)
    except (CardError, HubError) as error:
        telling.tell(filler.refused(model, _of(model, error)))
        return error if isinstance(error, HubError) else None
    except FootprintError:  # what no other model would change
        raise
    except Exception as error:  # noqa: BLE001 - one card must not keep the others; it is told as what it is
        telling.tell(filler.refused(model, _defect(model, error)))
    return None


def _report(model: str, plan: FillPlan) -> Report:
    from pathlib import Path

    from footprint.cli.card.diffs import diff_of
    from footprint.cli.card.filler import report_of

    return report_of(model, plan, diff=diff_of(Path(model) / "README.md", plan.before, plan.after), digest=None)


def _proposed(report: Report, proposal: Proposal) -> Report:
    import msgspec

    said = "a pull request with these bytes is open already" if proposal.existed else "pull request opened"
    notes = (*report.notes, *proposal.notes, f"{said}: {proposal.url}")
    return msgspec.structs.replace(report, notes=notes, pull_request=proposal.url)


def description_of(plan: FillPlan) -> str:
    """What a pull request says of itself: which places it fills, never a value, for a value may be anybody's markup."""
    from footprint.card.words.labels import TEMPLATE_LABELS

    named = {str(name): label for name, label in TEMPLATE_LABELS.items()}
    filled = [named.get(change.field, f"`{change.field}`") for change in plan.changed if not change.withdrawn]
    kept = [named.get(one.field, f"`{one.field}`") for one in plan.kept]
    lines = [f"This fills in what is known of the compute behind this model: {', '.join(filled) or 'how its figures are known'}."]
    lines += [f"Kept as the card has it: {', '.join(dict.fromkeys(kept))}."] if kept else []
    lines += ["How the figures are known, with their range and the factors used, stands in the block below the fields."]
    lines += ["No other byte of the card is changed.", f"Written by footprint {__version__} (`footprint card fill --hub`)."]
    return "\n\n".join(lines)


def _base_of(card: Card, hub: Hub, read: dict[str, bytes | None]) -> bytes | None:
    """The card of the one base model that a card names; None where it names none or several, or where it cannot be read."""
    found = card.yaml.root.find("base_model") if card.yaml.root is not None else None
    if found is None:
        return None
    nodes = found[1].items if found[1].kind == "list" else (found[1],)
    if len(nodes) != 1 or nodes[0].kind != "scalar":
        return None
    name = nodes[0].text.strip()
    if name not in read:
        try:
            read[name] = hub.read(next(iter(hub.names([name])))).raw
        except (FootprintError, StopIteration) as error:
            print(f"footprint: the base model's card was not compared: {text.clean(str(error), limit=300)}", file=sys.stderr)
            read[name] = None
    return read[name]


def _hub() -> Hub:
    from footprint.card.hub.client import Hub

    return Hub(say=lambda line: print(f"footprint: {line}", file=sys.stderr))


def _of(model: str, error: Exception) -> str:
    """What is wrong with a model's card, with the model in front."""
    message = str(error)
    return message if message.startswith(model) else f"{model}: {message}"


def _defect(model: str, error: Exception) -> str:
    return f"{model}: a defect of footprint, please report it with the card: {type(error).__name__}: {error}"
