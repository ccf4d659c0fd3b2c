"""Many cards: the same job as huggingface_hub's, in memory and on disk; flat memory, time by size, hostile cards, processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from footprint.card import fill, read_card
from footprint.errors import CardError
from tests.benchmarks import filling
from tests.benchmarks.effort import Effort
from tests.benchmarks.hostile import HOSTILE
from tests.benchmarks.peers import OURS, version_of
from tests.benchmarks.rows import Row, milliseconds, times
from tests.card.laws import TODAY

TITLE: Final = "many cards: against huggingface_hub, one core; memory, size, hostile cards, processes"

_MEMORY_TIMES: Final = 10.0
_DISK_TIMES: Final = 3.0
_FLAT_MB: Final = 3.0
_LINEAR: Final = 2.0
_HOSTILE_S: Final = 1.0
_SOON_S: Final = 0.25
_ENTRY: Final = {"emissions": 153_000, "source": "footprint", "training_type": "fine-tuning"}
_CORPUS: Final = Path(__file__).parents[1] / "corpus"
_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 4_900_000)


class Pair(NamedTuple):
    """Seconds for the same cards, ours and theirs."""

    ours_s: float
    theirs_s: float

    @property
    def ratio(self) -> float:
        """Theirs in units of ours."""
        return self.theirs_s / self.ours_s


def run(effort: Effort) -> Iterator[Row]:
    """All rows."""
    yield from peer_rows(effort)
    yield from flat_rows(effort)
    yield from size_rows(effort)
    yield from hostile_rows()
    yield from process_rows(effort)


def card_sets() -> dict[str, list[bytes]]:
    """Our corpus, and the third-party cards where their folder is named."""
    sets = {"our corpus": [path.read_bytes() for path in sorted(_CORPUS.glob("*.md"))]}
    sets["front matter with results, 0.2 to 5 KB"] = [with_results(count) for count in (0, 0, 1, 1, 2, 3, 4, 6, 10, 16)]
    named = os.environ.get("FOOTPRINT_SHARED")
    if named:
        sets["published cards"] = [path.read_bytes() for path in sorted((Path(named) / "cards").glob("*.md"))]
    return sets


def with_results(count: int) -> bytes:
    """A card of the template's shape whose front matter tells so many results of evaluations, as trainers write them."""
    result = (
        "  - task:\n      type: text-classification\n      name: Text Classification\n    dataset:\n      name: tides_%d\n"
        "      type: tides_%d\n      config: default\n      split: validation\n      args: default\n    metrics:\n"
        "    - type: accuracy\n      value: 0.9%d1\n      name: Accuracy\n      verified: true\n"
    )
    results = "".join(result % (number, number, number) for number in range(count))
    told = f"model-index:\n- name: tidewatch\n  results:\n{results}" if count else ""
    template = (_CORPUS / "template.md").read_bytes()
    return template.replace(b"seed: 0o17\n", f"base_model: harbour/tide-{count}\n{told}".encode())


def _ours(raw: bytes) -> bytes:
    return fill(read_card(raw), filling.content()).after


def _theirs(raw: bytes) -> bytes:
    from huggingface_hub import ModelCard

    card: Any = ModelCard(raw.decode("utf-8"), ignore_metadata_errors=True)
    card.data.co2_eq_emissions = _ENTRY
    return str(card).encode()


def _works(work: Callable[[bytes], bytes], raw: bytes) -> bool:
    try:
        work(raw)
    except Exception:  # noqa: BLE001 - cards that either tool refuses are left out for both
        return False
    return True


def peer_rows(effort: Effort) -> Iterator[Row]:
    """The cards that both tools take, in memory and on disk."""
    _quiet()
    for name, every in card_sets().items():
        cards = [raw for raw in every if _works(_ours, raw) and _works(_theirs, raw)]
        middle_kb = statistics.median(map(len, cards)) / 1000
        about = f"{name}: {len(cards)} of {len(every)} that both take, {middle_kb:.1f} KB in the middle"
        memory = _paired(effort.repeats, _all_of(_ours, cards), _all_of(_theirs, cards))
        what = f"read, fill, prove / load, set, print; in memory ({about})"
        yield from _both(what, memory, len(cards), _MEMORY_TIMES)
        with tempfile.TemporaryDirectory(dir=_on_disk()) as folder:
            yield from _disk_rows(effort, name, cards, Path(folder))


def _disk_rows(effort: Effort, name: str, cards: Sequence[bytes], folder: Path) -> Iterator[Row]:
    """The same on disk; theirs as it is, and with an fsync."""
    paths = [folder / f"{number}.md" for number in range(len(cards))]
    for theirs, target in ((_hub_synced, _DISK_TIMES), (_hub, None)):
        ours = partial(_each, filling.ours, paths)
        found = _paired(effort.repeats, ours, partial(_each, theirs, paths), before=partial(_write, paths, cards))
        what = f"the same on disk, ours with fsync, theirs {'too' if target else 'without'} ({name})"
        yield from _both(what, found, len(cards), target)


def _both(what: str, found: Pair, count: int, target: float | None) -> Iterator[Row]:
    said = f"{milliseconds(found.ours_s / count)} a card, {count / found.ours_s:,.0f} / s"
    is_met = found.ratio >= target if target else None
    yield Row(what, OURS.label, said, f"theirs / ours >= {target:g}" if target else "", is_met)
    said = f"{milliseconds(found.theirs_s / count)} a card, {count / found.theirs_s:,.0f} / s"
    yield Row(what, version_of("huggingface_hub"), said, ratio=times(found.theirs_s, found.ours_s))


def _all_of(work: Callable[[bytes], bytes], cards: Sequence[bytes]) -> Callable[[], None]:
    def loop() -> None:
        for raw in cards:
            work(raw)

    return loop


def _each(work: Callable[[Path], None], paths: Sequence[Path]) -> None:
    for path in paths:
        work(path)


def _hub(path: Path) -> None:
    from huggingface_hub import ModelCard

    card: Any = ModelCard.load(path, ignore_metadata_errors=True)
    card.data.co2_eq_emissions = _ENTRY
    card.save(path)


def _hub_synced(path: Path) -> None:
    _hub(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write(paths: Sequence[Path], cards: Sequence[bytes]) -> None:
    for path, raw in zip(paths, cards, strict=True):
        path.write_bytes(raw)
    os.sync()


def _paired(
    repeats: int, ours: Callable[[], None], theirs: Callable[[], None], before: Callable[[], None] = lambda: None
) -> Pair:
    """The shortest time of each, taken in turn: what else the machine does makes it only longer."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):  # the first loads what both need
        for work, into in zip((ours, theirs), found, strict=True):
            before()
            into.append(filling.seconds(work))
    return Pair(min(found[0][1:]), min(found[1][1:]))


def _quiet() -> None:
    from huggingface_hub.utils import logging

    quiet: Any = logging
    quiet.set_verbosity_error()


def _on_disk() -> str | None:
    """A folder on a disk where fsync costs what it does; the system's own for temporary files may be memory."""
    return next((folder for folder in ("/var/tmp",) if os.access(folder, os.W_OK)), None)


_FLAT: Final = """\
import sys
from random import Random
import psutil
from footprint.card import fill, read_card
from footprint.card.check import check
from footprint.errors import CardError
from tests.benchmarks import filling
from tests.card.laws import TODAY
from tests.fuzz.cards import make
count, first = int(sys.argv[1]), int(sys.argv[1]) // 10
content, refused, size = filling.content(), 0, 0
for number in range(count):
    raw = make(Random(number))
    size += len(raw)
    try:
        card = read_card(raw)
        check(card, today=TODAY), card.evidence
        fill(card, content)
    except CardError:
        refused += 1
    if number + 1 == first:
        before = psutil.Process().memory_info().rss
print(psutil.Process().memory_info().rss - before, size, refused)
"""


def flat_rows(effort: Effort) -> Iterator[Row]:
    """Memory of a process that reads, checks and fills many cards, each another."""
    done = subprocess.run(
        [sys.executable, "-c", _FLAT, str(effort.cards)], capture_output=True, text=True, check=True, timeout=1200
    )
    grown, size, _ = map(int, done.stdout.split())
    grown_mb = grown / 1e6
    what = (
        f"memory over {effort.cards:,} cards, each another ({size / 1e6:,.0f} MB; read, checked, filled), from the first tenth on"
    )
    yield Row(what, OURS.label, f"{grown_mb:+.1f} MB", f"<= +{_FLAT_MB:g} MB", grown_mb <= _FLAT_MB)


def card_of(size: int) -> bytes:
    """A card of about so many bytes, with what cards have: prose, lists, tables, code."""
    template = (_CORPUS / "template.md").read_bytes()
    head, mark, tail = template.partition(b"## Environmental Impact")
    part = (
        b"### Results of part %d\n\n"
        + b"The height of the tide was predicted for the harbour an hour ahead, day by day. " * 5
        + b"Harbour %d.\n\n- **Loss:** 0.%d\n"
        b"- an item: it has a colon\n\n| harbour | error |\n|---|---|\n| %d | 2.1 cm |\n\n```python\nx = tide(%d)  # cm\n```\n\n"
    )
    parts: list[bytes] = []
    rest = size - len(template)
    while rest > 0:
        parts.append(part % ((len(parts),) * 5))
        rest -= len(parts[-1])
    return head + b"".join(parts) + mark + tail


def size_rows(effort: Effort) -> Iterator[Row]:
    """Time for cards of 1 KB to 5 MB."""
    found: dict[int, float] = {}
    for size in _SIZES:
        raw = card_of(size)
        count = max(1, min(50, 200_000 // len(raw))) * effort.repeats
        found[len(raw)] = min(filling.seconds(partial(_ours, raw)) for _ in range(count))
    per_kb = {size: 1000 * seconds / size for size, seconds in found.items()}
    middle = per_kb[sorted(per_kb)[2]]  # below, what each card costs whatever its size counts most
    for size, seconds in found.items():
        grown = per_kb[size] / middle
        is_large = size > sorted(per_kb)[2]
        target = f"<= {_LINEAR:g} x a KB of a card of {sorted(per_kb)[2] / 1000:,.0f} KB" if is_large else ""
        said = f"{milliseconds(seconds)}, {per_kb[size] * 1e6:,.0f} µs a KB ({grown:.2g} x)"
        yield Row(f"a card of {size / 1000:,.0f} KB, in memory", OURS.label, said, target, grown <= _LINEAR if is_large else None)


def hostile_rows() -> Iterator[Row]:
    """Cards that were made to hurt: refused in less than a second, or filled and checked in time that grows as they do."""
    for name, hostile in HOSTILE.items():
        raw = hostile.card(hostile.size)
        for what, work in (("fill", _ours), ("check", _checked)):
            seconds, said = _ended(work, raw)
            about = f"hostile: {name} ({len(raw) / 1000:,.0f} KB), {what}"
            if hostile.is_refused:
                is_met = seconds < _HOSTILE_S and said.startswith("refused")
                yield Row(about, OURS.label, f"{milliseconds(seconds)}; {said}", f"refused in < {_HOSTILE_S:g} s", is_met)
                continue
            quarter = hostile.card(hostile.size // 4)
            grown = seconds / min(_ended(work, quarter)[0] for _ in range(2))
            ratio = len(raw) / len(quarter)
            # What ends soon is not worth a measurement: its time is the machine's mood.
            is_met = seconds < _SOON_S or grown <= _LINEAR * ratio
            said = f"{milliseconds(seconds)}, {grown:.2g} x a quarter's; {said}"
            yield Row(about, OURS.label, said, f"<= {_LINEAR * ratio:.2g} x a quarter's, or < {_SOON_S:g} s", is_met)


def _ended(work: Callable[[bytes], object], raw: bytes) -> tuple[float, str]:
    """Seconds, and how it ended."""
    begin_s = time.perf_counter()
    try:
        work(raw)
        said = "done"
    except CardError as error:
        said = f"refused: {str(error)[:60]}"
    return time.perf_counter() - begin_s, said


def _checked(raw: bytes) -> None:
    """What `card show` and `card check` ask of a card."""
    from footprint.card.check import check

    card = read_card(raw)
    assert card.groups is not None
    assert card.evidence is not None
    check(card, today=TODAY)


def process_rows(effort: Effort) -> Iterator[Row]:
    """`footprint card fill FOLDER` in one process and in as many as there are cores."""
    cards = [raw for every in card_sets().values() for raw in every if _works(_ours, raw)]
    count = effort.cards // 5
    facts = [part for name, value in filling.FACTS.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    alone_s = 0.0
    for jobs in (1, os.cpu_count() or 1):
        with tempfile.TemporaryDirectory(dir=_on_disk()) as folder:
            paths = [Path(folder) / f"{number:06}" / "README.md" for number in range(count)]
            for path in paths:
                path.parent.mkdir()
            _write(paths, [cards[number % len(cards)] for number in range(count)])
            command = [sys.executable, "-m", "footprint", "card", "fill", folder, "--jobs", str(jobs), *facts]
            begin_s = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
            seconds = time.perf_counter() - begin_s
        if done.returncode:
            raise RuntimeError(f"fill ended with {done.returncode}: {done.stderr[-300:]}")
        alone_s = alone_s or seconds
        what = f"footprint card fill FOLDER --jobs {jobs}: {count:,} cards on disk, with fsync, start included"
        yield Row(what, OURS.label, f"{seconds:.1f} s, {count / seconds:,.0f} cards / s", ratio=times(alone_s, seconds))
