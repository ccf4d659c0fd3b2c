"""Journals that are hurt, shared, of other versions, or lie among what others put there: each loses one record at most."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.cli import call
from footprint.errors import LedgerError
from footprint.ledger import find_run, read_runs, records
from footprint.ledger.journal import Journal
from footprint.ledger.reading import JournalReading, read_journal
from footprint.ledger.records import AnyRecord, Close, Marked, Open, Tick, line_of, record_of
from footprint.model import Run
from tests.faults.conftest import settled_runs
from tests.faults.fuse import mounted
from tests.ledger.conftest import opened, tick, whole_run

Finish = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[2]
POWER_W = 50.0
RUNS, TICKS = 10, 30
# Four of these run at once: each writes its runs, one journal a run as its recorders would, and says their ids.
WRITER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from footprint.ledger.journal import Journal
from tests.ledger.conftest import whole_run
home, first = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + {RUNS}):
    journal = Journal(home)
    for record in whole_run(f"{{number:016x}}", start_s=100.0 + number, ticks={TICKS}):
        assert journal.write(record)
        journal.sync()
    journal.close()
"""
# The same with one file for all, as a table that several processes append to.
SHARED = """
import os, sys
shared = os.open(sys.argv[1] + "/shared", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
print("ready", flush=True)
sys.stdin.readline()
for number in range(300):
    os.write(shared, b"%s:%d\\n" % (sys.argv[2].encode(), number))
"""


def at_once(code: str, places: list[Path]) -> None:
    """Run a writer for each place, all from one moment on."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(place), str(number * RUNS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, place in enumerate(places)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err


def assert_all_there(home: Path) -> None:
    """Each run of the four writers once, with all its joules, and nothing amiss."""
    found = read_runs(home)
    assert found.problems == ()
    assert sorted(run.id for run in found.runs) == [f"{number:016x}" for number in range(4 * RUNS)]
    assert {run.outcome for run in found.runs} == {"completed"}
    assert sum(run.devices[0].energy_j or 0 for run in found.runs) == 4 * RUNS * TICKS * POWER_W
    assert sum(run.work["samples"] for run in found.runs) == 4 * RUNS * 10


@pytest.mark.slow
def test_fault_07_four_writers_in_one_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    at_once(WRITER, [home] * 4)
    assert_all_there(home)


@pytest.fixture
def two_mounts(tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A folder, and two mounts of it, neither of which knows what the other's cache holds."""
    folder = tmp_path / "disk"
    folder.mkdir()
    one, other = tmp_path / "one", tmp_path / "other"
    with mounted(folder, one) as first, mounted(folder, other) as second:
        if not (first and second):
            pytest.skip("file systems in user space cannot be mounted here")
        yield folder, one, other


@pytest.mark.slow
def test_fault_07_two_mounts_that_know_nothing_of_each_other(two_mounts: tuple[Path, Path, Path]) -> None:
    folder, one, other = two_mounts
    at_once(SHARED, [one, other])
    for mount in (one, other):
        os.sync()
        subprocess.run(["umount", str(mount)], check=False, capture_output=True)
    lines = (folder / "shared").read_bytes().splitlines()
    assert len(lines) < 600, "these mounts are no model of incoherent caches: a shared file lost nothing"


@pytest.mark.slow
def test_fault_07_four_writers_on_two_such_mounts(two_mounts: tuple[Path, Path, Path]) -> None:
    folder, one, other = two_mounts
    at_once(WRITER, [one / "home", other / "home", one / "home", other / "home"])
    assert_all_there(folder / "home")  # synced: what a third machine sees


# -- 8: every byte -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a real program, recorded by a real recorder."""
    home = tmp_path_factory.mktemp("recorded")
    code = """
        import time, footprint
        with footprint.track("measured", interval_s=0.05, labels={"team": "a"}) as run:
            for step in range(6):
                run.count(samples=1)
                run.mark(f"step {step}")
                time.sleep(0.05)
    """
    program = "\n".join(line[8:] for line in code.splitlines())
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "FOOTPRINT_HOME": str(home)}, check=True, timeout=60)
    (path,) = home.glob("runs/*/*/*.jsonl")
    return path.read_bytes()


def kept(reading: JournalReading) -> set[tuple[str, float]]:
    """What a reading holds of the one run's records, each by its kind and its time; work counters stand in for each other."""
    found: set[tuple[str, float]] = set()
    for one in reading.runs.values():
        found.add(("open", one.opened.t_s))
        found |= {("tick", point.t_s) for point in one.points()}
        found |= {("mark", mark.t_s) for mark in one.run().marks}
        if one.closed is not None:
            found.add(("close", one.closed.t_s))
    return found


def test_fault_08_a_tail_torn_at_every_byte(recorded: bytes, tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    lines = recorded.splitlines(keepends=True)
    assert len(lines) > 15
    wholly: dict[int, set[tuple[str, float]]] = {}
    end = 0
    for number in range(len(lines) + 1):
        path.write_bytes(b"".join(lines[:number]))
        wholly[end] = kept(read_journal(path, keep_ticks=True))
        end += len(lines[number]) if number < len(lines) else 0
    ends = sorted(wholly)
    for cut in range(len(recorded) + 1):
        path.write_bytes(recorded[:cut])
        before = max(end for end in ends if end <= cut)
        reading = read_journal(path, keep_ticks=True)
        if cut + 1 in wholly:  # only the newline is missing: nothing is
            assert (kept(reading), reading.problems) == (wholly[cut + 1], []), cut
            continue
        assert kept(reading) == wholly[before], cut
        torn = [problem for problem in reading.problems if "torn off" in problem]
        assert (len(reading.problems), len(torn)) == ((0, 0) if cut == before else (1, 1)), cut


@pytest.mark.slow
def test_fault_08_every_byte_flipped(recorded: bytes, tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    lines = recorded.splitlines(keepends=True)
    path.write_bytes(recorded)
    whole = kept(read_journal(path, keep_ticks=True))
    marks = sum(isinstance(record_of(line[:-1]), Marked) for line in lines)
    assert sum(kind == "mark" for kind, _ in whole) == marks
    at = 0
    for line in lines:
        record = record_of(line[:-1])
        for offset in range(len(line)):
            for mask in (0x01, 0x0A, 0x80):
                place = at + offset
                path.write_bytes(recorded[:place] + bytes([recorded[place] ^ mask]) + recorded[place + 1 :])
                reading = read_journal(path, keep_ticks=True)
                found = kept(reading)
                assert reading.problems, place
                if isinstance(record, Open):  # without its beginning a run has no facts, and is named
                    assert found == whole or record.run in "".join(reading.problems), place
                    continue
                lost = whole - found
                assert found <= whole, place
                assert len(lost) <= isinstance(record, Tick | Marked | Close), (place, lost)
        at += len(line)


# -- 10: other versions ------------------------------------------------------------------------------------------------


def of_version(version: int, line: bytes) -> bytes:
    """A record as a later version writes it: with its number, and a member that nobody knows yet."""
    body = re.sub(rb'^\{"v":\d+', b'{"v":%d' % version, line[: line.rindex(b',"crc":"')]) + b',"unheard_of":[%d]' % version
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def dream(seq: int) -> bytes:
    """A record of a kind and a version that nobody knows."""
    body = b'{"v":3,"journal":"j","seq":%d,"type":"dream","of":{"sheep":[1]}' % seq
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def ledger_of_versions(home: Path) -> dict[str, bytes]:
    """Journals of this version, of the next, and one in which recorders of three versions took turns."""
    folder = home / "runs" / "2026-11-21" / "aa"
    folder.mkdir(parents=True)
    texts = {name: [line_of(r, name, seq) for seq, r in enumerate(whole_run(name))] for name in ("one", "two", "mixed")}
    texts["two"] = [of_version(2, line) for line in texts["two"]]
    texts["mixed"][-3] = of_version(2, texts["mixed"][-3])
    texts["mixed"].insert(4, dream(99))
    written = {}
    for name, lines in texts.items():
        written[name] = b"".join(lines)
        (folder / f"{name}.jsonl").write_bytes(written[name])
    return written


def test_fault_10_three_versions_in_one_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    before = ledger_of_versions(home)
    found = read_runs(home)
    runs = {run.id: run for run in found.runs}
    assert set(runs) == {"one", "mixed"}  # the other is of a version to come: not guessed at, and not lost
    assert all(run.outcome == "completed" and run.devices[0].energy_j == 5 * POWER_W for run in runs.values())
    newer = [problem for problem in found.problems if "newer version of footprint" in problem]
    assert sorted(re.findall(r"(\w+)\.jsonl: (\d+) record", " ".join(newer))) == [("mixed", "2"), ("two", "8")]
    assert {path.stem: path.read_bytes() for path in home.glob("runs/*/*/*.jsonl")} == before

    monkeypatch.setattr(records, "SCHEMA_VERSION", 2)  # the next version: it reads both, and still not the third
    found = read_runs(home)
    assert {run.id for run in found.runs} == {"one", "two", "mixed"}
    (problem,) = found.problems
    assert "mixed.jsonl: 1 record(s) of a newer version" in problem


# -- 24: names and links -----------------------------------------------------------------------------------------------


def completed(home: Path) -> list[Run]:
    return [run for run in read_runs(home).runs if run.outcome == "completed"]


def test_fault_24_a_folder_of_whatever_somebody_put_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = Journal(home)
    for record in whole_run():
        journal.write(record)
    journal.close()
    day, group = journal.path.parents[1], journal.path.parent
    (group / "ring.jsonl").symlink_to("ring.jsonl")
    (group / "gone.jsonl").symlink_to("/nowhere/at/all")
    (group / "device.jsonl").symlink_to("/dev/zero")
    os.mkfifo(group / "pipe.jsonl")
    (group / "folder.jsonl").mkdir()
    (group / "\x1b]0;owned\x07\n.jsonl").write_bytes(b"\xff\xfe\n" * 100)
    (group / os.fsdecode(b"\xff.jsonl")).write_bytes(b"{}\n")
    (group / "nested.jsonl").write_bytes(b"[" * 100_000 + b"\n")
    (group / "nothing.jsonl").write_bytes(b"\0" * 70_000)
    (day / "file").write_text("not a folder")
    (home / "runs" / "..evil").mkdir()
    (home / "runs" / "loop").symlink_to(home / "runs")
    found = read_runs(home)
    assert [run.id for run in found.runs] == ["a" * 16]
    told = "\n".join(found.problems)
    for name in ("ring", "gone", "device", "pipe", "folder", "nested", "nothing"):
        assert f"{name}.jsonl" in told, name


@pytest.mark.parametrize("ref", ["../../../etc/passwd", "/etc/passwd", "..", "../x.json", "a" * 5000, "\x1b[2J", "\0"])
def test_fault_24_a_run_is_not_named_by_a_path_out_of_the_ledger(
    ref: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    Journal(home).close()
    with pytest.raises((LedgerError, ValueError)):
        find_run(ref, home)
    assert call(["runs", "show", "--", ref]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "\x1b" not in err
    assert "root:" not in err


def test_fault_24_a_journal_is_never_written_through_what_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is not to be guessed; were it, neither a link nor a file of that name would be taken for it."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    ways: tuple[Callable[[Path], object], ...] = (
        lambda path: path.symlink_to(victim),
        lambda path: path.hardlink_to(victim),
        os.mkfifo,
    )
    for number, make in enumerate(ways):
        home = tmp_path / f"home{number}"
        first = Journal(home)
        first.close()
        first.path.unlink()
        make(first.path)
        with monkeypatch.context() as patch:
            patch.setattr("footprint.ledger.journal.new_id", lambda first=first: first.id)
            with pytest.raises(LedgerError, match="cannot be written"):
                Journal(home)
    assert victim.read_text() == "precious"


@pytest.mark.slow
def test_fault_24_a_folder_of_the_ledger_that_is_somebody_elses_link(finish: Finish, tmp_path: Path) -> None:
    """In a folder that others may write to, one of them lays a link in our way: the run is not written where it leads."""
    if os.getuid() != 0:
        pytest.skip("only root may give a link to somebody else")
    home, elsewhere = Path(os.environ["FOOTPRINT_HOME"]), tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "runs").symlink_to(elsewhere)
    os.chown(home / "runs", 65534, 65534, follow_symlinks=False)
    status, out, err = finish("""
        import footprint
        with footprint.track("x"):
            print("done")
    """)
    assert (status, out) == (0, "done\n")
    assert len(err.splitlines()) == 1
    assert "is a link that belongs to another user" in err
    assert list(elsewhere.iterdir()) == []
    os.chown(home / "runs", os.getuid(), os.getgid(), follow_symlinks=False)
    assert finish("import footprint\nwith footprint.track('x'):\n    pass\n")[0] == 0
    assert len(settled_runs()) == 1  # a link of one's own is a way to keep it on another disk


def test_fault_24_words_of_a_run_are_not_commands_to_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Path(os.environ["FOOTPRINT_HOME"])
    journal = Journal(home)
    evil = "\x1b]0;owned\x07\x1b[2J../../etc\n"
    told: list[AnyRecord] = [opened(name=evil, labels={evil: evil}), tick(100.0), tick(101.0)]
    for record in told:
        journal.write(record)
    journal.close()
    for command in (["runs", "list"], ["runs", "show", "a" * 16], ["runs", "verify"]):
        call(command)
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err, command
        assert "\x07" not in out + err, command
