"""What a fill says of its cards: a line each, a diff, JSON, and for many a summary."""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from footprint import text
from footprint.cli.card.diffs import print_diff
from footprint.cli.printing import SCHEMA, as_printable, say, table
from footprint.model import FIELD_NAMES

if TYPE_CHECKING:
    from footprint.cli.card.filler import Report
    from footprint.cli.progress import Bar

Style = Literal["lines", "diff", "json"]

MANY: Final = 20
"""Of more cards than that nobody reads a line each; what was refused is said always."""
_LINE = re.compile(r"^line \d{1,9}: ")
_NUMBER = re.compile(r"\bline \d{1,9}\b")
_QUOTED = re.compile(r"(?<!\w)'[^']{1,200}'(?!\w)")
_SHOWN_REASONS: Final = 12
_SHOWN_ALIKE: Final = 10
"""So many cards that were refused for one reason are named; the others are counted, unless each card is to have its line."""


class Telling:
    """Says what becomes of cards, one by one, and keeps count.

    Args:
        style: how each card is told.
        cards: how many there are.
        verb: what is done to them: `filled` or `would fill`.
        each: whether each card has a line, also of many.
        bar: where lines go.
    """

    def __init__(self, style: Style, cards: int, *, verb: str, each: bool, bar: Bar) -> None:
        self.style = style
        self.cards = cards
        self.verb = verb
        self.each = each or cards <= MANY
        self.bar = bar
        self.count = Counter[str]()
        self.fields: dict[str, Counter[str]] = {}
        self.reasons = Counter[str]()
        self.examples: dict[str, str] = {}
        self.notes = Counter[str]()
        self.last_refusal = ""

    def tell(self, report: Report) -> None:
        """Say what became of a card."""
        self._note(report)
        if self.style == "json":
            self._tell_json(report)
        elif self.style == "diff":
            print_diff(report.diff)
            # A diff does not show what stays, and why; beside it on stderr it spoils no patch.
            if self.each and not report.refused and (report.kept or report.notes):
                for line in lines_of(report, verb=self.verb):
                    self.bar.complain(line)
        elif not report.refused and (self.each or (report.changed and self.verb != "filled")):
            for line in lines_of(report, verb=self.verb):
                self.bar.say(line)
        if report.refused and self.cards > 1:
            self._complain(report.refused, _reason(report))
        self.bar.advance()

    def end(self, *, before: int, left: int, shared: bool) -> None:
        """Say it all together.

        Args:
            before: cards that an earlier fill had done.
            left: cards that were not come to.
            shared: whether all cards are filled with one account.
        """
        self._tell_all(before=before, left=left)
        changed = self.count["changed"]
        if shared and changed > 1:
            told = f"footprint: {self.verb} {changed:,} cards with one account: right for copies of one model, for no others"
            print(told, file=sys.stderr)

    def _tell_all(self, *, before: int, left: int) -> None:
        if self.style == "json":
            self._end_json(before=before, left=left)
        elif self.style == "lines" and (self.cards > MANY or before):
            # Each table brings an empty line of its own at both ends.
            lines = self._summary(before=before, left=left)
            say("\n".join(line for line, last in pairwise([*lines, ""]) if line or last))

    def _note(self, report: Report) -> None:
        self.count["cards"] += 1
        if report.refused:
            self.count["refused"] += 1
            reason = _reason(report)
            self.reasons[reason] += 1
            self.examples.setdefault(reason, report.path)
            self.last_refusal = report.refused
            return
        self.count["changed" if report.changed else "unchanged"] += 1
        for note in {_alike(note) for note in report.notes}:
            self.notes[note] += 1
            self.examples.setdefault(note, report.path)
        for what, names in (("filled", report.filled), ("withdrawn", report.withdrawn), ("kept", (k.field for k in report.kept))):
            for name in names:
                self.fields.setdefault(name, Counter())[what] += 1

    def _complain(self, refused: str, reason: str) -> None:
        alike = self.reasons[reason]
        if self.each or alike <= _SHOWN_ALIKE:
            self.bar.complain(f"footprint: {text.clean(refused, limit=1000)}")
        elif alike == _SHOWN_ALIKE + 1:
            why = text.clean(reason, limit=300)
            self.bar.complain(f"footprint: {why}: further cards are counted; -v names each, and so does --resume's file")

    def _tell_json(self, report: Report) -> None:
        """One card of the list; it is printed as it comes, for there may be tens of thousands."""
        import msgspec

        told = msgspec.json.format(msgspec.json.encode(report.told()), indent=2).decode()
        print('{\n  "cards": [' if self.count["cards"] == 1 else ",", end="\n")
        print(as_printable(textwrap.indent(told, "    ")), end="")

    def _end_json(self, *, before: int, left: int) -> None:
        import msgspec

        summary = {
            "cards": self.cards + before,
            "changed": self.count["changed"],
            "unchanged": self.count["unchanged"],
            "refused": self.count["refused"],
            "done_before": before,
            "not_done": left,
            "reasons": [
                {"reason": reason, "cards": cards, "example": self.examples[reason]}
                for reason, cards in self.reasons.most_common()
            ],
        }
        rest = msgspec.json.format(msgspec.json.encode({"summary": summary, "schema": SCHEMA}), indent=2).decode()
        opening = '{\n  "cards": []' if not self.count["cards"] else "\n  ]"
        say(f"{opening},{rest.removeprefix('{')}")

    def _summary(self, *, before: int, left: int) -> list[str]:
        changed = "filled" if self.verb == "filled" else "would change"
        rows: list[tuple[str, int]] = [
            (changed, self.count["changed"]),
            ("unchanged", self.count["unchanged"]),
            ("refused", self.count["refused"]),
            ("done before", before),
            ("not done", left),
        ]
        lines = table(["cards", text.count(self.cards + before)], [(n, text.count(c)) for n, c in rows if c], right=["of"])
        if self.fields:
            columns = ("filled", "kept", "withdrawn")
            cells = [(name, *(text.count(found[c]) for c in columns)) for name, found in sorted(self.fields.items(), key=_place)]
            lines += table(["field", *columns], cells, right=columns)
        lines += self._counted("refused because", self.reasons, "other reason")
        # Where each card had its lines, its notes were among them.
        return lines + ([] if self.each else self._counted("noted", self.notes, "other note"))

    def _counted(self, head: str, counted: Counter[str], other: str) -> list[str]:
        """A table of what was said of cards, the most frequent first, with one of each."""
        if not counted:
            return []
        told = [(what, text.count(cards), self.examples[what]) for what, cards in counted.most_common(_SHOWN_REASONS)]
        more = len(counted) - _SHOWN_REASONS
        lines = table([head, "cards", "such as"], told, right=["cards"])
        return lines + ([f"and {text.plural(more, other)}"] if more > 0 else [])


def lines_of(report: Report, *, verb: str) -> list[str]:
    """One line of a card: what was filled, kept, unknown; and a line for each value kept, and each note."""
    did = f"{verb} {_listed(report.filled) or _without_fields(report)}" if report.changed else "unchanged"
    unknown = f"; unknown: {', '.join(report.unknown)}" if report.unknown else ""
    kept = f"; kept: {_listed(kept.field for kept in report.kept)}" if report.kept else ""
    withdrawn = f"; no longer known, taken out: {_listed(report.withdrawn)}" if report.withdrawn else ""
    lines = [f"{text.clean(report.path, limit=300)}: {did}{withdrawn}{kept}{unknown}"]
    for value in report.kept:
        said = f" {text.clean(value.value)!r}; known: {text.clean(value.known)!r}" if value.known else ""
        lines.append(f"  line {value.line}: {value.field} kept, {value.reason}{said}")
    return lines + [f"  {text.clean(note, limit=300)}" for note in report.notes]


def _listed(names: Iterable[str]) -> str:
    """Fields by name; the entries of the front matter's mapping behind one name of it."""
    entries: dict[str, list[str]] = {}
    for name in names:
        mapping, _, entry = name.partition(".")
        entries.setdefault(mapping, []).extend([entry] if entry else [])
    return ", ".join(f"{name} ({', '.join(parts)})" if parts else name for name, parts in entries.items())


def _without_fields(report: Report) -> str:
    """What a card that changes is filled with, where no field is: the block that says what is known, and how."""
    return "no field" if report.withdrawn else "no field, only a block that says what is known"


def _place(field: tuple[str, object]) -> tuple[int, str]:
    """Where a field stands in the summary: the five in the template's order, then the front matter's keys."""
    name = field[0]
    return FIELD_NAMES.index(name) if name in FIELD_NAMES else len(FIELD_NAMES), name


def _reason(report: Report) -> str:
    """Why a card was refused, without what is its own: its path, the line, quoted words, and what to do about it."""
    assert report.refused is not None
    return _alike(report.refused.removeprefix(f"{report.path}: ").partition("; ")[0])


def _alike(said: str) -> str:
    """What is said of a card, as it is said of others: without the line and quoted words."""
    return _QUOTED.sub("'…'", _NUMBER.sub("line …", _LINE.sub("", said)))[:300]
