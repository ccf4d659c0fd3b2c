from __future__ import annotations

import csv
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import footprint.reference as ref
from footprint.cli import call
from footprint.derive import restate, restate_total, run_footprint
from footprint.derive.restating import Restatement
from footprint.ledger import home, write_run_file
from footprint.model import Declaration, Place, Run
from footprint.reference import editions
from tests.report.examples import record, run, somewhere

Edit = Callable[[dict[str, str]], None]
DATA = Path(editions.__file__).parent / "data"


def scaled(by: float) -> Edit:
    def edit(row: dict[str, str]) -> None:
        for name in ("low", "central", "high"):
            row[name] = f"{float(row[name]) * by:.12g}" if row[name] else ""

    return edit


def brought(folder: Path, name: str, ids: str, edit: Edit) -> None:
    """Write a table of a new edition: the newest one's, with the rows changed whose ids begin so."""
    rows = list(csv.DictReader(editions.text_of(name).splitlines()))
    changed = [row for row in rows if row["id"].startswith(ids)]
    assert changed, f"{name} has no row {ids}"
    for row in changed:
        edit(row)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an edition after the newest, empty as yet, with a name of its own: what is remembered of it is not mixed."""
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    folder = data / f"later-{tmp_path.name}"
    folder.mkdir()
    known = (*editions.EDITIONS, folder.name)
    monkeypatch.setattr(editions, "_DATA", data)
    monkeypatch.setattr(editions, "EDITIONS", known)
    monkeypatch.setattr(ref, "EDITIONS", known)
    return folder


def conserved(found: Restatement) -> None:
    """What the reasons explain is the whole difference, by ratios and by differences."""
    for name, ratio in found.ratios.items():
        old, new = getattr(found.old, name).central, getattr(found.new, name).central
        assert ratio == pytest.approx(new / old, rel=1e-9)
        assert math.prod(one.ratios[name] for one in found.reasons if name in one.ratios) == pytest.approx(ratio, rel=1e-9)
        assert sum(one.differences.get(name, 0.0) for one in found.reasons) == pytest.approx(new - old, abs=1e-9 * old)
        shares = [one.shares_ratio[name] for one in found.reasons if name in one.shares_ratio]
        if abs(ratio - 1) > 1e-6:
            assert sum(shares) == pytest.approx(1.0, abs=1e-6)


DECLARED = Declaration(hardware="A100 SXM4 80GB", count=8, hours=100, region="gcp:europe-west1", year=2024, kind="fine-tuning")


def test_each_change_of_a_factor_is_a_reason_of_its_own(later: Path) -> None:
    brought(later, "pue", "pue:gcp:europe-west1", scaled(1.05))
    brought(later, "priors", "utilisation.training", scaled(0.9))
    found = restate(DECLARED, editions.NEWEST, later.name)
    assert [one.what for one in found.reasons] == ["priors: utilisation", "pue"]
    load, site = found.reasons
    assert load.ratios["it_energy_kwh"] == pytest.approx(0.9)
    assert load.ratios["emissions_g"] == pytest.approx(0.9)
    assert site.ratios["it_energy_kwh"] == 1.0
    assert site.ratios["emissions_g"] == pytest.approx(1.05)
    assert found.ratios["emissions_g"] == pytest.approx(0.9 * 1.05)
    (change,) = site.changes
    assert change.old is not None
    assert change.new is not None
    assert change.new.central == pytest.approx(1.05 * change.old.central)
    conserved(found)


@pytest.mark.parametrize("facts", [DECLARED, run("abc", place=somewhere()), run("abc", devices=(), place=somewhere())])
def test_changes_that_work_against_each_other_are_conserved(facts: Run | Declaration, later: Path) -> None:
    brought(later, "pue", "pue:", scaled(1.2))
    brought(later, "priors", "", scaled(0.8))
    brought(later, "grid", "grid:BEL", scaled(1.5))
    brought(later, "cpu_fit", "", scaled(1.3))
    brought(later, "accelerators", "nvidia-a100-sxm4-80gb", scaled(1.1))
    found = restate(facts, editions.NEWEST, later.name)
    assert len(found.reasons) >= 3
    conserved(found)
    grid = next(one for one in found.reasons if "grid" in one.tables)
    assert grid.ratios["emissions_g"] == pytest.approx(1.5)
    assert grid.ratios["energy_kwh"] == 1.0


def test_a_range_alone_may_change(later: Path) -> None:
    def wider(row: dict[str, str]) -> None:
        row["low"] = str(float(row["central"]) - 2 * (float(row["central"]) - float(row["low"])))
        row["high"] = str(float(row["central"]) + 2 * (float(row["high"]) - float(row["central"])))

    brought(later, "priors", "meter.nvml", wider)
    found = restate(run("abc", place=somewhere()), editions.NEWEST, later.name)
    assert found.ratios["emissions_g"] == 1.0
    (reason,) = found.reasons
    assert reason.what == "priors: meter"
    old, new = (one.it_energy_kwh for one in (found.old, found.new))
    assert old is not None
    assert new is not None
    assert new.high - new.low > old.high - old.low


def test_what_somebody_stated_stays(later: Path) -> None:
    brought(later, "pue", "pue:", scaled(1.2))
    brought(later, "grid", "grid:BEL", scaled(1.5))
    stated = Declaration(energy_kwh=1000, pue=1.1, intensity_g_per_kwh=300, zone="BEL", year=2024)
    found = restate(stated, editions.NEWEST, later.name)
    assert found.ratios["emissions_g"] == 1.0
    assert found.old.emissions_g == found.new.emissions_g
    assert {factor.id.split(".")[0] for factor in found.stated} == {"energy", "pue", "intensity"}
    assert all("emissions_g" not in one.ratios or one.ratios["emissions_g"] == 1.0 for one in found.reasons)


def test_a_figure_that_an_edition_brought_is_newly_known(later: Path) -> None:
    def of_antarctica(row: dict[str, str]) -> None:
        row["id"], row["zone"] = row["id"].replace("BEL", "ATA"), "ATA"

    brought(later, "grid", "grid:BEL:life-cycle:2024", of_antarctica)
    nowhere = run("abc", place=Place(zone="ATA"), started_at="2024-05-01T00:00:00Z")
    found = restate(nowhere, editions.NEWEST, later.name)
    assert found.old.emissions_g is None
    assert "emissions_g" in found.newly_known
    assert "emissions_g" not in found.ratios
    assert any("emissions_g" in one.newly_known for one in found.reasons)


def test_a_sum_is_restated_as_a_sum() -> None:
    some = [run("abc", place=somewhere()), run("abd", started_at="2025-05-02T00:00:00Z", place=somewhere("aws:us-east-1"))]
    found = restate_total(some, "2026.11", editions.NEWEST)
    singly = [restate(one, "2026.11", editions.NEWEST) for one in some]
    assert found.old.energy_kwh is not None
    assert found.old.energy_kwh.central == pytest.approx(sum(one.old.energy_kwh.central for one in singly if one.old.energy_kwh))
    conserved(found)


@settings(max_examples=25, deadline=None)
@given(
    hardware=st.sampled_from(["A100", "T4", "MI300X", "H100", "V100 SXM2"]),
    kind=st.sampled_from(["pre-training", "fine-tuning", "inference", "evaluation", "other", None]),
    region=st.sampled_from(["aws:us-east-1", "gcp:europe-west1", "azure:francecentral", None]),
    year=st.integers(2018, 2026),
)
def test_between_our_editions_the_difference_is_conserved(hardware: str, kind: Any, region: str | None, year: int) -> None:
    facts = Declaration(hardware=hardware, count=4, hours=10, region=region, kind=kind, year=year)
    conserved(restate(facts, editions.EDITIONS[0], editions.NEWEST))


def test_an_edition_gives_what_it_gave() -> None:
    one = run("abc", place=somewhere())
    found = restate(one, editions.EDITIONS[0], editions.NEWEST)
    assert found.new == run_footprint(one)
    with ref.using_edition(editions.EDITIONS[0]):
        assert found.old == run_footprint(one)


# -- The command -------------------------------------------------------------------------------------------------------


def restated(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert call(["restate", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere()), run("abd", started_at="2025-05-02T00:00:00Z")])
    found = restated(capsys)
    assert list(found) == ["from", "to", "method", "runs", "total", "schema"]
    assert (found["from"], found["to"]) == (editions.EDITIONS[-2], editions.NEWEST)
    assert [one["id"] for one in found["runs"]] == ["abc", "abd"]
    one = found["runs"][0]
    assert list(one) == ["id", "name", "old", "new", "ratios", "newly_known", "no_longer_known", "reasons", "stated"]
    assert set(one["old"]["emissions_g"]) == {"low", "central", "high"}
    for reason in one["reasons"]:
        assert {"what", "tables", "changes", "ratios", "differences", "shares_ratio"} <= set(reason)
    assert found["runs"][1]["new"]["emissions_g"] is None
    # The two were recorded at the same time on one machine: what they read together is once in the sum.
    both = [each["old"]["energy_kwh"]["central"] for each in found["runs"]]
    assert min(both) < found["total"]["old"]["energy_kwh"]["central"] < max(both)


@pytest.mark.parametrize("words", [["abc"], ["all"], ["all", "abc"], [], ["--since", "2025-05-02"]], ids=" ".join)
def test_runs_are_chosen(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc"), run("abd", started_at="2025-05-02T00:00:00Z")])
    found = restated(capsys, *words)
    assert [one["id"] for one in found["runs"]] == {"abc": ["abc"], "--since": ["abd"]}.get(
        words[0] if words else "", ["abc", "abd"]
    )
    assert (found["total"] is None) == (len(found["runs"]) == 1)


def test_a_reader_sees_old_and_new_and_why(later: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brought(later, "pue", "pue:gcp:europe-west1", scaled(1.05))
    place = somewhere()
    write_run_file(run("abc", place=place), home().parent / "run.json")
    assert call(["restate", str(home().parent / "run.json"), "--factors", later.name]) == 0
    out = capsys.readouterr().out
    assert f"from {editions.NEWEST} to {later.name}: 1 run" in out
    assert "× 1.05" in out
    assert "because    pue: energy × 1.05 (+" in out
    was, now = (next(line for line in out.splitlines() if line.strip().startswith(word)) for word in ("was", "now"))
    assert "pue:gcp:europe-west1" in was
    assert "; Google: data centre efficiency" in now
    # Back again, all is the other way round.
    assert call(["restate", str(home().parent / "run.json"), "--from", later.name, "--factors", editions.NEWEST]) == 0
    assert "× 0.9524" in capsys.readouterr().out


def test_the_same_edition_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere())])
    (one,) = restated(capsys, "abc", "--from", editions.NEWEST)["runs"]
    assert one["old"] == one["new"]
    assert one["reasons"] == []
    assert call(["restate", "abc", "--from", editions.NEWEST]) == 0
    out = capsys.readouterr().out
    assert "one edition, so nothing differs" in out
    assert "nothing that the run needs changed" in out


def test_a_sum_says_of_how_many_runs_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere()), run("abd", started_at="2025-05-02T00:00:00Z")])
    total = restated(capsys, "all")["total"]
    assert total["known_of"]["energy_kwh"] == {"old": 2, "new": 2}
    assert total["known_of"]["emissions_g"] == {"old": 1, "new": 1}
    assert total["known_of"]["water_l"] == {"old": 0, "new": 1}
    assert call(["restate", "all"]) == 0
    lines = capsys.readouterr().out.partition("together")[2].splitlines()
    ends = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert ends["emissions"].endswith("of 1 of 2 runs")
    assert ends["water"].endswith("of 0 of 2 runs, and of 1 now")
    assert "runs" not in ends["energy"]


def test_a_source_that_is_named_anew_changes_no_number(later: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def newer(row: dict[str, str]) -> None:
        row["year"] = "2025"

    brought(later, "priors", "meter.nvml", newer)
    write_run_file(run("abc", place=somewhere()), home().parent / "run.json")
    assert call(["restate", str(home().parent / "run.json"), "--factors", later.name]) == 0
    assert "because    priors: meter: no number, only its source" in capsys.readouterr().out


CARD = """\
# Model

## Environmental Impact

- **Hardware Type:** [More Information Needed]
- **Hours used:** [More Information Needed]
- **Cloud Provider:** [More Information Needed]
- **Compute Region:** [More Information Needed]
- **Carbon Emitted:** [More Information Needed]
"""


def test_a_card_is_restated_from_the_edition_that_it_was_filled_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere()), run("abd", place=somewhere())])
    card = tmp_path / "README.md"
    card.write_text(CARD, encoding="utf-8")
    with ref.using_edition(editions.EDITIONS[0]):
        assert call(["card", "fill", str(card), "--run", "abc"]) == 0
    found = restated(capsys, "--card", str(card))
    assert found["from"] == editions.EDITIONS[0]
    assert [one["id"] for one in found["runs"]] == ["abc"]
    card.write_text(CARD, encoding="utf-8")
    assert call(["restate", "--card", str(card)]) == 2
    assert "holds no block" in capsys.readouterr().err
    assert call(["card", "fill", str(card), "--hardware", "T4", "--count", "1", "--hours", "2", "--region", "FRA"]) == 0
    capsys.readouterr()
    assert call(["restate", "--card", str(card)]) == 2
    assert "declared facts" in capsys.readouterr().err
    # A card is anybody's text.
    card.write_text(re.sub("runs=[^ ]+", "runs=and-\x1b[31m-more", card.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    assert call(["restate", "--card", str(card)]) == 2
    err = capsys.readouterr().err
    assert "names only some of its runs" in err
    assert "\x1b" not in err


@pytest.mark.parametrize("command", ["restate", "reconcile"])
def test_help_says_how(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call([command, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--factors", "2025.1"], "2026.11"),
        (["--from", "2025.1"], "2026.11"),
        (["--factors", "2026.11"], "no edition of the factors before"),
        (["nowhere"], "nowhere"),
        (["--since", "soon"], "soon"),
        (["--since", "2030-01-01"], "none of the runs"),
        (["--card", "nowhere.md"], "nowhere.md"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_bad_input_is_one_clear_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc")])
    assert call(["restate", *words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert says in err
    assert err.count("\n") == 1
