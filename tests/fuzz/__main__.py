"""`make fuzz`: many thousand cards, made up and mutated, filled and held to the laws; both cores.

`python -m tests.fuzz [COUNT] [--from SEED] [--cards FOLDER] [--replay SEED]`. A card is told by its seed, so that a run with the
same numbers and corpus does the same. Each broken law's smallest card is kept in `.fuzz/`. Exits 1 where a law is broken.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz.trial import Outcome, card_of, judge, laws_of, run, shrink

KEPT: Final = Path(__file__).parents[2] / ".fuzz"
_CHUNK: Final = 50
_SHRUNK: Final = 3  # smallest cards sought for each law


def main() -> None:
    """Run, print counts, keep the smallest cards that break a law."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=200_000, help="how many cards (200,000)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED", help="the first card's seed (0)")
    parser.add_argument("--cards", metavar="FOLDER", help="mutate the cards of this folder, too")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one card alone: print it and what is found")
    parser.add_argument("--refused", metavar="TEXT", help="also seek the smallest cards that are refused in words with this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; all cores by default")
    asked = parser.parse_args()
    if asked.replay is not None:
        sys.stdout.buffer.write(card_of(asked.replay, asked.cards)[0] + b"\n")
        print(run(asked.replay, asked.cards))
        return
    begin_s = time.monotonic()
    outcomes = []
    with multiprocessing.get_context("fork").Pool(asked.jobs) as pool:
        seeds = range(asked.first, asked.first + asked.count)
        for outcome in pool.imap_unordered(partial(run, folder=asked.cards), seeds, chunksize=_CHUNK):
            outcomes.append(outcome)
            if len(outcomes) % 10_000 == 0:
                broken = sum(one.law is not None for one in outcomes)
                print(f"{len(outcomes):,} cards, {broken} broken, {time.monotonic() - begin_s:.0f} s", flush=True)
    report(outcomes, time.monotonic() - begin_s)
    for law in sorted({outcome.law for outcome in outcomes if outcome.law}):
        keep(law, [outcome for outcome in outcomes if outcome.law == law], asked.cards)
    for why in sorted({o.refused for o in outcomes if o.refused and asked.refused is not None and asked.refused in o.refused}):
        keep(why, [outcome for outcome in outcomes if outcome.refused == why], asked.cards)
    if any(outcome.law for outcome in outcomes):
        raise SystemExit(1)


def report(outcomes: list[Outcome], took_s: float) -> None:
    """Print what became of the cards."""
    count = len(outcomes)
    total_bytes = sum(outcome.size_bytes for outcome in outcomes)
    broken = Counter(outcome.law for outcome in outcomes if outcome.law)
    print(f"{count:,} cards ({total_bytes / 1e6:,.0f} MB) in {took_s:.0f} s: {count / took_s:,.0f} cards/s")
    print(f"laws broken: {broken.total():,} cards")
    for law, number in broken.most_common():
        print(f"  {number:7,}  {law}")
    for name, chosen in (("as made", [o for o in outcomes if o.plain]), ("mutated", [o for o in outcomes if not o.plain])):
        reasons = Counter(outcome.refused for outcome in chosen if outcome.refused)
        print(f"refused, {name}: {reasons.total():,} of {len(chosen):,} ({100 * reasons.total() / max(1, len(chosen)):.2f} %)")
        for reason, number in reasons.most_common(25):
            print(f"  {number:7,}  {reason}")
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:3]
    print("slowest:", "; ".join(f"seed {o.seed}: {o.seconds * 1000:.0f} ms, {o.size_bytes:,} bytes" for o in slowest))


def keep(what: str, outcomes: list[Outcome], folder: str | None) -> None:
    """Shrink some cards that break a law (or are refused) in the same way, and keep the smallest of them."""
    KEPT.mkdir(exist_ok=True)
    small = []
    for outcome in sorted(outcomes, key=lambda outcome: outcome.size_bytes)[:_SHRUNK]:
        check = laws_of(outcome.seed)

        def still(raw: bytes, check: Callable[[bytes], None] = check) -> bool:
            return what in judge(raw, check)[:2]

        small.append((shrink(card_of(outcome.seed, folder)[0], still), outcome.seed))
    card, seed = min(small, key=lambda pair: len(pair[0]))
    path = KEPT / f"{''.join(c if c.isalnum() else '-' for c in what)[:60]}-{hashlib.sha256(card).hexdigest()[:8]}.md"
    path.write_bytes(card)
    print(f"\n{what}: seed {seed}, {path.name}\n  {card!r}\n  {judge(card, laws_of(seed))[2]}")


if __name__ == "__main__":
    main()
