"""Fills of many cards that are hurt: killed at any moment, started twice, run beside others, stopped by a person."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from footprint.card import fill, read_card, write_card
from footprint.card.write import remove_leftovers
from footprint.errors import CardError
from tests.card.samples import CORPUS, other_content, run_content
from tests.faults.conftest import wait_for

CARDS = 400
FACTS = ("--hardware", "V100 SXM2", "--count", "8", "--hours", "100", "--zone", "FRA", "--year", "2024")


def filling(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """A fill of a folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "footprint", "card", "fill", str(folder), *FACTS, *more],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def lay_out(folder: Path, count: int) -> dict[Path, bytes]:
    """A folder of cards of several shapes."""
    shapes = [(CORPUS / name).read_bytes() for name in ("template.md", "person.md", "number.md", "no_section.md", "older.md")]
    cards = {}
    for number, shape in zip(range(count), itertools.cycle(shapes), strict=False):
        card = folder / f"model-{number}" / "README.md"
        card.parent.mkdir(parents=True)
        card.write_bytes(shape + b"\nModel %d.\n" % number)
        cards[card] = card.read_bytes()
    return cards


def filled(cards: dict[Path, bytes], folder: Path) -> dict[Path, bytes]:
    """What each card is to become: a fill that nothing hurts says so."""
    done = filling(folder)
    _, said = done.communicate()
    assert done.returncode == 0, said.decode()
    after = {card: card.read_bytes() for card in cards}
    assert all(after[card] != before for card, before in cards.items())
    for card, before in cards.items():
        card.write_bytes(before)
    return after


def wait_for_the_first_card(process: subprocess.Popen[bytes], state: Path) -> None:
    """Until a card is noted, or the fill has ended."""
    wait_for(
        lambda: process.poll() is not None or (state.exists() and state.read_bytes().count(b"\n") > 1), "a first card is filled"
    )


def wait_for_the_end(group: int) -> None:
    """Until no process of a fill is left."""

    def is_gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(is_gone, "the processes of a killed fill end")


@pytest.mark.slow
def test_fault_26_killed_at_any_moment_every_card_is_wholly_old_or_wholly_new(tmp_path: Path) -> None:
    """Kill -9 of the whole fill, or of the process that gives out the cards alone; then a last fill goes on and ends."""
    kills = int(os.environ.get("FOOTPRINT_KILLS", "12"))  # as many as a test may take time for; more on request
    folder, state = tmp_path / "cards", tmp_path / "state.jsonl"
    before = lay_out(folder, CARDS)
    after = filled(before, folder)
    draw = random.Random(5)
    seen = {"old": 0, "new": 0, "under way": 0}
    for kill in range(kills):
        process = filling(folder, "--resume", str(state), "--jobs", str(1 + kill % 2))
        # From the first card on, moments are spread over the fill; some come after its end.
        wait_for_the_first_card(process, state)
        time.sleep(draw.uniform(0, 0.4))
        os.killpg(process.pid, signal.SIGKILL) if kill % 4 < 2 else process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        for card in before:  # at this very moment, while an orphan may still be at its last card
            assert card.read_bytes() in {before[card], after[card]}, card
        wait_for_the_end(process.pid)
        done = [card.read_bytes() == after[card] for card in before]
        seen["new"] += sum(done)
        seen["old"] += len(done) - sum(done)
        seen["under way"] += 0 < sum(done) < len(done)
        for record in map(json.loads, state.read_bytes().splitlines(keepends=False)[1:-1]):
            assert Path(record["path"]).read_bytes() == after[Path(record["path"])], "what is noted was done"
        if kill % 3 or all(done):  # every third time the next fill goes on where this one was killed
            state.unlink()
            for card, raw in before.items():
                card.write_bytes(raw)
    print(
        f"\n{kills} kills of fills of {CARDS} cards ({seen['under way']} under way): files old {seen['old']}, new {seen['new']}"
    )
    assert seen["under way"] > kills // 4
    last = filling(folder, "--resume", str(state))
    _, said = last.communicate()
    assert last.returncode == 0, said.decode()
    assert {card: card.read_bytes() for card in before} == after
    assert [path for path in folder.rglob("*") if path.is_file() and path not in before] == [], "what the killed left is swept up"


@pytest.mark.slow
def test_fault_27_of_two_fills_of_one_card_at_once_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    """Both have read the card when the start is given; in no round do both believe that they wrote."""
    code = (
        "import sys; from pathlib import Path; from footprint.card import fill, read_card, write_card\n"
        "from footprint.errors import CardError; from tests.card.samples import run_content, other_content\n"
        "content = (run_content, other_content)[int(sys.argv[1])]()\n"
        "for path in map(Path, map(str.strip, sys.stdin)):\n"
        "    plan = fill(read_card(path), content)\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "    try:\n"
        "        write_card(path, plan.before, plan.after); print('won', flush=True)\n"
        "    except CardError as error:\n"
        "        print(error, flush=True)\n"
    )
    root = Path(__file__).parents[2]
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for n in range(2)
    ]
    card = tmp_path / "README.md"
    template = (CORPUS / "template.md").read_bytes()
    ends = [(CORPUS / "template.md", content) for content in (run_content(), other_content())]
    possible = [fill(read_card(path), content).after for path, content in ends]
    won = [0, 0]
    for _ in range(300):
        card.write_bytes(template)
        told = []
        for line in (f"{card}\n", "go\n"):
            for process in both:
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
            told = [process.stdout.readline().strip() for process in both if process.stdout is not None]
        assert sorted(word == "won" for word in told) == [False, True], told
        winner = told.index("won")
        assert "changed on disk while it was being filled; nothing was written, fill it again" in told[1 - winner]
        assert card.read_bytes() == possible[winner]
        won[winner] += 1
    for process in both:
        process.communicate()
    print(f"\n300 rounds: the first won {won[0]}, the second {won[1]}, both never")
    assert list(tmp_path.iterdir()) == [card]


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "number"), [("1", signal.SIGINT), ("2", signal.SIGTERM)])
def test_fault_28_a_fill_that_is_stopped_ends_after_the_card_at_hand_and_goes_on_later(
    tmp_path: Path, jobs: str, number: signal.Signals
) -> None:
    folder, state = tmp_path / "cards", tmp_path / "state.jsonl"
    before = lay_out(folder, 2_000)
    process = filling(folder, "--resume", str(state), "--jobs", jobs)
    wait_for(lambda: state.exists() and state.read_bytes().count(b"\n") > 40, "some cards are filled")
    os.killpg(process.pid, number)  # as a terminal does: to each process of the group
    _, said = process.communicate()
    assert process.returncode == 128 + number
    assert b"Traceback" not in said
    assert b"cards were not come to; --resume" in said
    assert list(folder.rglob(".*")) == []
    noted = [json.loads(line) for line in state.read_bytes().splitlines()[1:]]
    changed = {card for card, raw in before.items() if card.read_bytes() != raw}
    assert {Path(record["path"]) for record in noted} == changed, "each card that was filled is noted, and no other"
    assert 0 < len(changed) < len(before)
    last = filling(folder, "--resume", str(state), "--jobs", jobs)
    last.communicate()
    assert last.returncode == 0
    assert all(b"footprint:begin" in card.read_bytes() for card in before)


@pytest.mark.slow
def test_fault_27_two_bulk_fills_at_once_leave_every_card_whole(tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    before = lay_out(folder, CARDS)
    after = filled(before, folder)
    both = [filling(folder, "--jobs", "2") for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert {process.returncode for process in both} <= {0, 2}
    told = b"".join(said)
    assert b"Traceback" not in told
    notes = (b"changed on disk", b" not filled", b"counted", b"with one account")
    assert [line for line in told.splitlines() if not any(note in line for note in notes)] == []
    assert {card: card.read_bytes() for card in before} == after
    assert list(folder.rglob(".*")) == []


def test_one_fill_at_a_time_notes_in_a_file(tmp_path: Path) -> None:
    from footprint.card.many.state import State
    from footprint.errors import ConfigError

    state = State(tmp_path / "state.jsonl", "job")
    with pytest.raises(ConfigError, match="another fill writes to it now"):
        State(tmp_path / "state.jsonl", "job")
    state.close()
    State(tmp_path / "state.jsonl", "job").close()


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    import fcntl

    dead, living = tmp_path / ".footprint-dead.md", tmp_path / ".footprint-living.md"
    dead.write_bytes(b"half")
    living.write_bytes(b"half")
    with living.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert remove_leftovers(tmp_path) == 1
        assert list(tmp_path.iterdir()) == [living]
    assert remove_leftovers(tmp_path / "none") == 0


def test_a_folder_that_another_program_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr("footprint.card.write._PATIENCE_S", 0.05)
    card = tmp_path / "README.md"
    card.write_bytes(b"old")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(CardError, match="another program has locked its folder; nothing was written"):
            write_card(card, b"old", b"new")
    finally:
        os.close(folder)
    assert card.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [card]
    write_card(card, b"old", b"new")
    assert card.read_bytes() == b"new"
