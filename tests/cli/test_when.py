from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import home
from footprint.place.intensity import cache as caching
from tests.place.loopback import Answer, Loopback, maps, of_json, serving, stamp, uk
from tests.report.examples import record, run, somewhere

KEY = "s3cr3t-key-0123456789"


@pytest.fixture
def great_britain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """NESO's API as documented: half-hours with a dip in six hours, and yesterdays at 100 and 300 g in turn."""

    def answer(path: str) -> Answer:
        parts = path.split("/")
        start_s = datetime.fromisoformat(parts[2]).timestamp()
        if parts[3] == "fw48h":
            start_s = start_s // 1800 * 1800
            return of_json(uk(start_s - 1800, [(400 - 350 * (12 <= at < 20), None) for at in range(97)]))
        end_s = datetime.fromisoformat(parts[3]).timestamp()
        return of_json(uk(start_s, [(1, 300 if at % 2 else 100) for at in range(int((end_s - start_s) // 1800))]))

    with serving(answer) as server:
        monkeypatch.setenv("FOOTPRINT_UK_INTENSITY_URL", server.url)
        yield server


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    capsys.readouterr()
    assert call([*argv, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    capsys.readouterr()
    assert call(list(argv)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert "Traceback" not in shown.err
    return shown.err


def test_the_cleanest_hours_of_great_britain(great_britain: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "when", "--hours", "3", "--region", "azure:uksouth", "--energy-kwh", "10")
    assert found["best"]["g_per_kwh"] == 50
    begin = datetime.fromisoformat(found["best"]["start"])
    assert begin.tzinfo is not None
    assert 4.5 < (begin - datetime.now(UTC)).total_seconds() / 3600 <= 6
    assert datetime.fromisoformat(found["best"]["local_start"]) == begin
    assert found["starting_now"]["g_per_kwh"] == 400
    assert found["against_now"]["is_sure"] is True
    assert found["against_now"]["saved_g"]["central"] > 3500  # ten kilowatt-hours, 350 g less, and the PUE
    assert (found["basis"], found["zone"], found["schema"]) == ("direct", "GBR", 1)
    assert list(found["against_now"]["less_g_per_kwh"]) == ["low", "central", "high"]
    assert len(great_britain.asked) == 1
    assert call(["when", "--hours", "3", "--zone", "GBR", "--power-w", "700"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "place      United Kingdom, GBR"
    assert any(line.startswith("cleanest   20") and line.endswith("50 g/kWh") for line in lines)
    assert any("87.5 % less than starting now: 350 g/kWh" in line and "saved" in line for line in lines)
    assert any("CC BY 4.0" in line for line in lines)
    assert len(great_britain.asked) == 1  # the forecast is half an hour old at most: the file is good


def test_a_file_may_be_a_forecast_and_an_old_one_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    hour_s = datetime.now(UTC).timestamp() // 3600 * 3600
    figures = [(hour_s + 3600 * at, 100 if at == 5 else 300) for at in range(48)]
    path.write_text("start,g_per_kwh,basis\n" + "".join(f"{stamp(at)},{value},life-cycle\n" for at, value in figures))
    found = told(capsys, "when", "--hours", "1", "--zone", "FRA", "--intensity-from", str(path))
    assert (found["best"]["g_per_kwh"], found["basis"], found["name"]) == (100, "life-cycle", "mine.csv")
    path.write_text("start,g_per_kwh,basis\n" + "".join(f"2020-01-01T{at:02d}:00Z,{at},direct\n" for at in range(24)))
    assert "mine.csv is no forecast for the hours" in refused(
        capsys, "when", "--hours", "1", "--zone", "FRA", "--intensity-from", str(path)
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--hours", "6"], "the place is unknown: give --region"),
        (["--hours", "6", "--zone", "FRA"], "ELECTRICITYMAPS_TOKEN"),
        (["--hours", "6", "--zone", "FRA", "--intensity-from", "uk"], "knows Great Britain"),
        (["--hours", "6", "--zone", "GBR", "--within", "soon"], "is no time: write 48h or 2d"),
        (["--hours", "6", "--zone", "GBR", "--within", "0h"], "between 0 and 14 days"),
        (["--hours", "6", "--zone", "GBR", "--intensity-from", "100"], "has no cleanest hour"),
        (["--hours", "6", "--zone", "GBR", "--intensity-basis", "direct"], "goes with --intensity-from"),
        (["--hours", "60", "--zone", "GBR", "--intensity-from", "uk"], "do not fit within 48 h"),
        (["--hours", "6", "--zone", "ATLANTIS"], "ATLANTIS"),
        ([], "--hours"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    great_britain: Loopback, argv: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELECTRICITYMAPS_TOKEN", raising=False)
    assert said in refused(capsys, "when", *argv)


def test_a_provider_that_fails_is_one_line_without_the_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    with serving([of_json({"error": f"Invalid auth-token {KEY}"}, 401)]) as server:
        monkeypatch.setenv("FOOTPRINT_ELECTRICITYMAPS_URL", server.url)
        said = refused(capsys, "when", "--hours", "2", "--zone", "DEU")
        assert "answers 401" in said
        assert KEY not in said
        assert server.asked[0][1]["auth-token"] == KEY


def test_a_run_by_the_hours_it_ran_in(great_britain: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("r1", place=somewhere("azure:uksouth"))])
    by_year = told(capsys, "runs", "show", "r1")
    found = told(capsys, "runs", "show", "r1", "--intensity-from", "uk")
    assert "intensity" not in by_year
    match = found["intensity"]
    assert (match["matched_s"], match["missing_s"], match["slots"], match["basis"]) == (3600, 0, 2, "direct")
    assert match["mean_g_per_kwh"] == pytest.approx(200)
    assert match["annual_emissions_g"] == by_year["footprint"]["emissions_g"]
    footprint = found["footprint"]
    assert footprint["basis"] == "life-cycle, estimated"
    assert footprint["energy_kwh"] == by_year["footprint"]["energy_kwh"]
    assert footprint["emissions_direct_g"]["central"] == pytest.approx(footprint["energy_kwh"]["central"] * 200)
    assert found["policies"]["share"]["emissions_g"] == footprint["emissions_g"]
    assert call(["runs", "show", "r1", "--intensity-from", "uk", "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "by hours   UK Carbon Intensity API (direct): 1 h of 1 h matched in 2 slots" in shown
    assert "with the year's mean for all hours" in shown
    assert "National Energy System Operator" in shown
    assert len(great_britain.asked) == 1


def test_a_run_by_a_number_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("r1", place=somewhere("azure:uksouth"))])
    found = told(capsys, "runs", "show", "r1", "--intensity-from", "100")["footprint"]
    assert found["emissions_g"]["central"] == pytest.approx(found["energy_kwh"]["central"] * 100)
    path = tmp_path / "grid.csv"
    path.write_text("start,g_per_kwh\n2025-05-01T00:00Z,150\n2025-05-01T00:30Z,250\n")
    assert "give --intensity-basis" in refused(capsys, "runs", "show", "r1", "--intensity-from", str(path))
    found = told(capsys, "runs", "show", "r1", "--intensity-from", str(path), "--intensity-basis", "life-cycle")["footprint"]
    assert found["emissions_g"]["central"] == pytest.approx(found["energy_kwh"]["central"] * 200)
    assert "goes with --intensity-from" in refused(capsys, "runs", "show", "r1", "--intensity-basis", "direct")


def test_a_run_in_germany_with_a_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    record(home(), [run("r1", place=somewhere("aws:eu-central-1"))])
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    start_s = datetime(2025, 5, 1, tzinfo=UTC).timestamp()
    with serving([of_json(maps(start_s, [320.0] * 24))]) as server:
        monkeypatch.setenv("FOOTPRINT_ELECTRICITYMAPS_URL", server.url)
        found = told(capsys, "runs", "show", "r1", "--intensity-from", "electricitymaps", "--explain")
    assert found["footprint"]["basis"] == "life-cycle"
    assert KEY not in json.dumps(found)
    for path in [*home().rglob("*"), *caching.folder().rglob("*")]:
        assert KEY not in str(path)
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


LISTENER = """
import sys
def seen(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        address = args[1] if event == "socket.connect" else args
        if isinstance(address, tuple):
            print("NETWORK", event, address, file=sys.stderr, flush=True)
sys.addaudithook(seen)
from footprint.cli import call
sys.exit(call(sys.argv[1:]))
"""


def listened(*argv: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LISTENER, *argv],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def test_nothing_is_asked_over_the_network_unless_it_is_asked_for(great_britain: Loopback, tmp_path: Path) -> None:
    record(home(), [run("r1", place=somewhere("azure:uksouth"))])
    hour_s = datetime.now(UTC).timestamp() // 3600 * 3600
    path = tmp_path / "mine.csv"
    path.write_text("start,g_per_kwh,basis\n" + "".join(f"{stamp(hour_s + 3600 * at)},{at},direct\n" for at in range(48)))
    quiet = [
        ["runs", "show", "r1", "--explain"],
        ["runs", "show", "r1", "--intensity-from", "100"],
        ["runs", "show", "r1", "--intensity-from", str(path)],
        ["runs", "list"],
        ["report", "--format", "json", "-o", "-"],
        ["estimate", "--hardware", "A100", "--count", "1", "--hours", "1", "--region", "azure:uksouth"],
        ["when", "--hours", "1", "--zone", "GBR", "--intensity-from", str(path)],
        ["run", "--quiet", "--region", "azure:uksouth", "--", "true"],
    ]
    for argv in quiet:
        code, err = listened(*argv, ELECTRICITYMAPS_TOKEN=KEY)
        assert code == 0, (argv, err)
        assert "NETWORK" not in err, (argv, err)
    assert great_britain.asked == []
    code, err = listened("when", "--hours", "1", "--zone", "GBR")  # the ear works
    assert code == 0
    assert "NETWORK socket.connect ('127.0.0.1'" in err
