"""`footprint report` where something is wrong: of the ledger, of the names in it, of the machine around it.

Each time there is something useful, or one line on standard error and exit code 2; nothing is left half-written.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import home
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from footprint.model import Device, DeviceEnergy, Host, Place, Run
from footprint.report.html import is_ours
from tests.benchmarks.synthetic import write_home
from tests.report.examples import HOSTILE, record, run, runs, somewhere

FORMATS = ("html", "md", "csv", "json", "table")
# What moves a cursor, turns a line around or ends it where nobody sees.
CONTROLS = set("\x00\x07\x1b\x7f\x9b\u202e\u2066\u2028\u2029\ufeff")


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def keep(*some: Run) -> None:
    """Put whole runs into the ledger, as an import does."""
    journal = Journal(home())
    for one in some:
        assert journal.write(Imported(facts=one))
    journal.close()


def device(name: str, **facts: Any) -> DeviceEnergy:
    known = Device(id=f"gpu:{name[:40]}", component="accelerators", name=name, meter="nvml", grade="counter")
    return DeviceEnergy(device=known, energy_j=1000.0, read_s=3600.0, held_ratio=1.0, **facts)


def alone(name: str) -> Run:
    """A run on a device that no other run has: of none it takes a joule."""
    known = Device(id=f"gpu:GPU-{name}", component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter")
    reading = DeviceEnergy(device=known, energy_j=1000.0, read_s=3600.0, held_ratio=1.0)
    return run(name, devices=(reading,), place=somewhere())


NOWHERE = Place(zone="ZZZ", name="a zone that no table has")
NOBODY = Host(name="", os="", cpu_name=None, logical_cpus=1, sockets=None, memory_bytes=None, boot_id=None)
UNKNOWN_CPU = Host(name="n", os="", cpu_name="Zilog Z80", logical_cpus=1, sockets=1, memory_bytes=65536, boot_id="b")
LEDGERS: Mapping[str, tuple[Run, ...]] = {
    "empty": (),
    "one run": (run("only", place=somewhere()),),
    "no energy": (run("dark", devices=(), cpu=None, host=NOBODY, place=somewhere()),),
    "no energy in some": (run("dark", devices=(), cpu=None, host=NOBODY, place=somewhere()), run("lit", place=somewhere())),
    "no place": tuple(runs(4, placed=0)),
    "no factor for hardware": (run("z80", devices=(device("Voodoo 5 6000"),), host=UNKNOWN_CPU, place=somewhere()),),
    "no factor for the zone": (run("lost", place=NOWHERE),),
    "no length": (run("blink", duration_s=0.0, place=somewhere()),),
    "all failed": tuple(run(f"f{n}", outcome="failed", place=somewhere()) for n in range(3)),
    "in the year 1": (run("old", started_at="0001-01-01T00:00:00Z"), run("late", started_at="9999-12-31T23:59:59Z")),
    "hostile": tuple(
        run(
            f"h{n}",
            name=name,
            account=name,
            labels={name[:200]: name, "team": name},
            devices=(device(name),),
            host=Host(
                name=name, os=name, cpu_name=name, logical_cpus=4, sockets=1, memory_bytes=2**33, boot_id="b", container=name
            ),
            place=Place(provider=name, region=name, name=name, zone="FRA", remarks=(name,)),
            warnings=(name,),
        )
        for n, name in enumerate(HOSTILE)
    ),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("ledger", LEDGERS)
def test_any_ledger_has_a_report_in_every_format(ledger: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(*LEDGERS[ledger])
    assert call(["report", "--format", kind, "-o", "-", "--group-by", "name"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert out.strip()
    # A line that ends may be one of a table, of CSV or of HTML: nothing else that moves is there.
    assert not CONTROLS & set(out)
    if kind == "csv":
        assert len(list(csv.DictReader(io.StringIO(out)))) == len(LEDGERS[ledger])
    if kind in {"md", "table", "csv"}:
        assert not {"nan", "inf", "None"} & set(out.replace(",", " ").replace("|", " ").split())
    if kind == "json":
        data = json.loads(out, parse_constant=pytest.fail)
        assert data["total"]["runs"] == data["all_runs"] == len(LEDGERS[ledger])


@pytest.mark.parametrize(
    ("ledger", "quantity", "known"),
    [
        ("empty", "energy_kwh", 0),
        ("no energy", "energy_kwh", 0),
        ("no energy", "emissions_g", 0),
        ("no energy in some", "energy_kwh", 1),
        ("no energy in some", "emissions_g", 1),
        ("no place", "emissions_g", 0),
        ("no factor for the zone", "emissions_g", 0),
    ],
)
def test_what_is_not_known_is_null_and_named(ledger: str, quantity: str, known: int, capsys: pytest.CaptureFixture[str]) -> None:
    keep(*LEDGERS[ledger])
    assert call(["report", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    total = data["total"]
    assert total[{"energy_kwh": "with_energy", "emissions_g": "with_emissions"}[quantity]] == known
    assert (total[quantity] is not None) == bool(known)
    if known < total["runs"]:
        assert data["unknown"]
    if not known and total["runs"]:
        assert call(["report", "--format", "table"]) == 0
        assert "unknown" in capsys.readouterr().out


def test_hostile_names_lead_from_cells_to_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    keep(*LEDGERS["hostile"])
    assert call(["report", "--format", "csv"]) == 0
    cells = [cell for row in csv.reader(io.StringIO(capsys.readouterr().out)) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("option", ["--name", "--since", "--group-by", "--run", "-o", "--format", "--attribution", "--ledger"])
def test_a_hostile_argument_is_one_clear_line(option: str, name: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run())
    where = f"{work}/none/{name}" if option in {"-o", "--ledger"} else name
    code = call(["report", "--format", "md", option, where])
    out, err = capsys.readouterr()
    if code == 0:  # a ledger that is not there is an empty one
        assert option == "--ledger"
        assert not err
    else:
        assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert not CONTROLS & set(out + err)
    assert len(err) < 1000
    assert not list(work.iterdir())


def test_what_is_no_file_is_written_into_and_stays(work: Path) -> None:
    """A device or a pipe that is named with -o is not replaced by a file: of root, that would be the machine's own."""
    device_file, pipe = work / "null", work / "pipe"
    try:
        os.mknod(device_file, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        device_file = Path(os.devnull)
    assert call(["report", "--format", "md", "-o", str(device_file)]) == 0
    assert stat.S_ISCHR(device_file.stat().st_mode)
    os.mkfifo(pipe)
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append(pipe.read_text()), daemon=True)
    listener.start()
    assert call(["report", "--format", "md", "-o", str(pipe)]) == 0
    listener.join(10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "No runs are recorded" in heard[0]


def test_a_file_that_is_renewed_is_open_to_no_more_people_than_before(work: Path) -> None:
    page = work / "footprint.html"
    page.touch(0o640)
    page.chmod(0o640)
    assert call(["report", "-o", str(page)]) == 0
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


@pytest.mark.parametrize("contents", ["file", "folder of others", "damaged"])
def test_a_ledger_that_is_none(contents: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = work / "ledger"
    if contents == "file":
        where.write_text("no folder")
    elif contents == "folder of others":
        where.mkdir()
        (where / "notes.txt").write_text("mine")
    else:
        write_home(where, 10)
        for parquet in where.rglob("*.parquet"):
            parquet.write_bytes(parquet.read_bytes()[:100])
    before = sorted(where.rglob("*"))
    code = call(["report", "--ledger", str(where), "-o", str(work / "page.html")])
    out, err = capsys.readouterr()
    assert code in {0, 2}
    if code:
        assert (out, len(err.splitlines())) == ("", 1)
        assert not (work / "page.html").exists()
    else:
        assert not err
        assert is_ours((work / "page.html").read_bytes()[:4096])
    if contents == "damaged":  # nothing can be counted, and nobody is told that there was nothing
        assert code == 2
        assert "10 run" in err
    assert sorted(where.rglob("*")) == before


# From here on in processes of their own, as a shell or a job starts them.

Footprint = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def footprint(work: Path) -> Footprint:
    """Run the command without a terminal; what it says comes as bytes."""

    def started(*args: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        env = {key: value for key, value in os.environ.items() if key not in {"TERM", "LANG"} and not key.startswith("LC_")}
        env |= options.pop("env", {})
        given = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60, **options}
        return subprocess.run([sys.executable, "-m", "footprint", *args], check=False, env=env, start_new_session=True, **given)

    return started


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_without_a_terminal_and_with_nothing_but_ascii(kind: str, footprint: Footprint, work: Path) -> None:
    names = ("Ünïcode-学習", *HOSTILE[:4])
    keep(*(run(f"r{n}", name=name, account=name, place=somewhere()) for n, name in enumerate(names)))
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = footprint("report", "--format", kind, "-o", "-", env=plain)
    assert (said.returncode, said.stderr) == (0, b"")
    assert b"\x1b" not in said.stdout
    written = footprint("report", "--format", kind, "-o", "out", env=plain)
    assert (written.returncode, written.stderr) == (0, b"")
    # A file is UTF-8 wherever it is written; a pipe has question marks, or what the format itself writes such a character as.
    assert (work / "out").read_text(encoding="utf-8")
    assert [path.name for path in work.iterdir()] == ["out"]
    if kind == "json":
        assert {row["name"] for row in json.loads(said.stdout.decode("ascii"))["rows"]} >= {"Ünïcode-学習"}
    if kind in {"html", "csv"}:
        assert "Ünïcode-学習" in (work / "out").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_reader_who_leaves_is_no_error(kind: str, footprint: Footprint) -> None:
    record(home(), runs(40))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        left = footprint("report", "--format", kind, "-o", "-", stdout=writing, stderr=subprocess.PIPE, capture_output=False)
    finally:
        os.close(writing)
    assert (left.returncode, left.stderr) == (0, b"")


@pytest.mark.slow
def test_standard_streams_that_are_closed(work: Path) -> None:
    """As of a service without any: the page is written, and neither descriptor 1 nor 2 is taken for something else."""
    record(home(), runs(4))
    command = f'exec "{sys.executable}" -m footprint report -o page.html <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], timeout=60, check=False).returncode == 0
    assert (work / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_output_that_is_full_is_one_clear_line(kind: str, footprint: Footprint) -> None:
    record(home(), runs(40))
    with Path("/dev/full").open("wb") as full:
        said = footprint("report", "--format", kind, "-o", "-", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert said.returncode == 2
    assert len(said.stderr.splitlines()) == 1
    assert b"No space left" in said.stderr


@pytest.fixture
def disk(work: Path) -> Iterator[Path]:
    """A file system of 64 KiB, too small for a page; needs the right to mount."""
    folder = work / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode:
        pytest.skip("only root may mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_leaves_the_page_that_was_there(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(4))
    page = disk / "page.html"
    page.write_text("the page of before")
    assert call(["report", "-o", str(page)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"footprint: cannot write {page}: No space left")
    assert len(err.splitlines()) == 1
    assert [path.name for path in disk.iterdir()] == ["page.html"]
    assert page.read_text() == "the page of before"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["page.html", "page.csv"])
def test_no_permission_to_write_is_one_clear_line(name: str, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(4))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert call(["report", "-o", str(disk / name)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"footprint: cannot write {disk / name}: Read-only file system; name another file with -o")
    assert len(err.splitlines()) == 1
    assert not list(disk.iterdir())


@pytest.mark.slow
def test_a_ledger_that_may_only_be_read_is_reported(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(disk / "ledger", runs(4))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert call(["report", "--ledger", str(disk / "ledger"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["runs"] == 4


@pytest.mark.slow
def test_a_hundred_thousand_runs_are_a_page_that_does_not_drown(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_home(home(), 100_000)
    assert call(["report", "-o", "page.html"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert "100,000 runs" in out
    assert (work / "page.html").stat().st_size <= 5.2e6


@pytest.mark.slow
def test_an_image_without_a_browser_is_one_clear_line(footprint: Footprint, work: Path) -> None:
    record(home(), runs(4))
    # Not an empty PATH: a browser is also looked for where systems have it.
    said = footprint("report", "--figure", "energy-by", "-o", "figure.svg", env={"BROWSER_PATH": str(work / "none")})
    assert (said.returncode, said.stdout) == (2, b"")
    assert len(said.stderr.splitlines()) == 1
    assert b"chromium" in said.stderr
    assert not list(work.iterdir())


RECORDING = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.cli.test_report_bad_input import alone
from tests.report.examples import record
n = 0
while n < 60 and not Path(sys.argv[3]).exists():
    record(Path(sys.argv[1]), [alone(f"new{n:05}")])
    n += 1
    time.sleep(0.05)
print(n)
"""
COMPACTING = """
import sys
from pathlib import Path
from footprint.cli import call
n = 0
while not Path(sys.argv[1]).exists():
    assert call(["runs", "compact", "--older-than", "0h"]) == 0
    sys.stdout.flush()
    n += 1
print(n, file=sys.stderr)
"""


@pytest.mark.slow
def test_a_ledger_that_changes_while_it_is_read(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One process records, another moves what is recorded into archives: no run is counted twice, none that was there is lost."""
    record(home(), [alone(f"old{n:05}") for n in range(20)])
    assert call(["report", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    each_kwh = before["total"]["accelerator_energy_kwh"]["central"] / 20
    stop, root = work / "stop", str(Path(__file__).parents[2])
    others = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True)
        for code, stdout, arguments in (
            (RECORDING, subprocess.PIPE, (str(home()), root, str(stop))),
            (COMPACTING, subprocess.DEVNULL, (str(stop),)),
        )
    ]
    seen = [20]
    try:
        for number in range(6):
            kind = ("json", "html")[number % 4 == 3]
            assert call(["report", "--format", kind, "-o", f"page.{kind}"]) == 0
            assert capsys.readouterr().err == ""
            if kind == "json":
                data = json.loads((work / "page.json").read_text())
                assert len({row["id"] for row in data["rows"]}) == len(data["rows"]) == data["total"]["runs"]
                ended = [row for row in data["rows"] if row["outcome"] == "completed"]
                assert len(ended) >= seen[-1] - 1  # the one that is being written
                assert all(row["accelerator_energy_kwh"]["central"] == pytest.approx(each_kwh) for row in ended)
                assert data["warnings"] == [] or all("damaged" not in one["message"] for one in data["warnings"])
                seen.append(data["total"]["runs"])
    finally:
        stop.touch()
        said = [process.communicate(timeout=60) for process in others]
    assert [process.returncode for process in others] == [0, 0], said
    recorded, compactions = int(said[0][0]), int(said[1][1].split()[-1])
    assert recorded > 0
    assert compactions > 0
    assert seen == sorted(seen)
    assert call(["report", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["total"]["runs"] == 20 + recorded
    assert data["total"]["accelerator_energy_kwh"]["central"] == pytest.approx(each_kwh * (20 + recorded))
