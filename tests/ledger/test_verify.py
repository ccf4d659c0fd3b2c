from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footprint.cli import call
from footprint.ledger import read_runs
from footprint.ledger.journal import Journal
from footprint.ledger.processes import identify
from footprint.ledger.records import AnyRecord, Close, Imported, Tick, line_of
from footprint.ledger.verify import RULES, Verification, verify
from footprint.model import Sample
from tests.ledger.conftest import GPU, HOST, opened, tick, whole_run

Write = Callable[[list[AnyRecord]], Path]


def codes(found: Verification) -> list[str]:
    return [finding.code for finding in found.findings]


def only(found: Verification, code: str) -> str:
    """The message of the one finding that there is."""
    assert codes(found) == [code], found.findings
    return found.findings[0].message


def started(hours: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="milliseconds")


def test_a_ledger_that_is_whole(home: Path, write: Write) -> None:
    assert verify(home) == Verification(home=str(home), journals=0, batches=0, records=0, runs=0)
    write([*whole_run("x", start_s=100), *whole_run("y", start_s=200)])
    write(whole_run("z"))
    found = verify(home)
    assert found.findings == ()
    assert (found.journals, found.batches, found.runs, found.records) == (2, 0, 3, 24)


def test_every_code_says_what_to_do() -> None:
    assert all(rule.fix for rule in RULES.values())


def test_a_torn_tail_is_told_with_its_place_and_length(home: Path, write: Write) -> None:
    path = write(whole_run())
    data = path.read_bytes()
    last = data.rindex(b"\n", 0, -1) + 1
    path.write_bytes(data[: last + 33])
    found = verify(home)
    assert f"the last 33 bytes, from byte {last:,} on" in only(found, "torn-tail")
    assert (found.findings[0].line, found.findings[0].bytes) == (8, 33)
    path.write_bytes(data[:-1])  # only the newline is missing: the record is whole
    assert codes(verify(home)) == []


def test_what_a_living_recorder_is_writing_is_not_torn(home: Path, write: Write) -> None:
    path = write([opened(recorder=identify(os.getpid())), tick(100.0), tick(101.0)])
    path.write_bytes(path.read_bytes()[:-20])
    assert codes(verify(home)) == []


def test_a_flipped_byte_is_told_with_its_place(home: Path, write: Write) -> None:
    path = write(whole_run())
    data = bytearray(path.read_bytes())
    second = data.index(b"\n") + 1
    data[second + 40] ^= 1
    path.write_bytes(data)
    found = verify(home)
    message = only(found, "damaged-record")
    assert found.findings[0].line == 2
    assert f"at byte {second:,}" in message


def test_records_that_never_came(home: Path, write: Write) -> None:
    path = write(whole_run())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], *lines[5:6], *lines[7:]]))
    message = only(verify(home), "sequence-gap")
    assert "3 records" in message
    assert message.endswith("3-4, 6")
    path.write_bytes(b"".join(reversed(lines)))  # in another order they are all there
    assert codes(verify(home)) == []
    path.write_bytes(b"".join([*lines, *lines[2:4]]))
    assert "2 records stand in it twice" in only(verify(home), "copied")


def test_newer_records_are_kept(home: Path, write: Write) -> None:
    path = write(whole_run())
    text = b'{"v":3,"journal":"%b","seq":8,"type":"dream","run":"a"' % path.stem.encode()
    with path.open("ab") as file:
        file.write(text + b',"crc":"%08x"}\n' % zlib.crc32(text))
    before = path.read_bytes()
    assert "1 of version 3" in only(verify(home), "newer-records")
    assert path.read_bytes() == before


def test_a_run_whose_beginning_is_lost(home: Path, write: Write) -> None:
    path = write(whole_run())
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    found = verify(home)
    assert codes(found) == ["beginning-lost", "sequence-gap"]
    assert found.findings[0].run == "a" * 16


def draws(power_w: float, seconds: int, *, start_j: float = 0.0) -> list[AnyRecord]:
    ticks: list[AnyRecord] = [
        Tick(runs=("a" * 16,), t_s=t_s, samples=(Sample(device_id=GPU.id, t_s=t_s, energy_j=start_j + power_w * second),))
        for second in range(seconds + 1)
        if (t_s := 100.0 + second)
    ]
    return [opened(), *ticks, Close(run="a" * 16, t_s=100.0 + seconds, outcome="completed")]


def test_more_watts_than_a_device_can_draw(home: Path, write: Write) -> None:
    write(draws(2_900, 5))
    assert codes(verify(home)) == []
    shutil.rmtree(home)
    write(draws(3_100, 5))
    found = verify(home)
    assert set(codes(found)) == {"impossible-power"}
    assert "cannot draw more than 3,000 W (more than any accelerator draws)" in found.findings[0].message
    shutil.rmtree(home)
    known = msgspec.structs.replace(GPU, name="NVIDIA A100-SXM4-80GB")
    write([opened(devices=(known,)), *draws(810, 5)[1:]])
    assert "twice the 400 W that it is rated at" in verify(home).findings[0].message


def test_a_counter_that_counts_in_steps_or_through_a_sleep_draws_no_more_than_it_does(home: Path, write: Write) -> None:
    """A step of 300 J within a hundredth of a second is no power; nor is what was drawn while the machine slept."""
    times = [(100.0, 0.0), (100.01, 300.0), (101.0, 300.0), (101.01, 600.0), (102.1, 600.0)]
    ticks: list[AnyRecord] = [
        Tick(runs=("a" * 16,), t_s=t_s, boot_s=t_s, samples=(Sample(device_id=GPU.id, t_s=t_s, energy_j=energy_j),))
        for t_s, energy_j in times
    ]
    slept = Sample(device_id=GPU.id, t_s=104.0, energy_j=600.0 + 3600 * 20)
    ticks.append(Tick(runs=("a" * 16,), t_s=104.0, boot_s=104.0 + 3600, samples=(slept,)))
    write([opened(boot_s=100.0), *ticks, Close(run="a" * 16, t_s=104.0, outcome="completed")])
    assert codes(verify(home)) == []


def test_a_counter_that_fell(home: Path, write: Write) -> None:
    records = draws(100, 5, start_j=10_000)
    records[3] = Tick(runs=("a" * 16,), t_s=102.0, samples=(Sample(device_id=GPU.id, t_s=102.0, energy_j=3.0),))
    write(records)
    found = verify(home)
    assert set(codes(found)) <= {"counter-fell", "impossible-power"}
    assert "fell 1 time, first at t_s=102.000" in next(f.message for f in found.findings if f.code == "counter-fell")


def test_the_facts_of_a_whole_run_that_somebody_edited(home: Path, write: Write) -> None:
    write(whole_run())
    (run,) = read_runs(home).runs
    shutil.rmtree(home)
    devices = tuple(
        msgspec.structs.replace(one, energy_j=one.energy_j + 1 if one.energy_j is not None else None) for one in run.devices
    )
    write([Imported(facts=msgspec.structs.replace(run, devices=devices))])
    assert "its course adds up to 250.000 J but the run's facts come to 251.000 J" in only(verify(home), "joules-differ")
    shutil.rmtree(home)
    write([Imported(facts=msgspec.structs.replace(run, duration_s=-5.0))])
    assert only(verify(home), "impossible-facts").endswith("duration_s=-5.0")


def test_a_run_in_two_journals(home: Path, write: Write) -> None:
    write(whole_run())
    write(whole_run())
    assert "stands in 2 journals" in only(verify(home), "run-twice")


def test_a_journal_that_was_copied_or_renamed(home: Path, write: Write) -> None:
    path = write(whole_run())
    other = home / "runs" / "2020-01-01" / "aa"
    other.mkdir(parents=True, mode=0o700)
    (home / "runs" / "2020-01-01").chmod(0o700)
    shutil.copy(path, other / path.name)
    assert "2 copies" in only(verify(home), "copied")
    (other / path.name).unlink()
    path.rename(path.with_name("mine.jsonl"))
    assert "not only those of its name" in only(verify(home), "wrong-name")


def test_who_may_read_and_write_it(home: Path, write: Write) -> None:
    path = write(whole_run())
    path.chmod(0o640)
    home.chmod(0o777)
    found = verify(home)
    assert codes(found) == ["open-to-others"] * 2
    assert sorted(finding.message.split(" 1 file")[0] for finding in found.findings) == [
        "its group may read",
        "its group may read and write, everybody may read and write",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")
def test_files_and_links_of_another_user(home: Path, write: Write, tmp_path: Path) -> None:
    path = write(whole_run())
    os.chown(path, 65534, 65534)
    (tmp_path / "elsewhere").mkdir()
    link = home / "runs" / "2020-01-01"
    link.symlink_to(tmp_path / "elsewhere")
    os.chown(link, 65534, 65534, follow_symlinks=False)
    found = verify(home)
    assert codes(found) == ["foreign-link", "foreign-owner"]
    assert path.name in found.findings[1].message
    assert found.runs == 1  # it counts all the same


def as_nobody(question: Callable[[], str]) -> str:
    """The answer of a process that is nobody's: root may read everything."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "it failed"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            answer = question()
        finally:
            os.write(theirs, answer.encode())
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


def test_what_only_another_user_may_read(tmp_path: Path) -> None:
    """A journal and a folder of somebody else's are named, and the rest counts: in reading and in verifying."""
    home = Path(tempfile.mkdtemp())  # below our own folder nobody could look
    try:
        for name in ("mine", "theirs", "hidden"):
            journal = Journal(home)
            for record in whole_run(name):
                journal.write(record)
            journal.close()
            if name == "theirs":
                theirs = journal.path
        theirs.chmod(0)
        hidden = home / "runs" / "2020-01-01"
        journal.path.parents[1].joinpath("zz").mkdir()
        (hidden / "aa").mkdir(parents=True)
        shutil.move(journal.path, hidden / "aa" / journal.path.name)
        assert len(read_runs(home).runs) >= 2
        (home / "runs").chmod(0o755)
        for path in (home, *home.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534)
        hidden.chmod(0)

        def asked() -> str:
            found, told = read_runs(home), verify(home)
            errors = [Path(f.path).name for f in told.findings if f.code == "unreadable"]
            return f"{[run.id for run in found.runs]} {len(found.problems)} {sorted(errors)}"

        verify(tmp_path)  # what it loads
        assert as_nobody(asked) == f"['mine'] 2 {sorted([theirs.name, hidden.name])}"
    finally:
        hidden.chmod(0o700)
        shutil.rmtree(home)


def test_what_is_of_no_recorder(home: Path, write: Write) -> None:
    path = write(whole_run())
    (path.parent / "notes.txt").touch(0o600)
    (home / "runs" / "lost+found").mkdir(0o700)
    (home / "runs" / "\x1b[31mred").touch(0o600)
    message = only(verify(home), "foreign-file")
    assert "3 files and folders" in message
    assert "\x1b" not in message


def of_boot(boot_id: str, **parts: Any) -> Any:
    return msgspec.structs.replace(HOST, boot_id=boot_id, **parts)


def test_two_hosts_with_one_name(home: Path, write: Write) -> None:
    at = [started(-5), started(-5 + 1 / 60)]
    for boot, when in zip("ab", at, strict=True):
        gpu = msgspec.structs.replace(GPU, id=f"gpu:{boot}")
        told: list[AnyRecord] = [opened(boot, started_at=when, host=of_boot(boot), devices=(gpu,))]
        write([*told, Close(run=boot, t_s=300.0, outcome="completed")])
    found = verify(home)
    assert "two machines are called node: boots a and b" in only(found, "two-hosts-one-name")
    runs = read_runs(home).runs
    assert len(runs) == 2  # and nothing is lost of either
    assert sum(run.duration_s for run in runs) == 2 * 200


def test_one_host_that_was_started_again_is_one_host(home: Path, write: Write) -> None:
    for boot, hours in zip("abc", (-9, -5, -2), strict=True):
        write(whole_run(boot, started_at=started(hours), host=of_boot(boot)))
    assert codes(verify(home)) == []
    write(whole_run("d", started_at=started(-1), host=of_boot("d", cpu_name="another", memory_bytes=2**36)))
    message = only(verify(home), "host-changed")
    assert "cpu_name is 'another', it was 'CPU'" in message
    assert "memory_bytes" in message


def test_one_gpu_on_two_hosts_at_one_time_says_that_clocks_are_apart(home: Path, write: Write) -> None:
    """The machine was moved from one host to the other; the second's clock is behind, so both seem to hold it."""
    gpu = msgspec.structs.replace(GPU, id="gpu:GPU-5b")
    for name, hours in (("a", -5.0), ("b", -5.0 + 1 / 60)):
        host = of_boot(name, name=name)
        told: list[AnyRecord] = [opened(name, started_at=started(hours), host=host, devices=(gpu,))]
        write([*told, Close(run=name, t_s=1100.0, outcome="failed")])
    message = only(verify(home), "device-on-two-hosts")
    assert "read by a and by b at one time (a, b)" in message


def test_clocks_apart_by_hours(home: Path, write: Write) -> None:
    write(whole_run("future", started_at=started(+7)))
    assert "1 run of node began up to 7 h" in only(verify(home), "in-future")
    (run,) = read_runs(home).runs
    assert (run.duration_s, run.devices[0].energy_j) == (5.0, 250.0)  # what does not depend on the clock stands
    shutil.rmtree(home)
    write(whole_run("early", start_s=100.0, started_at=started(-9)))
    write(whole_run("late", start_s=200.0, started_at=started(-4)))
    message = only(verify(home), "clock-set")
    assert "moved by 4 h 58 min against its monotonic clock between runs early and late" in message


def test_a_file_systems_clock_apart_by_hours(home: Path, write: Write) -> None:
    now_s = time.time()
    records: list[AnyRecord] = [opened(), *[msgspec.structs.replace(tick(100.0 + n), wall_s=now_s + n) for n in range(3)]]
    path = write(records)
    assert codes(verify(home)) == []
    os.utime(path, (now_s, now_s - 3 * 3600))
    assert "last written up to 3 h" in only(verify(home), "clock-ahead")
    os.utime(path, (now_s, now_s + 3 * 3600))
    assert only(verify(home), "clock-behind").startswith("1 journal of node")


# -- Archives ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def batch(home: Path, write: Write) -> Path:
    """A batch of what two journals held."""
    from footprint.ledger.archive.compacting import Policy, compact

    write([*whole_run("x", start_s=100), *whole_run("y", start_s=200)])
    path = write(whole_run("z"))
    with path.open("ab") as file:  # of a version to come: it goes along, byte for byte
        text = b'{"v":3,"journal":"%b","seq":8,"type":"dream","run":"a"' % path.stem.encode()
        file.write(text + b',"crc":"%08x"}\n' % zlib.crc32(text))
    shutil.copytree(home / "runs", home.parent / "runs")
    compact(home, Policy(older_than_s=-60))
    (folder,) = [path for path in (home / "archive").iterdir() if path.is_dir()]
    return folder


def test_a_batch_that_is_whole(home: Path, batch: Path) -> None:
    found = verify(home)
    assert (found.journals, found.batches, found.runs) == (0, 1, 3)
    assert [code for code in codes(found) if RULES[code].severity == "error"] == []
    assert b"dream" in b"".join(path.read_bytes() for path in batch.iterdir())  # the newer record is in it


def test_a_batch_whose_bytes_are_not_those_that_were_written(home: Path, batch: Path) -> None:
    file = batch / "samples.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert "batch-damaged" in codes(verify(home))
    file.unlink()
    assert "batch-damaged" in codes(verify(home))


def test_a_batch_whose_manifest_says_other_joules(home: Path, batch: Path) -> None:
    file = batch / "manifest.json"
    manifest = json.loads(file.read_bytes())
    manifest["energy_mj"]["devices"] += 1
    file.write_text(json.dumps(manifest))
    found = verify(home)
    assert any(one.code == "joules-differ" and "devices add up to" in one.message for one in found.findings)


def test_journals_that_a_batch_replaces_and_are_still_there(home: Path, batch: Path) -> None:
    shutil.rmtree(home / "runs")
    shutil.copytree(home.parent / "runs", home / "runs")
    found = verify(home)
    assert codes(found).count("replaced-not-deleted") == 2
    assert (found.runs, found.journals) == (3, 0)
    path = next((home / "runs").glob("*/*/*.jsonl"))
    with path.open("ab") as file:
        file.write(line_of(tick(300.0), path.stem, 99))
    assert "grown-after-archive" in codes(verify(home))
    (home / "archive" / ".tmp-0123").mkdir(0o700)
    assert "batch-unfinished" in codes(verify(home))


# -- The command -------------------------------------------------------------------------------------------------------


def test_the_command(home: Path, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(home))
    assert call(["runs", "verify"]) == 0
    assert capsys.readouterr().out == f"0 journals, 0 batches, 0 records, 0 runs in {home}: all is whole\n"
    path = write(whole_run())
    assert call(["runs", "verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["home", "journals", "batches", "records", "runs", "findings", "summary", "schema"]
    assert (told["findings"], told["summary"]) == ([], {"errors": 0, "warnings": 0, "infos": 0})
    path.write_bytes(path.read_bytes()[:-5])
    assert call(["runs", "verify"]) == 0  # what a crash leaves is no defect
    assert "warning torn-tail" in capsys.readouterr().out
    data = bytearray(path.read_bytes())
    data[data.index(b"\n") + 30] ^= 1
    path.write_bytes(data)
    assert call(["runs", "verify", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in told["findings"]] == ["damaged-record", "torn-tail"]
    assert list(told["findings"][0]) == ["code", "severity", "path", "message", "line", "run", "bytes", "fix"]


def test_a_home_that_is_no_folder_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "file"))
    assert call(["runs", "verify"]) == 2
    assert capsys.readouterr().err == f"footprint: the ledger cannot be read at {tmp_path / 'file'}: it is no folder\n"
