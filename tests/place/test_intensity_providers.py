from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footprint.errors import ConfigError, FootprintError, IntensityError
from footprint.place.intensity import cache as caching
from footprint.place.intensity import default_provider, open_provider
from footprint.place.intensity.electricity_maps import KEY_VARIABLES, ElectricityMaps, its_zone
from footprint.place.intensity.http import Limits
from footprint.place.intensity.series import Slot
from footprint.place.intensity.uk import UkCarbonIntensity
from tests.place.loopback import Answer, Loopback, maps, of_json, serving, stamp, uk

QUICK = Limits(attempt_s=5.0, total_s=10.0, tries=2, backoff_s=0.01)
KEY = "s3cr3t-key-0123456789"
DAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Loopback]]:
    """Both providers, at a server on this machine."""
    contexts = []

    def start(*answers: Any) -> Loopback:
        context = serving(answers[0] if callable(answers[0]) else answers)
        server = context.__enter__()
        contexts.append(context)
        monkeypatch.setenv("FOOTPRINT_UK_INTENSITY_URL", server.url)
        monkeypatch.setenv("FOOTPRINT_ELECTRICITYMAPS_URL", server.url + "/")
        monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
        return server

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def kept_files() -> list[Path]:
    return sorted(caching.folder().rglob("*.json"))


# -- Great Britain -----------------------------------------------------------------------------------------------------


def test_half_hours_of_great_britain_are_direct_and_say_which_are_estimated(serve: Callable[..., Loopback]) -> None:
    server = serve(of_json(uk(DAY.timestamp() - 1800, [(90, 91), (100, 110), (200, None), (None, None), (300, 310)])))
    series = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=2))
    assert server.asked[0][0] == "/intensity/2026-11-01T00:00Z/2026-11-02T00:00Z"
    assert "auth-token" not in server.asked[0][1]
    assert [(one.g_per_kwh, one.estimated) for one in series.slots] == [(110, False), (200, True), (310, False)]
    assert series.slots[0].start_s == DAY.timestamp()
    assert series.slots[0].end_s == DAY.timestamp() + 1800
    assert (series.basis, series.zone, series.unit, series.licence) == ("direct", "GBR", "g/kWh", "CC BY 4.0")
    assert "NESO" in series.attribution
    assert "1 slot without a usable figure left out" in series.notes


def test_a_long_stretch_is_asked_for_in_parts(serve: Callable[..., Loopback]) -> None:
    def answer(path: str) -> Answer:
        start = datetime.fromisoformat(path.split("/")[2]).timestamp()
        end = datetime.fromisoformat(path.split("/")[3]).timestamp()
        assert end - start <= 14 * 86400
        return of_json(uk(start, [(100, 100)] * int((end - start) / 1800)))

    server = serve(answer)
    series = UkCarbonIntensity(limits=QUICK).history("GBR", DAY - timedelta(days=29), DAY)
    assert len(server.asked) == 3
    assert len(series.slots) == 29 * 48
    assert all(later.start_s == earlier.end_s for earlier, later in zip(series.slots, series.slots[1:], strict=False))


def test_a_region_has_forecasts_only(serve: Callable[..., Loopback]) -> None:
    national = uk(DAY.timestamp(), [(50, None)] * 48)
    for row in national["data"]:
        del row["intensity"]["actual"]  # regional answers have none
    body = {"data": {"regionid": 13, "shortname": "London", "data": national["data"]}}
    server = serve(of_json(body), of_json({"data": [body["data"]]}))
    for _ in range(2):  # an object in some endpoints, a list of one in others
        series = UkCarbonIntensity(13, limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=1))
        assert all(one.estimated for one in series.slots)
        for path in kept_files():
            path.unlink()
    assert server.asked[0][0] == "/regional/intensity/2026-11-01T00:00Z/2026-11-02T00:00Z/regionid/13"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": [{"from": "2026-11-01T00:00Z"}]},
        {"data": [{"from": "yesterday", "to": "2026-11-01T00:30Z", "intensity": {"forecast": 1}}]},
        {"data": [{"from": "2026-11-01T00:00", "to": "2026-11-01T00:30", "intensity": {"forecast": 1}}]},
        {"data": [{"from": "2026-11-01T00:00Z", "to": "2026-11-01T00:30Z", "intensity": {"forecast": "1"}}]},
        {"data": [{"from": "2026-11-01T00:00Z", "to": "2026-11-01T00:30Z", "intensity": {"forecast": 1, "actual": [2]}}]},
        {
            "data": [
                {"from": "2026-11-01T00:00Z", "to": "2026-11-01T00:30Z", "intensity": {"forecast": 1, "actual": 1}},
                {"from": "2026-11-01T00:00Z", "to": "2026-11-01T00:30Z", "intensity": {"forecast": 2, "actual": 2}},
            ]
        },
    ],
)
def test_another_answer_than_the_documented_one_gives_no_figure(serve: Callable[..., Loopback], body: object) -> None:
    serve(of_json(body))
    with pytest.raises(IntensityError, match=r"^UK Carbon Intensity API: [^\n]*$"):
        UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=1))


@pytest.mark.parametrize("figure", [-1, 2001, 1e300])
def test_an_impossible_figure_is_none(serve: Callable[..., Loopback], figure: float) -> None:
    serve(of_json(uk(DAY.timestamp(), [(100, 100), (100, figure)])))
    series = UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=1))
    assert [one.g_per_kwh for one in series.slots] == [100]
    assert any("without a usable figure" in note for note in series.notes)


def test_an_empty_answer_is_a_series_without_hours(serve: Callable[..., Loopback]) -> None:
    serve(of_json({"data": []}))
    assert UkCarbonIntensity(limits=QUICK).history("GBR", DAY, DAY + timedelta(hours=1)).slots == ()


def test_only_great_britain_is_known() -> None:
    with pytest.raises(ConfigError, match="knows Great Britain"):
        UkCarbonIntensity().history("FRA", DAY, DAY)


# -- Electricity Maps --------------------------------------------------------------------------------------------------


def test_hours_of_a_zone_are_life_cycle_and_the_key_stands_in_a_header(serve: Callable[..., Loopback]) -> None:
    body = maps(DAY.timestamp(), [300, None, 320])
    body["data"][2]["isEstimated"] = True
    server = serve(of_json(body))
    series = ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    path, headers = server.asked[0]
    assert path.startswith("/v3/carbon-intensity/past-range?zone=DE&emissionFactorType=lifecycle")
    assert "start=2026-11-01T00%3A00Z" in path
    assert headers["auth-token"] == KEY
    assert KEY not in path
    assert [(one.g_per_kwh, one.estimated) for one in series.slots] == [(300, False), (320, True)]
    assert (series.basis, series.provider) == ("life-cycle", "electricitymaps:DE")


def test_the_last_hours_are_asked_for_where_they_are_free(serve: Callable[..., Loopback]) -> None:
    now = datetime.now(UTC)
    hour_s = now.timestamp() // 3600 * 3600
    server = serve(of_json(maps(hour_s - 23 * 3600, [100.0] * 24, rows="history")))
    series = ElectricityMaps(limits=QUICK).history("DEU", now - timedelta(hours=3), now)
    assert len(server.asked) == 1
    assert server.asked[0][0].startswith("/v3/carbon-intensity/history?zone=DE")
    assert len(series.within((now - timedelta(hours=3)).timestamp(), now.timestamp())) in {3, 4}


@pytest.mark.parametrize("refused", [401, 403])
def test_a_key_without_older_hours_gives_what_it_has(serve: Callable[..., Loopback], refused: int) -> None:
    now_s = datetime.now(UTC).timestamp() // 3600 * 3600

    def answer(path: str) -> Answer:
        return of_json({"error": "no"}, refused) if "past-range" in path else of_json(maps(now_s, [100], rows="history"))

    serve(answer)
    series = ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    assert "the plan of this key has the last 24 hours only of Electricity Maps" in series.notes


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "ELECTRICITYMAPS_TOKEN is not accepted"), (403, "ELECTRICITYMAPS_TOKEN"), (404, "zone DE"), (429, "429")],
)
def test_a_refusal_says_what_to_do_and_never_the_key(serve: Callable[..., Loopback], status: int, said: str) -> None:
    serve(of_json({"error": f"Invalid auth-token {KEY}"}, status, Retry_After="900"))
    with pytest.raises(IntensityError, match=said) as caught:
        ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    error: BaseException | None = caught.value
    while error is not None:  # nor in what it came from
        assert KEY not in str(error)
        assert KEY not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "body",
    [
        maps(0, [1], zone="FR"),
        maps(0, [1], kind="direct"),
        {"zone": "DE"},
        maps(0, [1], temporalGranularity="daily"),
        {"zone": "DE", "data": [{"datetime": "2026-11-01T00:00:00", "carbonIntensity": 1}]},
        {"zone": "DE", "data": [{"datetime": "x", "carbonIntensity": 1}]},
        {"zone": "DE", "data": [{"datetime": "2026-11-01T00:00:00Z", "carbonIntensity": "1"}]},
        {"zone": "DE", "data": [{"datetime": "2026-11-01T00:00:00Z", "carbonIntensity": 1, "zone": "FR"}]},
    ],
)
def test_another_zone_basis_or_shape_gives_no_figure(serve: Callable[..., Loopback], body: object) -> None:
    serve(of_json(body))
    with pytest.raises(IntensityError, match=r"^Electricity Maps: [^\n]*$"):
        ElectricityMaps(limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=1))


def test_direct_hours_are_direct(serve: Callable[..., Loopback]) -> None:
    server = serve(of_json(maps(DAY.timestamp(), [300] * 24, kind="direct")))
    series = ElectricityMaps(basis="direct", limits=QUICK).history("DEU", DAY, DAY + timedelta(hours=3))
    assert series.basis == "direct"
    assert "emissionFactorType=direct" in server.asked[0][0]


def test_a_forecast_is_an_estimate_throughout(serve: Callable[..., Loopback]) -> None:
    now = datetime.now(UTC)
    start_s = now.timestamp() // 3600 * 3600
    body = {
        "zone": "DE",
        "forecast": [
            {"carbonIntensity": 100 + at, "datetime": stamp(start_s + 3600 * at).replace("Z", ":00.000Z")} for at in range(49)
        ],
        "updatedAt": "2026-11-26T17:25:24.685Z",
    }
    server = serve(of_json(body))
    series = ElectricityMaps(limits=QUICK).forecast("DEU", now, 30)
    assert "horizonHours=48" in server.asked[0][0]
    assert all(one.estimated for one in series.slots)
    assert series.is_forecast
    assert len(series.slots) in {30, 31}


@pytest.mark.parametrize(("zone", "its"), [("DEU", "DE"), ("FRA", "FR"), ("CA-QC", "CA-QC"), ("AU-NSW", "AU-NSW"), ("USA", "US")])
def test_zones_that_are_surely_the_same(zone: str, its: str) -> None:
    assert its_zone(zone) == its


@pytest.mark.parametrize("zone", [None, "US-VA", "egrid:CAMX", "XXX"])
def test_zones_that_may_not_be_the_same_are_not_guessed(zone: str | None) -> None:
    with pytest.raises(ConfigError, match="electricitymaps:"):
        its_zone(zone)


@pytest.mark.parametrize("bad", ["a\nHost: evil", "a\tb", "schlüssel", "two words"])
def test_a_key_that_no_header_carries_is_refused_unrepeated(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", bad)
    with pytest.raises(ConfigError, match="holds characters") as caught:
        ElectricityMaps()
    assert bad not in str(caught.value)


def test_without_a_key_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELECTRICITYMAPS_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="set ELECTRICITYMAPS_TOKEN"):
        ElectricityMaps()
    monkeypatch.setenv("FOOTPRINT_ELECTRICITYMAPS_KEY", KEY)
    assert KEY not in repr(vars(ElectricityMaps("DE")).keys())


# -- The cache ---------------------------------------------------------------------------------------------------------


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


# -- Who is meant ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "basis", "said"),
    [
        ("ukk", None, "is no provider"),
        ("uk:99", None, "there is no region 99"),
        ("uk:london", None, "a region is a number"),
        ("uk", "life-cycle", "has direct intensities"),
        ("electricitymaps:de; rm", None, "is no zone of Electricity Maps"),
        ("electricitymaps:DE", "market", "none of basis 'market'"),
        ("nan", None, "not between"),
        ("-3", None, "not between"),
        ("2001", None, "is it in another unit"),
        ("100", "direct", "goes without --intensity-basis"),
        ("uk", "marginal", "unknown --intensity-basis"),
        ("", None, "is no provider"),
    ],
)
def test_who_is_not_meant_is_refused(stated: str, basis: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    with pytest.raises(FootprintError, match=said):
        open_provider(stated, basis)


def test_nobody_is_asked_by_default_for_a_zone_that_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in KEY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert isinstance(default_provider("GBR"), UkCarbonIntensity)
    with pytest.raises(ConfigError, match=r"no forecast of FRA is public without a key.*ELECTRICITYMAPS_TOKEN.*FILE.csv"):
        default_provider("FRA")
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    assert isinstance(default_provider("FRA"), ElectricityMaps)
    with pytest.raises(ConfigError, match="electricitymaps:US-CAL-CISO"):
        default_provider("US-VA")


@pytest.mark.parametrize("variable", ["FOOTPRINT_UK_INTENSITY_URL", "FOOTPRINT_ELECTRICITYMAPS_URL"])
def test_an_address_in_the_environment_must_be_safe(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
    monkeypatch.setenv(variable, "http://example.test")
    with pytest.raises(ConfigError, match="https"):
        open_provider("uk" if "UK" in variable else "electricitymaps:DE")
