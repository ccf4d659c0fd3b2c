from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from footprint.errors import ConfigError, FootprintError, IntensityError
from footprint.place.intensity import default_provider, open_provider
from footprint.place.intensity.electricity_maps import KEY_VARIABLES, ElectricityMaps, its_zone
from footprint.place.intensity.uk import UkCarbonIntensity
from tests.place.loopback import DAY, KEY, QUICK, Answer, Loopback, kept_files, maps, of_json, stamp, uk

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
