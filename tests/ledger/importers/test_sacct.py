from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import run_footprint
from footprint.errors import ConfigError, LedgerError
from footprint.ledger.exchange.registry import read_source
from footprint.ledger.importers.nodes import names_in
from footprint.model import Run
from tests.ledger.importers.conftest import brought, written

JOB = {
    "JobID": "100",
    "JobName": "train",
    "User": "ada",
    "Account": "lab",
    "Cluster": "big",
    "Partition": "gpu",
    "State": "COMPLETED",
    "Start": "2026-11-03T10:00:00",
    "End": "2026-11-03T12:00:00",
    "ElapsedRaw": "7200",
    "NNodes": "2",
    "NodeList": "node[01-02]",
    "AllocTRES": "billing=128,cpu=128,gres/gpu:a100=8,gres/gpu=8,mem=1T,node=2",
    "ConsumedEnergyRaw": "36000000",
    "SubmitLine": "sbatch job.sh",
}
KWH = 10.0


def listing(tmp_path: Path, *rows: dict[str, str]) -> Path:
    return written(tmp_path / "jobs.txt", [JOB | row for row in rows] or [JOB], "|")


def one(tmp_path: Path, *rows: dict[str, str], **stated: str) -> Run:
    (run,) = brought(listing(tmp_path, *rows), **stated)
    return run


def energy_kwh(run: Run) -> float | None:
    assert run.declared is not None
    return run.declared.energy_kwh


def test_a_job_is_a_run_and_its_facts_stay(tmp_path: Path) -> None:
    run = one(tmp_path)
    assert (run.name, run.account, run.outcome) == ("train", "slurm:big:100", "completed")
    assert (run.labels["user"], run.labels["team"], run.labels["nodes"]) == ("ada", "lab", "2")
    assert (run.duration_s, run.host.name) == (7200, "node[01-02]")
    assert run.declared is not None
    assert (run.declared.hardware, run.declared.count, run.declared.hours) == ("a100", 8, 2)


@pytest.mark.parametrize(
    ("row", "stated", "counted"),
    [
        ({}, {}, False),
        ({}, {"exclusive": "yes"}, True),
        ({}, {"cpus_per_node": "64"}, True),
        ({}, {"cpus_per_node": "128"}, False),
        ({"SubmitLine": "sbatch --exclusive job.sh"}, {}, True),
        ({"SubmitLine": "sbatch --exclusive"}, {}, True),
        ({"SubmitLine": "sbatch --exclusive=user job.sh"}, {}, False),
        ({"SubmitLine": "sbatch --exclusive job.sh"}, {"exclusive": "no"}, False),
    ],
)
def test_a_nodes_energy_is_the_jobs_only_where_it_is_known_to_be_alone(
    tmp_path: Path, row: dict[str, str], stated: dict[str, str], *, counted: bool
) -> None:
    run = one(tmp_path, row, **stated)
    assert energy_kwh(run) == (KWH if counted else None)
    assert run.labels["stated_energy_j"] == "36000000"
    assert any("is not counted" in warning for warning in run.warnings) is not counted
    it = run_footprint(run).it_energy_kwh
    assert it is not None  # by its GPUs and hours, where not by SLURM's energy
    assert (it.central == KWH) is counted


def test_jobs_that_were_on_a_node_at_once_are_not_alone_whatever_is_stated(tmp_path: Path) -> None:
    beside = {"JobID": "101", "NodeList": "node02", "NNodes": "1", "Start": "2026-11-03T11:59:59"}
    after = {"JobID": "102", "NodeList": "node01", "NNodes": "1", "Start": "2026-11-03T12:00:00"}
    runs = brought(listing(tmp_path, {}, beside, after), exclusive="yes")
    assert [energy_kwh(run) for run in runs] == [None, None, KWH]
    assert "at the same time" in " ".join(runs[0].warnings)


@pytest.mark.parametrize("told", ["", "0", "4294967294", "4294967295", "18446744073709551614", "18446744073709551615"])
def test_what_slurm_says_where_it_does_not_know_is_unknown(tmp_path: Path, told: str) -> None:
    run = one(tmp_path, {"ConsumedEnergyRaw": told}, exclusive="yes")
    assert energy_kwh(run) is None
    assert "stated_energy_j" not in run.labels


def test_more_than_nodes_can_draw_is_left_out(tmp_path: Path) -> None:
    run = one(tmp_path, {"ConsumedEnergyRaw": str(2**62)}, exclusive="yes")
    assert energy_kwh(run) is None
    assert any("more than its nodes can draw" in warning for warning in run.warnings)


def test_energy_with_a_suffix_is_read(tmp_path: Path) -> None:
    row = {("ConsumedEnergy" if name == "ConsumedEnergyRaw" else name): value for name, value in JOB.items()}
    row["ConsumedEnergy"] = "36M"
    (run,) = brought(written(tmp_path / "jobs.txt", [row], "|"), exclusive="yes")
    assert energy_kwh(run) == KWH


def step(name: str, energy_j: str, **row: str) -> dict[str, str]:
    return {"JobID": f"100.{name}", "ConsumedEnergyRaw": energy_j, **row}


def test_steps_are_not_summed_with_their_job(tmp_path: Path) -> None:
    first = step("0", "16000000", End="2026-11-03T11:00:00", ElapsedRaw="3600")
    second = step("1", "20000000", Start="2026-11-03T11:00:00", ElapsedRaw="3600")
    assert energy_kwh(one(tmp_path, {}, first, second, exclusive="yes")) == KWH


def test_of_steps_at_once_the_one_that_saw_all_counts(tmp_path: Path) -> None:
    summed = {"ConsumedEnergyRaw": "108000000"}
    rows = (step("batch", "36000000"), step("extern", "36000000"), step("0", "36000000"))
    assert energy_kwh(one(tmp_path, summed, *rows, exclusive="yes")) == KWH
    without = one(tmp_path, summed, rows[0], rows[2], exclusive="yes")  # the batch step sees the first of two nodes
    assert energy_kwh(without) is None
    assert energy_kwh(one(tmp_path, summed | {"NNodes": "1", "NodeList": "node01"}, rows[0], rows[2], exclusive="yes")) == KWH


def test_each_attempt_of_a_requeued_job_is_a_run_of_one_account(tmp_path: Path) -> None:
    first = {"State": "REQUEUED", "End": "2026-11-03T10:30:00", "ElapsedRaw": "1800"}
    second = {"Start": "2026-11-03T11:00:00", "ElapsedRaw": "3600"}
    runs = brought(listing(tmp_path, first, second))
    assert len({run.id for run in runs}) == 2
    assert {run.account for run in runs} == {"slurm:big:100"}
    assert [run.outcome for run in runs] == ["interrupted", "completed"]


def test_the_tasks_of_an_array_are_one_account(tmp_path: Path) -> None:
    runs = brought(listing(tmp_path, {"JobID": "100_1"}, {"JobID": "100_2"}))
    assert {run.account for run in runs} == {"slurm:big:100"}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("FAILED", "failed"),
        ("CANCELLED by 1000", "interrupted"),
        ("TIMEOUT", "interrupted"),
        ("OUT_OF_MEMORY", "failed"),
        ("?", "unknown"),
    ],
)
def test_a_jobs_end_is_told(tmp_path: Path, state: str, outcome: str) -> None:
    assert one(tmp_path, {"State": state}).outcome == outcome


def test_jobs_that_have_not_begun_or_ended_are_left_out_and_counted(tmp_path: Path) -> None:
    rows: tuple[dict[str, str], ...] = (
        {},
        {"JobID": "101", "State": "RUNNING"},
        {"JobID": "102", "State": "CANCELLED", "Start": "None"},
    )
    _, incoming = read_source(str(listing(tmp_path, *rows)))
    assert [run.labels["job_id"] for run in incoming.runs] == ["100"]
    assert incoming.notes == ("2 jobs or steps that have not begun or not ended were left out",)


def test_a_job_without_gpus_or_energy_has_an_unknown_energy(tmp_path: Path) -> None:
    run = one(tmp_path, {"AllocTRES": "cpu=4,node=1", "ConsumedEnergyRaw": ""})
    assert run_footprint(run).energy_kwh is None


def test_gpus_that_nobody_knows_leave_the_energy_unknown(tmp_path: Path) -> None:
    run = one(tmp_path, {"AllocTRES": "cpu=4,gres/gpu:warp9=2,node=1", "ConsumedEnergyRaw": ""})
    assert run_footprint(run).energy_kwh is None
    assert any("warp9" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"ConsumedEnergyRaw": "-5"}, "below 0"),
        ({"ConsumedEnergyRaw": "nan"}, "no number"),
        ({"ConsumedEnergyRaw": "12,5"}, "no number"),
        ({"Start": "2026-13-03"}, "no time"),
        ({"Start": "0001-01-01T00:00:00"}, "not possible"),
        ({"ElapsedRaw": "-1"}, "below 0"),
        ({"ElapsedRaw": "1e300"}, "above"),
        ({"AllocTRES": "billing"}, "torn"),
        ({"AllocTRES": "cpu=many"}, "no number"),
        ({"NodeList": "node[01-"}, "no list of nodes"),
        ({"NodeList": "node[1-99999999]"}, "no list of nodes"),
        ({"JobID": ""}, "JobID is empty"),
    ],
)
def test_an_impossible_job_is_refused_with_its_line(tmp_path: Path, row: dict[str, str], word: str) -> None:
    path = listing(tmp_path, {}, {"JobID": "101"} | row)
    with pytest.raises(LedgerError) as caught:
        read_source(str(path))
    assert str(caught.value).startswith(f"{path}:3: ")
    assert word in str(caught.value)


def test_a_torn_line_is_refused(tmp_path: Path) -> None:
    path = listing(tmp_path, {}, {"JobID": "101"})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LedgerError, match=r"jobs.txt:3: \d+ of \d+ cells"):
        brought(path)


@pytest.mark.parametrize(("key", "value"), [("exclusive", "maybe"), ("cpus_per_node", "0"), ("cpus_per_node", "x")])
def test_what_cannot_be_stated_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError):
        one(tmp_path, **{key: value})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ("n1",)),
        ("n[1-3]", ("n1", "n2", "n3")),
        ("n[08-10],m4", ("n08", "n09", "n10", "m4")),
        ("r[1-2]n[1,3]", ("r1n1", "r1n3", "r2n1", "r2n3")),
        ("None assigned", ()),
    ],
)
def test_a_list_of_nodes_is_spread(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text, "here") == names


@given(st.text("n0123456789[],-", max_size=30))
def test_any_list_of_nodes_is_read_or_refused(text: str) -> None:
    try:
        names = names_in(text, "here")
    except LedgerError as error:
        assert str(error).startswith("here: NodeList")  # noqa: PT017 - either is fine
    else:
        assert not any("[" in name or "," in name for name in names)
