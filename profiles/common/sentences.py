"""A corpus of our own: sentences made of parts, each of which can be said in two ways, so that each sentence has a paraphrase.

Everything follows from a seed by a hash, so that the corpus is the same on every machine and with every version of Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")
# One thing, said in two ways that share few words.
Ways = tuple[str, str]

WHO: Final[tuple[Ways, ...]] = (
    ("the night nurse", "the carer on the late shift"),
    ("a young gardener", "somebody new who looks after the plants"),
    ("our bus driver", "the woman at the wheel of the coach"),
    ("the head cook", "the chef in charge of the kitchen"),
    ("two students", "a pair of undergraduates"),
    ("the old fisherman", "a grey-haired man who lives from his boat"),
    ("an engineer", "one of the technical staff"),
    ("the librarian", "the person who keeps the books"),
    ("my neighbour", "the lady next door"),
    ("the railway clerk", "the man who sells the train tickets"),
    ("a visiting doctor", "the physician from out of town"),
    ("the carpenter", "the craftsman who works with wood"),
    ("the school teacher", "the one who gives the lessons"),
    ("a farmer", "the owner of the fields"),
    ("the museum guard", "the attendant who watches the paintings"),
    ("the postman", "whoever brings the letters"),
)
DID: Final[tuple[Ways, ...]] = (
    ("repaired the water pump", "got the machine that lifts the water going again"),
    ("counted the empty boxes", "worked out how many cartons had nothing in them"),
    ("painted the wooden fence", "put a fresh coat of colour on the palings"),
    ("lost a set of keys", "could no longer find what opens the doors"),
    ("baked forty loaves of bread", "made several dozen loaves in the oven"),
    ("wrote a long report", "put many pages of findings on paper"),
    ("switched off the heating", "stopped the radiators"),
    ("measured the wind", "noted how hard it was blowing"),
    ("found a small dog", "came across a puppy"),
    ("missed the last train", "arrived when the final service had left"),
    ("sold a bicycle", "gave up a two-wheeler for money"),
    ("planted three apple trees", "set some fruit saplings into the soil"),
    ("answered every question", "left nothing that was asked without a reply"),
    ("borrowed a ladder", "took something to climb on and promised to return it"),
    ("cleaned the large windows", "washed the tall panes of glass"),
    ("copied the old maps", "drew the ancient charts a second time"),
)
WHERE: Final[tuple[Ways, ...]] = (
    ("in the cellar", "below the ground floor"),
    ("near the harbour", "not far from where the ships lie"),
    ("behind the town hall", "at the back of the mayor's building"),
    ("on the fourth floor", "four flights of stairs up"),
    ("at the edge of the forest", "where the trees begin"),
    ("in the main square", "in the middle of the market place"),
    ("beside the river", "along the bank of the stream"),
    ("in a warm greenhouse", "under heated glass"),
)
WHEN: Final[tuple[Ways, ...]] = (
    ("before sunrise", "while it was still dark"),
    ("last Friday", "at the end of the past working week"),
    ("during the storm", "while the gale was at its worst"),
    ("at noon", "in the middle of the day"),
    ("in early spring", "when the snow had just gone"),
    ("twice this month", "on two occasions in the past weeks"),
    ("after the concert", "once the music was over"),
    ("on a public holiday", "on a day when the shops are shut"),
)
WHY: Final[tuple[Ways, ...]] = (
    ("because nobody else had time", "since all the others were busy"),
    ("to save some money", "so that it would cost less"),
    ("as the manager had asked", "on the request of the boss"),
    ("without telling anyone", "and kept quiet about it"),
    ("to please the guests", "so that the visitors would be content"),
    ("although it was raining", "in spite of the wet weather"),
    ("for the third time", "having done so twice already"),
    ("after reading the instructions", "with the manual in mind"),
)
JOINTS: Final = (", and ", "; meanwhile ", ", while ", ", but ")
# How many statements a text has, of 20 texts: most have one, a few are as long as a short paragraph.
STATEMENTS: Final = (1,) * 12 + (2,) * 5 + (3,) * 2 + (4,) * 1
# Which details a statement has beside who did what.
DETAILS: Final = ((), (WHERE,), (WHEN,), (WHERE, WHEN), (WHY,), (WHEN, WHY), (WHERE, WHEN, WHY))


class Pair(NamedTuple):
    """A text, and the same said in other words."""

    text: str
    paraphrase: str


def texts(count: int, seed: int) -> list[str]:
    """So many texts, each of one to four statements."""
    return [pair.text for pair in pairs(count, seed)]


def pairs(count: int, seed: int) -> list[Pair]:
    """So many texts with a paraphrase each."""
    return [_pair(f"{seed}/{number}") for number in range(count)]


def _pair(key: str) -> Pair:
    statements = [_statement(f"{key}/{at}") for at in range(_choose(STATEMENTS, f"{key}/statements"))]
    joints = [_choose(JOINTS, f"{key}/joint/{at}") for at in range(len(statements))]
    said = [
        "".join((joint if at else "") + ways[way] for at, (joint, ways) in enumerate(zip(joints, statements, strict=True)))
        for way in (0, 1)
    ]
    return Pair(*(f"{text[0].upper()}{text[1:]}." for text in said))


def _statement(key: str) -> Ways:
    parts = [WHO, DID, *_choose(DETAILS, f"{key}/details")]
    chosen = [_choose(part, f"{key}/{at}") for at, part in enumerate(parts)]
    return " ".join(way[0] for way in chosen), " ".join(way[1] for way in chosen)


def _choose(things: Sequence[T], key: str) -> T:
    """One of them, by a hash of the key."""
    return things[int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % len(things)]
