from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footprint.place.intensity import cache as caching
from footprint.place.intensity.electricity_maps import ElectricityMaps
from footprint.place.intensity.series import Slot
from footprint.place.intensity.uk import UkCarbonIntensity
from tests.place.loopback import DAY, KEY, QUICK, Answer, Loopback, kept_files, maps, of_json, uk


def whole_days(path: str) -> Answer:
    start = datetime.fromisoformat(path.split("/")[2]).timestamp()
    end = datetime.fromisoformat(path.split("/")[3]).timestamp()
    return of_json(uk(start, [(100, 110)] * int((end - start) / 1800)))


def test_complete_days_are_asked_for_once(serve: Callable[..., Loopback]) -> None:
    server = serve(whole_days)
    for _ in range(3):
        series = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(days=2, hours=-1))
        assert len(series.slots) == 96
    assert len(server.asked) == 1
    again = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(days=3, hours=-1))
    assert len(again.slots) == 144
    assert [path for path, _ in server.asked[1:]] == ["/intensity/2026-11-03T00:00Z/2026-11-04T00:00Z"]


def test_files_are_the_owners_alone_and_hold_no_key(serve: Callable[..., Loopback]) -> None:
    old = os.umask(0)
    try:
        serve(of_json(maps(DAY.timestamp(), [300] * 24)))
        ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    finally:
        os.umask(old)
    (path,) = kept_files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, caching.folder()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert KEY not in str(path)
    assert KEY not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # no draft is left


def test_another_address_or_basis_has_files_of_its_own(serve: Callable[..., Loopback]) -> None:
    serve(of_json(maps(DAY.timestamp(), [300] * 24)))
    ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    serve(of_json(maps(DAY.timestamp(), [200] * 24, kind="direct")))
    series = ElectricityMaps(basis="direct", limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    assert series.slots[0].g_per_kwh == 200
    assert len({path.parent for path in kept_files()}) == 2


def test_a_day_that_is_not_over_or_not_certain_is_asked_for_again(
    serve: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(of_json(uk(DAY.timestamp(), [(100, None)] * 48)))
    now_s = DAY.timestamp() + 20 * 86400

    def days(at_s: float) -> int:
        cache = caching.Cache("uk", server.url, "x", now_s=at_s)
        provider = UkCarbonIntensity(limits=QUICK)
        return len(cache.days(DAY.timestamp(), DAY.timestamp() + 3600, provider._between))

    assert days(now_s) == 48
    assert days(now_s + 1700) == 48
    assert len(server.asked) == 1  # fresh
    assert days(now_s + 1900) == 48
    assert len(server.asked) == 2  # it held estimates: the truth may be in by now
    server._answers = [of_json(uk(DAY.timestamp(), [(100, 90)] * 48))]
    assert days(now_s + 4000) == 48
    assert days(now_s + 400_000) == 48
    assert len(server.asked) == 3  # complete and settled: for good


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"v":1,"fetched_s":1e99,"slots":[[0,1,-5,false]]}',
        b'{"v":99,"fetched_s":9e9,"slots":[]}',
        b'{"v":1,"fetched_s":9e9,"slots":[[0,1800,5,false],[900,2700,5,false]]}',
        b'{"v":1,"fetched_s":9e9,"slots":[[0,1800,5,false]]}',
    ],
)
def test_a_damaged_file_is_dropped_with_a_note(serve: Callable[..., Loopback], damage: bytes) -> None:
    server = serve(whole_days)
    first = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=3))
    (path,) = kept_files()
    path.write_bytes(damage)
    again = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=3))
    assert again.slots == first.slots
    assert any("damaged" in note for note in again.notes)
    assert len(server.asked) == 2
    assert len(json.loads(path.read_bytes())["slots"]) == 48


def test_a_cache_that_cannot_be_written_costs_a_note(serve: Callable[..., Loopback], tmp_path: Path, monkeypatch: Any) -> None:
    serve(whole_days)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("FOOTPRINT_HOME", str(blocked))
    series = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=3))
    assert len(series.slots) == 48
    assert any("could not be kept" in note for note in series.notes)


def test_what_was_asked_before_a_run_ended_does_not_do_for_it() -> None:
    """Ten minutes after a day was kept a run has ended in it, of whose hours nothing was known then."""
    day_s, asked = DAY.timestamp(), []

    def days(now_s: float, start_s: float, end_s: float) -> list[float]:
        def fetch(from_s: float, until_s: float) -> list[Slot]:
            asked.append(until_s)
            edges = [from_s + 1800 * at for at in range(int((until_s - from_s) // 1800) + 1)]
            return [Slot(start_s=at_s, end_s=at_s + 1800, g_per_kwh=100.0) for at_s in edges]

        cache = caching.Cache("uk", "https://provider.invalid", "x", now_s=day_s + now_s)
        return [one.start_s - day_s for one in cache.days(day_s + start_s, day_s + end_s, fetch)]

    assert days(35_900, 30_000, 35_800)[-1] == 34_200
    assert days(36_500, 36_050, 36_450)[-1] == 36_000
    assert len(asked) == 2
    assert days(36_600, 30_000, 36_450) == days(36_700, 30_000, 30_100)  # both had ended when it was asked for
    assert len(asked) == 2


def test_the_last_day_alone_does_not_stand_for_whole_days(
    serve: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yesterday's hours of the last 24 are not all of yesterday's, where the plan has them."""
    now = DAY + timedelta(hours=12)
    monkeypatch.setattr("time.time", now.timestamp)

    def answer(path: str) -> Answer:
        if "past-range" in path:
            return of_json(maps((DAY - timedelta(days=1)).timestamp(), [200.0] * 24))
        return of_json(maps((now - timedelta(hours=24)).timestamp(), [100.0] * 24, rows="history"))

    server = serve(answer)
    maps_ = ElectricityMaps(limits=QUICK)
    maps_.history("DEU", now - timedelta(hours=20), now)
    older = maps_.history("DEU", DAY - timedelta(hours=20), DAY - timedelta(hours=18))
    assert ["past-range" in path for path, _ in server.asked] == [False, True]
    assert [
        one.g_per_kwh for one in older.within((DAY - timedelta(hours=20)).timestamp(), (DAY - timedelta(hours=18)).timestamp())
    ]


def test_two_processes_may_keep_the_same_answer_at_once(tmp_path: Path) -> None:
    """Also two with one pid, in containers that share a folder: each writes a file of its own, and the last one stands."""
    slots = [Slot(start_s=DAY.timestamp() + 1800 * at, end_s=DAY.timestamp() + 1800 * (at + 1), g_per_kwh=at) for at in range(48)]
    now_s = DAY.timestamp() + 86_400
    problems: list[str] = []

    def keep(times: int) -> None:
        for _ in range(times):
            cache = caching.Cache("uk", "https://provider.invalid", "x", now_s=now_s)
            if cache.forecast("f", lambda: slots) != slots:
                problems.append("another forecast")
            cache._write(cache._folder / "forecast-f.json", slots)
            problems.extend(cache.notes)

    threads = [threading.Thread(target=keep, args=(40,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [path.name for path in sorted(caching.folder().rglob("*forecast*"))] == ["forecast-f.json"]


def test_the_cache_is_bounded(serve: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "MOST_FILES", 10)
    monkeypatch.setattr(caching, "_KEPT_FILES", 8)
    serve(whole_days)
    UkCarbonIntensity(limits=QUICK).history("GBR", DAY - timedelta(days=20), DAY)
    assert len(kept_files()) <= 10


def test_without_a_home_for_footprint_the_users_caches_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FOOTPRINT_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert caching.folder() == tmp_path / "caches" / "footprint" / "intensity"
