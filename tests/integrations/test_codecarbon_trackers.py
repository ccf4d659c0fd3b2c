from __future__ import annotations

import asyncio
import csv
import inspect
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import footprint
from footprint.derive import Account
from footprint.errors import ConfigError, LedgerError, UnknownPlace
from footprint.integrations import codecarbon as ours
from footprint.integrations.codecarbon import keywords, tracker
from footprint.integrations.codecarbon.table import add_row
from footprint.ledger import read_runs
from footprint.ledger.exchange.importing import bring_in
from tests.ledger.importers.conftest import codecarbon_row

PLACE: dict[str, Any] = {"country_iso_code": "FRA", "measure_power_secs": 0.1}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tracker._told.clear()


def rows(path: str = "emissions.csv") -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def works(seconds: float = 0.15) -> int:
    import time

    deadline_s = time.process_time() + seconds
    while time.process_time() < deadline_s:
        pass
    return 42


@pytest.mark.slow  # CodeCarbon takes seconds to start
def test_the_keywords_are_those_of_codecarbon() -> None:
    import codecarbon
    import codecarbon.output_methods.emissions_data as theirs

    for name in ("EmissionsTracker", "OfflineEmissionsTracker", "track_emissions"):
        mine, other = (inspect.signature(getattr(where, name)).parameters for where in (ours, codecarbon))
        assert list(mine) == list(other), name
        assert [one.kind for one in mine.values()] == [one.kind for one in other.values()], name
    public = {name for name in dir(codecarbon.EmissionsTracker) if not name.startswith("_")}
    assert public <= set(dir(ours.EmissionsTracker))
    assert list(ours.EmissionsData.__dataclass_fields__) == list(theirs.EmissionsData.__dataclass_fields__)
    assert set(keywords._NONE) <= set(keywords.TRACKER)


def test_a_run_is_a_row_and_a_run_of_the_ledger() -> None:
    with ours.OfflineEmissionsTracker(**PLACE, project_name="=cmd()", pue=1.2, experiment_name="night") as tracker:
        works()
        assert tracker.flush() is not None
        works()
    (run,) = read_runs().runs
    assert (run.name, run.outcome, run.labels["experiment"], run.warnings) == ("=cmd()", "completed", "night", ())
    flushed, row = rows()
    assert flushed["run_id"] == row["run_id"] == run.id
    assert row["project_name"] == "'=cmd()"
    assert (row["country_iso_code"], row["country_name"], row["pue"], row["on_cloud"]) == ("FRA", "France", "1.2", "N")
    known = footprint.derive.run_footprint(run, attribution="machine")
    assert known.energy_kwh is not None
    assert known.emissions_g is not None
    assert float(row["energy_consumed"]) == pytest.approx(known.energy_kwh.central)
    assert float(row["emissions"]) == pytest.approx(known.emissions_g.central / 1000) == tracker.final_emissions
    parts_kwh = sum(float(row[f"{part}_energy"]) for part in ("cpu", "gpu", "ram"))
    assert 0 < parts_kwh <= float(row["energy_consumed"]) * (1 + 1e-9)
    assert 0 < float(flushed["energy_consumed"]) <= float(row["energy_consumed"])
    assert tracker.final_emissions_data is not None
    assert tracker.final_emissions_data.values["run_id"] == run.id
    # Read back, it is known already.
    brought = bring_in(["emissions.csv"])
    assert (brought.new, brought.measured) == ((), ())
    assert "written by footprint" in " ".join(brought.notes)
    assert len(read_runs().runs) == 1


def test_without_a_place_the_emissions_are_unknown_and_not_zero(caplog: pytest.LogCaptureFixture) -> None:
    tracker = ours.EmissionsTracker(log_level="critical", measure_power_secs=0.1)
    tracker.start()
    works()
    assert tracker.stop() is None
    (row,) = rows()
    assert (row["emissions"], row["emissions_rate"], row["country_iso_code"]) == ("", "", "")
    assert float(row["energy_consumed"]) > 0
    (line,) = [record.getMessage() for record in caplog.records]
    assert "country_iso_code=" in line


def test_tasks_are_phases_and_their_joules_count_once() -> None:
    tracker = ours.OfflineEmissionsTracker(**PLACE, tracking_mode="process")
    tracker.start_task("first")
    works()
    first = tracker.stop_task()
    tracker.start_task("  ")
    works()
    tracker.start_task("another")
    kg = tracker.stop()
    assert first is not None
    assert kg is not None
    runs = read_runs().runs
    (outer,) = [run for run in runs if run.parent is None]
    assert [(mark.name, mark.end_s is not None) for mark in outer.marks] == [("first", True), ("task 2", True)]
    assert {run.labels.get("task") for run in runs} == {None, "first", "task 2"}
    assert all(run.place == outer.place for run in runs)
    told = rows(f"emissions_base_{outer.id}.csv")
    assert [row["task_name"] for row in told] == ["first", "task 2"]
    assert list(told[0])[:4] == ["task_name", "timestamp", "project_name", "run_id"]
    assert "experiment_id" not in told[0]
    assert sum(float(row["energy_consumed"]) for row in told) <= float(rows()[-1]["energy_consumed"]) * 1.01
    total = Account(runs).total([run.id for run in runs]).footprint
    assert total.emissions_g is not None
    assert total.emissions_g.central / 1000 == pytest.approx(kg, rel=0.01)


def test_decorators_with_and_without_parentheses() -> None:
    @ours.track_emissions
    def plain(number: int) -> int:
        return number + works(0.01)

    @ours.track_emissions(offline=True, country_iso_code="FRA", project_name="named", save_to_file=False)
    def named() -> None:
        raise ZeroDivisionError

    @ours.track_emissions(project_name="coroutine")
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return "done"

    @ours.track_task_emissions(task_name="task")
    def task() -> int:
        return 7

    assert (plain(1), asyncio.run(coroutine()), task()) == (43, "done", 7)
    with pytest.raises(ZeroDivisionError):
        named()
    outcomes = {run.name: run.outcome for run in read_runs().runs}
    assert outcomes["named"] == "failed"
    assert {"codecarbon", "coroutine", "task"} <= outcomes.keys()
    assert "named" not in {row["project_name"] for row in rows()}
    assert plain.__name__ == "plain"


def test_keywords_without_a_meaning_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        ours.EmissionsTracker(
            force_cpu_power=100, gpu_ids=[0], save_to_api=True, api_key="k", log_level="error", save_to_file=False
        )
    ours.EmissionsTracker(save_to_api=False, wue=0, gpu_ids=None, allow_multiple_runs=True, output_methods=["csv"])
    (line,) = [record.getMessage() for record in caplog.records]
    assert all(name in line for name in ("force_cpu_power (", "gpu_ids (", "save_to_api (nothing is sent)", "api_key"))


@pytest.mark.parametrize(
    ("error", "given", "said"),
    [
        (TypeError, {"country": "FRA"}, "country"),
        (UnknownPlace, {"country_iso_code": "FRN"}, "FRN"),
        (UnknownPlace, {"cloud_provider": "aws", "cloud_region": "atlantis-1"}, "atlantis-1"),
        (ConfigError, {"cloud_provider": "aws"}, "cloud_region"),
        (ConfigError, {"output_dir": "not/there"}, "there is no such folder"),
        (ConfigError, {"tracking_mode": "gpu"}, "tracking_mode"),
        (ConfigError, {"on_csv_write": "replace"}, "on_csv_write"),
        (ConfigError, {"log_level": "loud"}, "log_level"),
        (ConfigError, {"measure_power_secs": "often"}, "measure_power_secs"),
        (ConfigError, {"measure_power_secs": -1}, "interval_s"),
        (ConfigError, {"pue": 0.5}, "PUE"),
        (ConfigError, {"output_methods": "csv,fax"}, "fax"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(error: type[Exception], given: dict[str, Any], said: str) -> None:
    with pytest.raises(error, match=f"(?i){said}"):
        ours.OfflineEmissionsTracker(**given)
    assert read_runs().runs == ()


def test_their_configuration_is_read_the_strongest_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".codecarbon.config").write_text("[codecarbon]\nproject_name=home\nsave_to_file=false\npue=1.5\n")
    Path(".codecarbon.config").write_text("[codecarbon]\nproject_name=here\ncountry_iso_code=FRA\n")
    monkeypatch.setenv("CODECARBON_PUE", "1.3")
    found = keywords.settings_of({})
    assert (found.name, found.zone, found.pue, found.file) == ("here", "FRA", 1.3, None)
    assert keywords.settings_of({"project_name": "stated"}).name == "stated"
    Path(".codecarbon.config").write_bytes(b"\xff[")
    with pytest.raises(ConfigError, match="cannot be read"):
        keywords.settings_of({})


def test_places_are_found_as_they_are_worded_there() -> None:
    def where(**given: str) -> tuple[str | None, str | None]:
        found = keywords.settings_of({**given, "save_to_file": False})
        return found.region, found.zone

    assert where(country_iso_code="USA", region="california") == ("california, USA", None)
    assert where(cloud_provider="gcp", cloud_region="us-east1") == ("gcp:us-east1", None)
    with ours.OfflineEmissionsTracker(country_iso_code="CAN", region="quebec", force_carbon_intensity_g_co2e_kwh=500) as tracker:
        works()
    told = tracker.final_emissions_data
    assert told is not None
    assert (told.country_iso_code, told.region) == ("CAN", "Quebec, Canada")
    assert told.energy_consumed is not None
    assert told.emissions == pytest.approx(told.energy_consumed * 0.5)


def test_handlers_are_handed_the_totals_and_may_fail() -> None:
    class Handler:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def out(self, total: Any, delta: Any) -> None:
            self.seen.append("out")
            assert delta.duration <= total.duration
            if delta.duration:
                assert delta.emissions_rate == pytest.approx(delta.emissions / delta.duration)
            assert vars(total)["emissions"] == total.emissions

        def task_out(self, data: list[Any], experiment_name: str) -> None:
            self.seen.append(data[0].task_name)
            raise OSError("no")

        def exit(self) -> None:
            self.seen.append("exit")

    handler = Handler()
    tracker = ours.OfflineEmissionsTracker(**PLACE, output_handlers=[handler, ours.LedgerOutput()], save_to_file=False)
    tracker.start()
    tracker.flush()
    tracker.start_task("a")
    works()
    tracker.stop()
    assert handler.seen == ["out", "out", "a", "exit"]
    (outer,) = [run for run in read_runs().runs if run.parent is None]
    assert tracker.run is not None
    assert len(tracker.run.facts.warnings) == 1
    assert "a handler did not take the tasks: OSError" in tracker.run.facts.warnings[0]
    assert not Path("emissions.csv").exists()
    assert outer.outcome == "completed"


def test_twice_started_and_twice_stopped_is_one_run(caplog: pytest.LogCaptureFixture) -> None:
    tracker = ours.OfflineEmissionsTracker(**PLACE)
    assert tracker.flush() is None
    assert tracker.stop_task() is None
    tracker.start()
    tracker.start()
    first = tracker.stop()
    assert first == tracker.stop() == tracker.final_emissions
    assert len(read_runs().runs) == len(rows()) == 1
    assert len(caplog.records) == 4


# -- The file ----------------------------------------------------------------------------------------------------------


def test_first_writers_at_once_lose_no_row(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from footprint.integrations.codecarbon.table import add_row
for number in range(30):
    add_row(Path(sys.argv[1]), {"run_id": f"{sys.argv[2]}-{number}", "emissions": None})
"""
    path = tmp_path / "shared.csv"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(8)]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    lines = path.read_text().splitlines()
    assert lines[0] == "run_id,emissions"
    assert sorted(lines[1:]) == sorted(f"{writer}-{number}," for writer in range(8) for number in range(30))


def test_a_file_of_theirs_is_gone_on_with_and_one_with_other_columns_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "emissions.csv"
    row = codecarbon_row()
    backwards = list(reversed(row))
    path.write_text(",".join(backwards) + "\n" + ",".join(row[name] for name in backwards))  # its last line is not ended
    add_row(path, {**row, "run_id": "run-2"})
    add_row(path, {**row, "run_id": "run-1", "emissions": None}, is_updated=True)
    told = rows(str(path))
    assert list(told[0]) == backwards
    assert [(one["run_id"], one["emissions"]) for one in told] == [("run-2", "0.1"), ("run-1", "")]
    for number in range(2):
        add_row(path, {"other": number})
        add_row(path, {"columns": number})
    assert {one.name for one in tmp_path.glob("emissions*")} == {
        "emissions.csv",
        *(f"emissions.csv{number}.bak" for number in ("", "_0", "_1", "_2")),
    }
    assert path.read_text() == "columns\n1\n"


def test_a_file_that_cannot_be_written_is_said_and_costs_the_program_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(LedgerError, match="was not written"):
        add_row(tmp_path / "there", {"a": 1})
    tracker = ours.OfflineEmissionsTracker(**PLACE)
    tracker.start()
    Path("emissions.csv").mkdir()
    assert tracker.stop() is not None
    assert tracker.run is not None
    assert "emissions.csv was not written" in tracker.run.facts.warnings[0]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=4), st.floats(allow_nan=False))
def test_what_is_written_is_read_again(texts: list[str], number: float) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "emissions.csv")
        for text in texts:
            add_row(path, {"run_id": "one", "project_name": text, "emissions": number})
        with path.open(encoding="utf-8", newline="") as file:
            told = list(csv.DictReader(io.StringIO(file.read(), newline="")))
    assert [float(row["emissions"]) for row in told] == [number] * len(texts)
    assert [row["project_name"].removeprefix("'") for row in told] == [" ".join(text.split()).removeprefix("'") for text in texts]
