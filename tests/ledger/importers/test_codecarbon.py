from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import run_footprint
from footprint.errors import ConfigError, LedgerError, UnknownPlace
from footprint.ledger.exchange.registry import read_source
from footprint.model import Run
from tests.ledger.importers.conftest import brought, codecarbon_row, joules, written


def one(tmp_path: Path, *rows: dict[str, str], **stated: str) -> Run:
    (run,) = brought(written(tmp_path / "emissions.csv", rows or (codecarbon_row(),)), **stated)
    return run


def test_it_keeps_energies_time_machine_and_place(tmp_path: Path) -> None:
    run = one(tmp_path)
    assert joules(run) == pytest.approx({"cpu": 360_000, "memory": 72_000, "accelerators": 720_000})
    assert (run.started_at, run.duration_s) == ("2026-11-03T10:00:00.000+00:00", 3600)
    assert run.place is not None
    assert run.place.zone == "FRA"
    assert (run.host.cpu_name, run.host.logical_cpus, run.host.accelerators) == ("AMD EPYC 7763", 16, 1)
    assert run.labels["stated_emissions_kg"] == "0.1"
    assert run.versions == {"codecarbon": "3.3.2"}
    assert {one.device.component: one.device.grade for one in run.devices} == {
        "cpu": "model",
        "memory": "model",
        "accelerators": "power",
    }


def test_what_was_the_whole_machines_is_not_the_runs_share(tmp_path: Path) -> None:
    run = one(tmp_path)
    assert run_footprint(run).energy_kwh is None
    whole = run_footprint(run, attribution="machine").it_energy_kwh
    assert whole is not None
    assert whole.central == pytest.approx(0.32)


def test_what_was_the_processs_alone_is_the_runs(tmp_path: Path) -> None:
    run = one(tmp_path, codecarbon_row(tracking_mode="process", gpu_count="0", gpu_energy="0", energy_consumed="0.12"))
    shared = run_footprint(run).it_energy_kwh
    assert shared is not None
    assert shared.central == pytest.approx(0.12)


def test_of_rows_on_the_way_the_one_with_most_energy_counts(tmp_path: Path) -> None:
    half = codecarbon_row(
        timestamp="2026-11-03T10:30:00",
        duration="1800",
        cpu_energy="0.05",
        gpu_energy="0.1",
        ram_energy="0.01",
        energy_consumed="0.16",
    )
    run = one(tmp_path, half, codecarbon_row())
    assert joules(run)["cpu"] == pytest.approx(360_000)
    assert [t_s for t_s, _ in run.devices[0].course] == [0, 1800, 3600]
    assert [energy_j for _, energy_j in run.devices[0].course] == pytest.approx([0, 180_000, 360_000])
    assert one(tmp_path, codecarbon_row(), half).devices == run.devices  # in any order


def test_the_pue_in_its_energies_is_taken_out(tmp_path: Path) -> None:
    run = one(tmp_path, codecarbon_row(pue="1.25"))
    assert joules(run)["cpu"] == pytest.approx(288_000)
    assert run.place is not None
    assert run.place.pue_ratio == 1.25


def test_the_place_that_it_writes_for_want_of_an_answer_is_no_place(tmp_path: Path) -> None:
    lost = codecarbon_row(country_name="Canada", country_iso_code="CAN", region="quebec", latitude="46.8", longitude="-71.2")
    run = one(tmp_path, lost)
    assert run.place is None
    assert any("Quebec" in warning for warning in run.warnings)
    found = one(tmp_path, lost | {"latitude": "45.5017", "longitude": "-73.5673"}).place
    assert found is not None
    assert found.zone == "CA-QC"


@pytest.mark.parametrize(
    ("cells", "zone", "region"),
    [
        ({"country_iso_code": "USA", "region": "california"}, "US-CA", None),
        ({"country_iso_code": "DEU", "region": "bavaria"}, "DEU", None),
        (
            {"country_iso_code": "BEL", "cloud_provider": "gcp", "cloud_region": "europe-west1", "on_cloud": "Y"},
            "BEL",
            "europe-west1",
        ),
        ({"country_iso_code": "BEL", "cloud_provider": "gcp", "cloud_region": "atlantis-1", "on_cloud": "Y"}, "BEL", None),
        ({"country_iso_code": "ZZZ", "region": ""}, None, None),
        ({"country_iso_code": "", "region": ""}, None, None),
    ],
)
def test_a_place_is_found_as_narrowly_as_it_is_known(
    tmp_path: Path, cells: dict[str, str], zone: str | None, region: str | None
) -> None:
    place = one(tmp_path, codecarbon_row(**cells)).place
    assert ((place.zone, place.region) if place else (None, None)) == (zone, region)


def test_a_zero_is_no_reading(tmp_path: Path) -> None:
    run = one(tmp_path, codecarbon_row(cpu_energy="0.0", cpu_power="0", energy_consumed="0.22"))
    assert joules(run)["cpu"] is None
    assert run_footprint(run, attribution="machine").energy_kwh is None


@pytest.mark.parametrize(("gpus", "known"), [("0", True), ("", False)])
def test_no_gpu_is_a_zero_only_where_it_says_so(tmp_path: Path, gpus: str, *, known: bool) -> None:
    run = one(tmp_path, codecarbon_row(gpu_count=gpus, gpu_energy="0", gpu_power="0", energy_consumed="0.12"))
    assert (run_footprint(run, attribution="machine").energy_kwh is not None) is known


def test_the_first_versions_tell_one_energy_for_all(tmp_path: Path) -> None:
    columns = ("timestamp", "project_name", "duration", "emissions", "energy_consumed", "country_name", "country_iso_code")
    run = one(tmp_path, {name: codecarbon_row()[name] for name in columns})
    assert run.devices == ()
    assert run.declared is not None
    assert run.declared.energy_kwh == 0.32
    energy = run_footprint(run).it_energy_kwh
    assert energy is not None
    assert energy.central == pytest.approx(0.32)


def test_a_duration_of_the_last_task_only_is_worked_out_anew(tmp_path: Path) -> None:
    run = one(tmp_path, codecarbon_row(duration="10"))
    assert run.duration_s == pytest.approx(3600)
    assert any("last task" in warning for warning in run.warnings)


def test_a_second_import_gives_the_same_runs(tmp_path: Path) -> None:
    assert one(tmp_path) == one(tmp_path)
    assert one(tmp_path).id != one(tmp_path, codecarbon_row(run_id="run-2")).id


def test_machines_that_nobody_names_are_not_one(tmp_path: Path) -> None:
    first, second = brought(written(tmp_path / "e.csv", [codecarbon_row(), codecarbon_row(run_id="run-2")]))
    assert first.host.name != second.host.name
    assert {device.device.id for device in first.devices if device.device.component == "accelerators"}.isdisjoint(
        device.device.id for device in second.devices
    )
    named = brought(tmp_path / "e.csv", host="box")
    assert {run.host.name for run in named} == {"box"}


def test_what_is_stated_beside_it_counts(tmp_path: Path) -> None:
    run = one(tmp_path, kind="fine-tuning", timezone="+02:00", region="aws:us-east-1", account="a", project="p", pue="1.1")
    assert (run.kind, run.account, run.labels["project"]) == ("fine-tuning", "a", "p")
    assert run.started_at == "2026-11-03T08:00:00.000+00:00"
    assert run.place is not None
    assert (run.place.provider, run.place.pue_ratio) == ("aws", 1.1)


@pytest.mark.parametrize(
    ("key", "value"), [("kind", "trainin"), ("timezone", "Mars/Base"), ("pue", "0.5"), ("pue", "nan"), ("colour", "red")]
)
def test_what_cannot_be_stated_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError):
        one(tmp_path, **{key: value})


def test_a_stated_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlace):
        one(tmp_path, region="aws:atlantis-1")


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({"cpu_energy": "-0.1"}, "cpu_energy is -0.1"),
        ({"cpu_energy": "NaN"}, "cpu_energy is 'NaN'"),
        ({"gpu_energy": "1e999"}, "gpu_energy"),
        ({"duration": "inf"}, "duration"),
        ({"duration": ""}, "duration is empty"),
        ({"duration": "1_000"}, "duration"),
        ({"duration": "1e12"}, "duration is 1e+12"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "not possible"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "1999-11-03T11:00:00"}, "not possible"),
        ({"pue": "0.2"}, "pue"),
        ({"energy_consumed": "0.1"}, "more than the energy_consumed"),
        # joules, and watt-hours
        ({"cpu_energy": "360000", "gpu_energy": "720000", "ram_energy": "72000", "energy_consumed": "1152000"}, "no kWh"),
        ({"cpu_energy": "100", "gpu_energy": "200", "ram_energy": "20", "energy_consumed": "320"}, "no kWh"),
    ],
)
def test_an_impossible_row_is_refused_with_its_line(tmp_path: Path, cells: dict[str, str], word: str) -> None:
    path = written(tmp_path / "emissions.csv", [codecarbon_row(), codecarbon_row(run_id="other", **cells)])
    with pytest.raises(LedgerError) as caught:
        read_source(str(path))
    assert f"{path}:3: " in str(caught.value)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_joules_where_no_power_stands_beside_them_are_refused(tmp_path: Path) -> None:
    columns = ("timestamp", "project_name", "duration", "emissions", "energy_consumed", "country_name", "country_iso_code")
    row = {name: codecarbon_row()[name] for name in columns} | {"energy_consumed": "1152000"}
    with pytest.raises(LedgerError, match="no kWh"):
        brought(written(tmp_path / "emissions.csv", [row]))


def test_a_torn_line_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "emissions.csv", [codecarbon_row(), codecarbon_row(run_id="other")])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 60])
    with pytest.raises(LedgerError, match=r"emissions.csv:3: \d+ of \d+ cells: the line is torn"):
        brought(path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    row = codecarbon_row()
    del row["timestamp"]
    with pytest.raises(LedgerError, match=r"emissions.csv:1: no column timestamp"):
        brought(written(tmp_path / "emissions.csv", [row]))


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path / "emissions.csv", [codecarbon_row()])
    path.write_bytes(path.read_bytes().replace(b"train", b"tr\xe9in"))
    with pytest.raises(LedgerError, match=r"emissions.csv:2: no text in UTF-8"):
        brought(path)


def test_a_header_alone_holds_no_runs(tmp_path: Path) -> None:
    path = tmp_path / "emissions.csv"
    path.write_text(",".join(codecarbon_row()) + "\n", encoding="utf-8")
    with pytest.raises(LedgerError, match="no runs"):
        brought(path)


@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters=',"\r\n'), max_size=400))
def test_hostile_names_become_names(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    run = one(tmp_path_factory.mktemp("hostile"), codecarbon_row(project_name=name, cpu_model=name))
    assert "\x1b" not in run.name
    assert "\x00" not in run.name
    assert 0 < len(run.name) <= 200
