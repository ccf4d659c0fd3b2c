"""Which rule finds what in a folder of cards, each finding judged by hand: `python -m tests.card.check.census [FOLDER]`.

The judgements are of cards that are not in this repository: each is kept by the digest of its card. A finding that nobody has
judged yet is printed in full, so that a new rule, or a new card, is read before it is trusted.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from footprint.card import read_card
from footprint.card.check import check
from footprint.card.check.registry import RULES
from footprint.errors import CardError
from footprint.model import Finding
from tests.card.check.claimed import TODAY

# (first digits of the card's SHA-256, code of the rule) -> whether the finding is right, and why it is.
JUDGED: dict[tuple[str, str], tuple[bool, str]] = {
    ("ddc63ffd9103", "body-and-metadata-disagree"): (
        True,
        "7,540 g is one TPU v3 chip for 72 h; the body's 30.16 kg are the slice's four",
    ),
    ("281687e628e7", "emissions-not-in-grams"): (
        True,
        "8 chips of at least 130 W for 44 h are 46 kWh; the calculator's answer was 6.29 kg",
    ),
    ("281687e628e7", "training-type"): (True, "the Hub knows two kinds, and this is neither word for word"),
    ("d3c2d81bd255", "front-matter-unseen"): (True, "a notebook's line stands above the dashes: no tags, no library on the Hub"),
    ("24bf428afa4f", "emissions-out-of-range"): (
        True,
        "0.3 kW x 355 h x 429 g/kWh are 46 kg: the count of devices is missing, and 552 t was published, not 5,521 t",
    ),
    ("2fb1088542ff", "total-not-the-sum"): (
        True,
        "the total holds a fourth model, of which there is no row: 1,038,336 h and 153.92 t",
    ),
    ("e9ba9b5e1e1f", "place-disagrees"): (
        True,
        "one of the two places is wrong: 0.33 kg / 0.85 kWh = 388 g/kWh fits either grid",
    ),
    ("05945af89f66", "front-matter-invalid"): (True, "a link in Markdown as an item of a list is no YAML"),
    ("5122504122a2", "power-as-energy"): (True, "0.0016 kg / 0.0074 kWh = 216 g/kWh: kWh were meant"),
    ("f01d976d220e", "template-unrendered"): (True, "six variables stand in the text"),
    ("549023c68351", "template-unrendered"): (True, "a template, as published"),
    ("3b1a69e2a505", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("3b1a69e2a505", "template-unrendered"): (True, "a template, as published"),
    ("4509ed8fe698", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("4509ed8fe698", "template-unrendered"): (True, "a template, as published"),
    ("62b64ba59386", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("62b64ba59386", "template-unrendered"): (True, "a template, as published"),
    ("b3582f9463bb", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("b3582f9463bb", "template-unrendered"): (True, "a template, as published"),
    ("43a7c1199e60", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("43a7c1199e60", "template-unrendered"): (True, "a template, as published"),
    ("ef2a8ff8b0ca", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("ef2a8ff8b0ca", "template-unrendered"): (True, "a template, as published"),
    ("e00a80ad2ddc", "front-matter-invalid"): (True, "a template, as published: its front matter is a variable"),
    ("e00a80ad2ddc", "template-unrendered"): (True, "a template, as published"),
}


class Census(NamedTuple):
    """What was found: cards read, cards refused, and by rule how many findings are right, false, and not judged yet."""

    cards: int
    refused: int
    right: Counter[str]
    false: Counter[str]
    open: list[tuple[str, str, Finding]]


def take(folder: Path) -> Census:
    """Check all cards of a folder."""
    right: Counter[str] = Counter()
    false: Counter[str] = Counter()
    unjudged = []
    cards = refused = 0
    for path in sorted([*folder.glob("*.md"), *folder.glob("*.txt")]):
        raw = path.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()[:12]
        cards += 1
        try:
            found = check(read_card(raw), today=TODAY)
        except CardError:
            refused += 1
            continue
        for finding in found:
            judged = JUDGED.get((digest, finding.code))
            if judged is None:
                unjudged.append((path.name, digest, finding))
            else:
                (right if judged[0] else false)[finding.code] += 1
    return Census(cards, refused, right, false, unjudged)


def main() -> int:
    """Print the table; 1 where a finding is false or not judged."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FOOTPRINT_SHARED", "") + "/cards"
    census = take(Path(folder))
    waiting = Counter(finding.code for _, _, finding in census.open)
    print(f"{census.cards} cards, {census.refused} refused")
    print(f"{'rule':32} {'right':>6} {'false':>6} {'open':>6}")
    for code in RULES:
        print(f"{code:32} {census.right[code]:6} {census.false[code]:6} {waiting[code]:6}")
    for name, digest, finding in census.open:
        print(f"{name} {digest} {finding.code} line {finding.line}: {finding.message} [{finding.stated} -> {finding.expected}]")
    return 1 if census.false or census.open else 0


if __name__ == "__main__":
    raise SystemExit(main())
