"""One card of the fuzz, told wholly by its seed: made or taken, mutated, filled, and held to the laws."""

from __future__ import annotations

import contextlib
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from footprint.card import CardContent, fill, read_card
from footprint.errors import CardError
from tests.card import samples
from tests.card.laws import BrokenLawError, check_laws, check_reading, check_sequences, refusals_are_clear
from tests.fuzz.cards import make, mutate

LONGEST_S: Final = 10.0
"""A card of some kilobytes that takes longer does not end, as far as people are concerned."""


class Outcome(NamedTuple):
    """What became of one card.

    Attributes:
        plain: whether the card is as it was made, without a mutation.
        refused: why reading or filling was refused, without its numbers and names; None where it was not.
        law: the law that does not hold, or the exception; None where all hold.
        what: what was found.
        seconds: CPU time of all of it, the other readers included.
    """

    seed: int
    size_bytes: int
    plain: bool
    refused: str | None
    law: str | None
    what: str
    seconds: float


class _TooLongError(Exception):
    pass


@lru_cache(maxsize=1)
def contents() -> dict[str, CardContent]:
    """What cards are filled with."""
    return {
        "run": samples.run_content(),
        "no place": samples.run_content(None),
        "other": samples.other_content(),
        "nothing": samples.nothing_known(),
        "inference": samples.run_content(kind="inference"),
    }


@lru_cache(maxsize=4)
def found(folder: str | None) -> tuple[bytes, ...]:
    """The cards that are mutated: our corpus, and those of a folder."""
    paths = samples.corpus()
    if folder is not None:
        paths += sorted(path for path in Path(folder).rglob("*") if path.suffix in {".md", ".txt"})
    return tuple(path.read_bytes() for path in paths)


def card_of(seed: int, folder: str | None = None) -> tuple[bytes, bool]:
    """A seed's card, and whether it is as it was made."""
    rng = Random(seed)
    cards = found(folder)
    card = rng.choice(cards) if rng.random() < (0.35 if folder is None else 0.8) else make(rng)
    is_plain = rng.random() < 0.2
    if rng.random() < 0.12:
        with contextlib.suppress(CardError):
            card = fill(read_card(card), contents()["run"]).after
    return (card, True) if is_plain else (mutate(rng, card, cards), False)


def laws_of(seed: int) -> Callable[[bytes], None]:
    """What a seed's card is held to; it raises what `check_laws` does."""
    rng = Random(~seed)
    name, overwrite = rng.choice(("run", "run", "run", "other", "no place", "nothing", "inference")), rng.random() < 0.15
    in_sequence, rendered = rng.random() < 0.25, rng.random() < 0.4

    def check(raw: bytes) -> None:
        check_reading(raw)
        try:
            check_laws(raw, contents()[name], overwrite=overwrite, rendered=rendered)
            if in_sequence:
                check_sequences(raw, contents()["run"], contents()["other"], contents()["nothing"], contents()["inference"])
        except CardError as error:
            refusals_are_clear(raw, error)
            _groups(raw, contents()[name])
            raise

    return check


def _groups(raw: bytes, content: CardContent) -> None:
    """Where several groups keep a card from being filled, each of them can be by its name; the others stay."""
    groups = read_card(raw).groups
    names = [group.name for group in groups if group.name]
    if len(groups) < 2 or len(set(names)) < len(groups):
        return
    for name in names:
        with contextlib.suppress(CardError):
            check_laws(raw, content, group=name, rendered=False)


def run(seed: int, folder: str | None = None) -> Outcome:
    """Make a seed's card and hold it to the laws."""
    raw, is_plain = card_of(seed, folder)
    begin_s = time.process_time()
    refused, law, what = judge(raw, laws_of(seed))
    return Outcome(seed, len(raw), is_plain, refused, law, what, time.process_time() - begin_s)


def judge(raw: bytes, check: Callable[[bytes], None]) -> tuple[str | None, str | None, str]:
    """Why a card was refused, which law it breaks, and what was found."""
    try:
        with _limited():
            check(raw)
    except CardError as error:
        return reason(str(error)), None, ""
    except BrokenLawError as error:
        return None, error.law, str(error)
    except _TooLongError:
        return None, "ends", f"it did not end in {LONGEST_S:g} s"
    except Exception as error:  # noqa: BLE001 - any other exception is a finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"raises {type(error).__name__} in {Path(place.filename).name} {place.name}", f"{error!r:.300}"
    return None, None, ""


def reason(message: str) -> str:
    """A refusal without what is the card's own."""
    message = re.sub(r"^line \d+: |\(.*\)|: (?=').*$|(?<!\w)'[^']*'|\"[^\"]*\"", "", message)
    return " ".join(re.sub(r"\d[\d,]*", "N", message).split())[:110]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def shrink(raw: bytes, still: Callable[[bytes], bool], tries: int = 400) -> bytes:
    """A smaller card of which something still holds: by lines, then by pieces of lines.

    Args:
        raw: the card.
        still: whether it holds of a card.
        tries: how many cards are asked about at most.
    """
    for cut in (lambda data: data.splitlines(keepends=True), lambda data: [data[at : at + 1] for at in range(len(data))]):
        parts: Sequence[bytes] = cut(raw)
        size = len(parts) // 2
        while size and tries > 0:
            at = 0
            while at < len(parts) and tries > 0:
                rest = [*parts[:at], *parts[at + size :]]
                tries -= 1
                if still(b"".join(rest)):
                    parts = rest
                else:
                    at += size
            size //= 2
        raw = b"".join(parts)
    return raw
