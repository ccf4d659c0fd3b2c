from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from footprint.errors import ConfigError
from footprint.place.intensity import Series, open_provider
from tests.place.loopback import stamp

DAY = datetime(2026, 11, 1, tzinfo=UTC)
HEAD = "start,g_per_kwh,basis\n"


def read(tmp_path: Path, body: str | bytes, basis: str | None = None, zone: str | None = None) -> Series:
    path = tmp_path / "grid.csv"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return open_provider(str(path), basis).history(zone, DAY, DAY + timedelta(days=400))


def rows(n: int, step_s: float = 3600, basis: str = "direct") -> str:
    return HEAD + "".join(f"{stamp(DAY.timestamp() + step_s * at)},{100 + at},{basis}\n" for at in range(n))


@pytest.mark.parametrize("step_s", [900, 1800, 3600])
def test_slots_last_until_the_next(tmp_path: Path, step_s: float) -> None:
    series = read(tmp_path, rows(5, step_s))
    assert [(one.start_s, one.end_s) for one in series.slots] == [
        (DAY.timestamp() + step_s * at, DAY.timestamp() + step_s * (at + 1)) for at in range(5)
    ]
    assert [one.g_per_kwh for one in series.slots] == [100, 101, 102, 103, 104]
    assert series.basis == "direct"


def test_a_missing_row_is_a_gap_not_a_longer_slot(tmp_path: Path) -> None:
    lines = rows(6).splitlines(keepends=True)
    series = read(tmp_path, "".join(lines[:3] + lines[4:]))
    assert [one.end_s - one.start_s for one in series.slots] == [3600.0] * 5
    assert series.slots[2].start_s - series.slots[1].end_s == 3600.0


def test_rows_in_any_order_with_repeats_and_a_byte_order_mark(tmp_path: Path) -> None:
    head, *lines = rows(5).splitlines(keepends=True)
    shuffled = head + lines[3] + lines[0] + lines[4] + lines[1] + lines[2] + lines[0]
    series = read(tmp_path, b"\xef\xbb\xbf" + shuffled.encode().replace(b"\n", b"\r\n"))
    assert series.slots == read(tmp_path, rows(5)).slots
    assert series.notes == ("1 repeated row counted once",)


@pytest.mark.parametrize(
    "head",
    ["start;g_per_kwh;basis\n", "START\tG_PER_KWH\tbasis\n", "from, intensity_g_per_kwh ,basis\n"],
    ids=["semicolon", "tab", "names"],
)
def test_other_separators_and_names(tmp_path: Path, head: str) -> None:
    separator = ";" if ";" in head else "\t" if "\t" in head else ","
    body = rows(3).split("\n", 1)[1].replace(",", separator)
    assert read(tmp_path, head + body).slots == read(tmp_path, rows(3)).slots


def test_times_with_an_offset_are_where_they_belong(tmp_path: Path) -> None:
    """The clock goes back on 2026-10-25 in Paris: two hours that a clock on the wall calls 02:00 are two slots."""
    told = ["2026-11-01T00:00+00:00", "2026-11-01T02:00+01:00", "2026-11-01T07:30+05:30"]
    series = read(tmp_path, "start,g_per_kwh,basis\n" + "".join(f"{one},100,direct\n" for one in told))
    assert [one.start_s - DAY.timestamp() for one in series.slots] == [0, 3600, 7200]
    twice = "start,g_per_kwh,basis\n2026-10-25T02:00+02:00,100,direct\n2026-10-25T02:00+01:00,300,direct\n"
    path = tmp_path / "dst.csv"
    path.write_text(twice)
    found = open_provider(str(path)).history(None, DAY - timedelta(days=9), DAY)
    assert [one.g_per_kwh for one in found.slots] == [100, 300]


def test_times_without_a_zone_are_refused_unless_the_file_says_which(tmp_path: Path) -> None:
    naive = "2026-11-01T00:00"
    with pytest.raises(ConfigError, match=r"grid.csv, line 2: has a time without a zone .*start_utc.*utc_offset"):
        read(tmp_path, f"start,g_per_kwh,basis\n{naive},100,direct\n")
    for head, row in (
        ("start_utc,end,g_per_kwh,basis", f"{naive},2026-11-01T01:00Z,100,direct"),
        ("Datetime (UTC),end_utc,g_per_kwh,basis", f"{naive},2026-11-01 01:00,100,direct"),
        ("start,utc_offset,end,g_per_kwh,basis", "2026-11-01T01:00,+01:00,2026-11-01T02:00,100,direct"),
    ):
        (slot,) = read(tmp_path, f"{head}\n{row}\n").slots
        assert (slot.start_s, slot.end_s) == (DAY.timestamp(), DAY.timestamp() + 3600)


@pytest.mark.parametrize("offset", ["+99:00", "+24:00", "+01:60", "-1", "+٠١:٠٠", "UTC"])
def test_an_offset_that_no_clock_has_is_refused(tmp_path: Path, offset: str) -> None:
    with pytest.raises(ConfigError, match=r"^grid.csv, line 2: has a time without a zone"):
        read(tmp_path, f"start,utc_offset,g_per_kwh,basis\n2026-11-01T00:00,{offset},100,direct\n")


THEIRS = (
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),"
    "Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method\n"
    "2026-11-01 00:00:00,Sweden,Sweden,SE,2.54,30.02,99.42,60.13,svk.se,true,ESTIMATED_FORECASTS_HIERARCHY\n"
    "2026-11-01 01:00:00,Sweden,Sweden,SE,2.6,30.32,99.4,59.52,svk.se,false,\n"
)


def test_a_file_of_electricity_maps_is_read_as_it_comes(tmp_path: Path) -> None:
    series = read(tmp_path, THEIRS, zone="SWE")
    assert (series.basis, [one.g_per_kwh for one in series.slots]) == ("life-cycle", [30.02, 30.32])
    assert [one.estimated for one in series.slots] == [True, False]
    assert series.licence == "ODbL (Electricity Maps)"
    direct = read(tmp_path, THEIRS.replace("(Life cycle)", "(LCA)"), "direct", "SWE")
    assert (direct.basis, [one.g_per_kwh for one in direct.slots]) == ("direct", [2.54, 2.6])
    with pytest.raises(ConfigError, match="is of SE, the place is in DEU"):
        read(tmp_path, THEIRS, zone="DEU")


def test_an_empty_figure_is_a_gap(tmp_path: Path) -> None:
    series = read(tmp_path, rows(4).replace(",101,", ",,"))
    assert [one.g_per_kwh for one in series.slots] == [100, 102, 103]


@pytest.mark.parametrize(
    ("body", "basis", "said"),
    [
        ("", None, "has no column start and g_per_kwh"),
        ("a,b\n1,2\n", None, r"has no column start and g_per_kwh \(it has a, b\); see docs/json.md"),
        ("start,g_per_kwh\n", "direct", "no row with a figure"),
        (rows(3).replace("101", "lots"), None, "line 3: has 'lots' for g/kWh, which is no number"),
        (rows(3).replace("101", "-5"), None, "line 3: has -5 g/kWh.*between 0 and 2000"),
        (rows(3).replace("101", "412000"), None, r"line 3: has 412000 g/kWh.*another unit.*lb per MWh"),
        (rows(3).replace("101", "nan"), None, "line 3: has nan"),
        (rows(3).replace("101", "inf"), None, "line 3: has inf"),
        (rows(3).replace("101", '"1,5"'), None, "no number"),
        ("start,g_per_kwh\n2026-13-01T00:00Z,5\n", "direct", "line 2: has '2026-13-01T00:00Z' for a time"),
        ("start,g_per_kwh\nyesterday,5\n", "direct", "line 2: has 'yesterday' for a time"),
        ("start,g_per_kwh\n2026-11-01T00:00Z\n", "direct", "line 2: has 1 columns, 2 are needed"),
        ("start,g_per_kwh\n2026-11-01T00:00Z,5\n", "direct", "one time and no column end"),
        (rows(3).replace("direct", "life-cycle", 1), None, "mixes bases"),
        (rows(3), "life-cycle", "is of basis direct, --intensity-basis says life-cycle"),
        (rows(3, basis="marginal"), None, "marginal intensities are no inventory's"),
        (rows(3, basis="green"), None, "unknown basis 'green'"),
        (rows(3).replace("basis\n", "other\n"), None, "does not say what its figures are: give --intensity-basis"),
        (
            rows(3) + rows(3).split("\n", 1)[1].replace("101", "999"),
            None,
            "two different figures for 2026-11-01T01:00Z: 101 and 999",
        ),
        ("start,end,g_per_kwh\n2026-11-01T01:00Z,2026-11-01T00:00Z,5\n", "direct", "ends before it begins"),
        (
            "start,end,g_per_kwh\n2026-11-01T00:00Z,2026-11-01T02:00Z,5\n2026-11-01T01:00Z,2026-11-01T03:00Z,6\n",
            "direct",
            "begins before that from 2026-11-01T00:00Z ends",
        ),
        ("start,g_per_kwh\n2024-01-01T00:00Z,5\n2025-01-01T00:00Z,5\n2026-01-01T00:00Z,5\n", "direct", "longer than a day"),
        ("start,from,g_per_kwh\n", "direct", "several columns for start"),
        ("start,g_per_kwh,zone\n2026-11-01T00:00Z,5,FRA\n2026-11-01T01:00Z,5,DEU\n", "direct", r"holds 2 zones \(DEU, FRA\)"),
        ("start,g_per_kwh,estimated\n2026-11-01T00:00Z,5,maybe\n", "direct", "neither true nor false"),
        ("start,g_per_kwh\n" + '"' + "x" * 200_000, "direct", "not CSV"),
        (b"\xff\xfe\x00", None, "not text in UTF-8"),
        (b"start,g_per_kwh\n2026-11-01T00:00Z,\xff\n", "direct", "not text in UTF-8"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, body: str | bytes, basis: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, body, basis)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigError):
            open_provider(f"{path}/" if path.is_dir() else str(path), "direct").history(None, DAY, DAY)


def test_figures_in_kilograms_are_questioned(tmp_path: Path) -> None:
    body = "start,g_per_kwh,basis\n" + "".join(f"{stamp(DAY.timestamp() + 3600 * at)},0.{at}4,direct\n" for at in range(5))
    assert any("is it in kg?" in note for note in read(tmp_path, body).notes)


@pytest.mark.slow
def test_a_million_rows(tmp_path: Path) -> None:
    """Two years of minutes are read in seconds, and of them only what touches the run is handed on."""
    base = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    hours = [stamp(base + 3600 * at).removesuffix("00Z") for at in range(16_667)]
    body = HEAD + "".join(f"{hour}{minute:02d}Z,{100 + minute},direct\n" for hour in hours for minute in range(60))
    path = tmp_path / "big.csv"
    path.write_text(body)
    provider = open_provider(str(path))
    series = provider.history(None, DAY, DAY + timedelta(hours=1))
    assert [one.g_per_kwh for one in series.slots] == [100 + minute for minute in range(60)]
    assert len(provider.history(None, DAY - timedelta(days=999), DAY + timedelta(days=9999)).slots) == 1_000_020


def test_a_file_of_the_past_is_no_forecast(tmp_path: Path) -> None:
    path = tmp_path / "past.csv"
    path.write_text(rows(24))
    with pytest.raises(
        ConfigError, match=r"past.csv is no forecast for the hours from 2027-.*it holds 2026-11-01T00:00Z to 2026-11-02"
    ):
        open_provider(str(path)).forecast(None, DAY + timedelta(days=300), 48)
    series = open_provider(str(path)).forecast(None, DAY + timedelta(hours=5), 48)
    assert series.is_forecast
    assert len(series.slots) == 19
