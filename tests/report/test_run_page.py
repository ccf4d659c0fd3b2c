from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import LedgerError
from footprint.ledger import find_run
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.beside import Beside, beside
from footprint.ledger.reading import journal_paths
from footprint.ledger.readings import Readings, courses_of, readings
from footprint.ledger.runfile import write_run_file
from footprint.model import (
    ATTRIBUTIONS,
    Attribution,
    ComponentName,
    Declaration,
    Device,
    DeviceEnergy,
    Grade,
    Mark,
    Run,
    Source,
)
from footprint.report import html
from footprint.report.figures.run import figures
from footprint.report.html import run_proof
from footprint.report.one_run.data import RunPage
from footprint.report.one_run.page import POINTS, build, read
from footprint.report.one_run.series import Stretches, joined, power_series, thinned
from tests.report.examples import HOSTILE, record, run, somewhere
from tests.report.run_examples import GPUS, hostile, recorded
from tests.report.test_html import Page

SAME = 1e-9
Pieces = list[tuple[float, float, float]]


def stretches(pieces: Pieces) -> Stretches:
    """Stretches one after the other: (gap before it, length, amount)."""
    begins, ends, amounts, at = [], [], [], 0.0
    for gap_s, length_s, amount in pieces:
        begins.append(at + gap_s)
        at += gap_s + length_s
        ends.append(at)
        amounts.append(amount)
    return Stretches(*(np.array(one, dtype=np.float64) for one in (begins, ends, amounts)))


numbers = st.floats(min_value=0.0, max_value=1e4, allow_nan=False)
lengths = st.one_of(st.just(0.0), st.floats(min_value=1e-3, max_value=1e3))
some = st.lists(st.tuples(lengths, lengths, numbers), min_size=1, max_size=60).map(stretches)


@given(some, st.integers(min_value=1, max_value=20))
def test_thinned_readings_keep_their_joules_and_their_extremes(given_: Stretches, most: int) -> None:
    found = thinned(given_, most)
    whole = math.fsum(given_.amount.tolist())
    assert len(found.begin_s) <= max(most, 1)
    assert math.fsum(found.amount.tolist()) == pytest.approx(whole, rel=SAME, abs=SAME)
    has_time = ~np.isnan(found.mean)
    assert found.mean[has_time] * found.read_s[has_time] == pytest.approx(found.amount[has_time], rel=1e-6, abs=1e-6)
    if not found.is_thinned:
        return
    timed = given_.end_s > given_.begin_s
    if timed.any() and whole and not (given_.amount[~timed] != 0).any():
        rates = given_.amount[timed] / (given_.end_s[timed] - given_.begin_s[timed])
        assert np.nanmax(found.high) <= rates.max() * (1 + SAME)
        assert np.nanmin(found.low) >= rates.min() * (1 - SAME)
        assert (found.mean[has_time] <= found.high[has_time] * (1 + 1e-6) + SAME).all()
        assert (found.mean[has_time] >= found.low[has_time] * (1 - 1e-6) - SAME).all()


@given(some, st.floats(min_value=0.0, max_value=50.0))
def test_short_stretches_are_joined_over_no_gap(given_: Stretches, least_s: float) -> None:
    found = joined(given_, least_s)
    assert math.fsum(found.amount.tolist()) == pytest.approx(math.fsum(given_.amount.tolist()), rel=SAME, abs=SAME)
    length_s = float((given_.end_s - given_.begin_s).sum())
    assert float((found.end_s - found.begin_s).sum()) == pytest.approx(length_s, rel=1e-6, abs=1e-3)


def test_a_gap_stays_one_however_it_is_thinned() -> None:
    given_ = stretches([(0.0, 1.0, 300.0)] * 500 + [(400.0, 1.0, 300.0)] + [(0.0, 1.0, 300.0)] * 100)
    found = power_series("gpu", given_, 50)
    assert found.is_thinned
    assert all(watts == pytest.approx(300.0) for watts in found.mean_w)
    holes = [after - before for before, after in zip(found.end_s, found.begin_s[1:], strict=False)]
    assert max(holes) == pytest.approx(400.0, abs=2 * (1001.0 / 50))


def test_what_is_drawn_adds_up_to_what_is_counted() -> None:
    page = build(*recorded())
    for one, device in zip(page.power, page.run.devices, strict=True):
        assert math.fsum(one.energy_j) == pytest.approx(device.energy_j)
        assert len(one.begin_s) <= POINTS
        assert one.is_thinned
        assert sum(watts * seconds for watts, seconds in zip(one.mean_w, one.read_s, strict=True) if watts) == pytest.approx(
            device.energy_j
        )
    footprint, course = page.footprint, page.timing.course
    assert course is not None
    assert course.so_far_kwh is not None
    assert footprint.energy_kwh is not None
    known = {one.component: one.energy_kwh.central for one in footprint.breakdown if one.energy_kwh}
    for part in course.parts:
        assert sum(part.energy_kwh) == pytest.approx(known[part.component])
    assert course.so_far_kwh[-1] == pytest.approx(footprint.energy_kwh.central)
    assert list(course.so_far_kwh) == sorted(course.so_far_kwh)
    # Three phases that follow each other make the whole of it.
    energies = [one.energy_kwh.central for one in page.timing.by_phase if one.energy_kwh]
    assert sum(energies) == pytest.approx(footprint.energy_kwh.central)
    assert sum(one.energy_ratio or 0.0 for one in page.timing.by_phase) == pytest.approx(1.0)
    assert page.timing.marks[0].energy_kwh == pytest.approx(course.so_far_kwh[course.edges_s.index(1800.0)])


def test_a_gap_is_shown_as_one_and_said_to_be_one() -> None:
    page = build(*recorded())
    course = page.timing.course
    assert course is not None
    accelerators = next(one for one in course.parts if one.component == "accelerators")
    inside = [at for at, edge_s in enumerate(course.edges_s[:-1]) if 1512.0 <= edge_s < 1788.0]
    assert inside
    assert {accelerators.mean_w[at] for at in inside} == {None}
    read = next(one.drawing for one in figures(page) if one.id == "power-read")
    line = next(trace for trace in read["data"] if trace.get("meta"))
    assert None in line["y"]
    written = Page(html.render_run(page)).text
    assert "Accelerators read for 91.7 % of the time" in written
    # What else was drawn meanwhile is not all that was: the stack says that a part of it is missing.
    power = next(one for one in figures(page) if one.id == "power")
    assert "Question mark" in power.caption
    marks = [note["x"] for note in power.drawing["layout"]["annotations"] if note["text"] == "?"]
    assert marks == [pytest.approx(27.5, abs=0.3)]
    whole = next(one for one in figures(build(*recorded(gap=None))) if one.id == "power")
    assert "?" not in [note["text"] for note in whole.drawing["layout"]["annotations"]]
    assert "Question mark" not in whole.caption


def test_the_first_screen_says_on_what_and_where_and_has_no_box_that_says_nothing() -> None:
    written = Page(html.render_run(build(*recorded())))
    assert re.search(r"finetune-7b on 2 × NVIDIA A100-SXM4-80GB ?, gcp:europe-west1 This run emitted", written.text)
    assert not [a for _, a in written.tags if "settled" in str(a.get("class"))]
    assert "place unknown" in Page(html.render_run(build(run(place=None)))).text
    # A thousand of it in a unit that fits, as on the page of many.
    assert "23.1 Wh (22–24.5)" in written.text
    assert "3 g (2.1–4.09)" in written.text


def test_each_link_leads_somewhere_and_each_operand_is_linked() -> None:
    page = build(*recorded())
    written = Page(html.render_run(page))
    ids = {attributes["id"] for _, attributes in written.tags if attributes.get("id")}
    links = [str(a["href"]) for tag, a in written.tags if tag == "a" and str(a.get("href", "")).startswith("#")]
    assert len(links) > 60
    assert {link.removeprefix("#") for link in links} <= ids
    loose = [
        piece.text
        for section in run_proof.sections(page)
        for line in section.lines
        for piece in line.pieces
        if not piece.href and re.search(r"\d", piece.text)
    ]
    assert loose == []


def test_the_first_number_leads_down_to_samples_and_factors() -> None:
    page = build(*recorded())
    lines = {line.id: line for section in run_proof.sections(page) for line in section.lines}
    seen, wanted = set(), [run_proof.proof_of(page, "emissions_g")]
    while wanted:
        href = wanted.pop()
        if href in seen:
            continue
        seen.add(href)
        line = lines.get(href.removeprefix("#"))
        wanted += [piece.href for piece in line.pieces if piece.href] if line else []
    read_at = {one.id: one for one in run_proof.readings(page)}
    reached = [read_at[href.removeprefix("#")] for href in seen if href.removeprefix("#") in read_at]
    samples = {link.href for one in reached for link in one.links if link.href.startswith("#sample-")}
    assert samples == {f"#sample-{place}-{at}" for place in range(len(GPUS)) for at in (0, page.samples[0].readings - 1)}
    assert any(href.startswith("#factor-") for href in seen)


def test_it_is_json_and_back() -> None:
    page = build(*recorded(10.0))
    assert msgspec.json.decode(msgspec.json.encode(page), type=RunPage) == page


def no_readings(**facts: Any) -> RunPage:
    return build(run(devices=(), cpu=None, **facts), Readings())


def declared() -> Run:
    facts = Declaration(hardware="A100 SXM4 80GB", count=8, hours=10, region="gcp:europe-west1", source=(Source(title="a bill"),))
    return run(devices=(), cpu=None, declared=facts)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (no_readings(), "neither energy nor emissions are known"),
        (build(run(place=None)), "of electricity; emissions unknown"),
        (build(declared()), "Nobody measured this run"),
        (build(*recorded(10.0, outcome="running", progress=())), "So far it emitted"),
        (build(*recorded(10.0, outcome="running")), "Forecast"),
        (build(*recorded(10.0, outcome="failed")), "It failed after 1 h"),
        (no_readings(duration_s=0.0), "The run had no length"),
        (build(recorded(10.0)[0]), "the course that the run's facts keep"),
        (build(*recorded(10.0, parent="outer")), "whose numbers contain these"),
        (build(run(), None, Beside(runs=(run("r2", name="rank-1"),))), "rank-1"),
        (build(*recorded(10.0), attribution="machine"), "all of it is counted here"),
        (build(run("r1", labels={"restart_of": "gone"})), "which is not here"),
    ],
    ids=[
        "no energy",
        "no place",
        "declared",
        "running",
        "forecast",
        "failed",
        "0 s",
        "course",
        "part",
        "rank",
        "machine",
        "restart",
    ],
)
def test_every_run_has_a_page_that_says_what_is_known(page: RunPage, words: str) -> None:
    written = Page(html.render_run(page))
    assert words in written.text
    ids = {attributes["id"] for _, attributes in written.tags if attributes.get("id")}
    links = {str(a["href"]) for tag, a in written.tags if tag == "a" and str(a.get("href", "")).startswith("#")}
    assert {link.removeprefix("#") for link in links} <= ids
    assert "nan" not in written.text.lower().split()


def device(device_id: str, component: ComponentName, meter: str, energy_j: float | None, **facts: Any) -> DeviceEnergy:
    grade: Grade = "power" if meter == "hwmon" else "model" if energy_j is None else "counter"
    stated = {"name": "NVIDIA A100-SXM4-80GB", "grade": grade} | facts
    known = Device(id=device_id, component=component, meter=meter, **stated)
    return DeviceEnergy(device=known, energy_j=energy_j, read_s=3600.0)


ODD: dict[str, Run] = {
    "counters of the chips": run(devices=(device("rapl:0", "cpu", "rapl", 36e4), device("rapl:dram", "memory", "rapl", 36e3))),
    "a meter of the machine": run(devices=(device("hw", "rest", "hwmon", 9e5, contains=("cpu", "memory")),)),
    "a slice": run(devices=(device("gpu:MIG-x", "accelerators", "nvml", 1e5, slices=(1, 7)),)),
    "a chip that nobody knows": run(devices=(device("g", "accelerators", "tpu-model", None, name="Mystery 9"),)),
    "hostile devices": run(devices=tuple(device(name, "accelerators", name, 1e3, name=name) for name in HOSTILE)),
    "a microsecond": run(duration_s=1e-6, place=somewhere()),
    "decades": run(duration_s=1e9, place=somewhere()),
    "nothing at all, with marks": run(duration_s=0.0, marks=(Mark(name="a", t_s=0.0, end_s=0.0), Mark(name="b", t_s=0.0))),
    "no work counted": run(work={"samples": 0.0, "x": 1e300}, place=somewhere()),
    "declared energy": run(devices=(), cpu=None, declared=Declaration(energy_kwh=10.0, region="gcp:europe-west1")),
    "nothing declared": run(devices=(), cpu=None, declared=Declaration()),
    "an id that is a command": run("a b;<i>", account="$(rm -rf)"),
}


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("name", list(ODD))
def test_whatever_was_read_makes_a_page_whose_links_lead_somewhere(name: str, attribution: Attribution) -> None:
    written = Page(html.render_run(build(ODD[name], attribution=attribution)))
    ids = {attributes["id"] for _, attributes in written.tags if attributes.get("id")}
    links = {str(a["href"]) for tag, a in written.tags if tag == "a" and str(a.get("href", "")).startswith("#")}
    assert {link.removeprefix("#") for link in links} <= ids
    assert not {"nan", "inf", "None"} & set(written.text.split())


def test_names_are_inert() -> None:
    page = build(*hostile())
    text = html.render_run(page)
    written = Page(text)
    assert not any(name.startswith("on") for _, attributes in written.tags for name in attributes)
    assert not {"img", "iframe", "object"} & {tag for tag, _ in written.tags}
    assert len(written.scripts) == 4  # data, drawings, plotly.js packed, ours
    assert len(text.encode()) <= html.LIMIT_BYTES
    assert "\x1b" not in text
    assert "\u202e" not in text
    for one in figures(page):
        for note in one.drawing["layout"].get("annotations", []):
            assert "<" not in note["text"]
    assert all(name not in text for name in HOSTILE if "<" in name)


def test_a_long_page_leaves_its_series_out_and_says_so() -> None:
    page = build(*recorded(10.0))
    text = html.render_run(page, limit_bytes=1_000)
    assert "without the series of its figures" in text
    assert '"power":[]' in text


def test_many_samples_become_few_points() -> None:
    page = build(*recorded(0.1, gap=None))
    assert [one.stretches for one in page.power] == [36_000, 36_000]
    assert max(len(one.begin_s) for one in page.power) <= POINTS
    assert len(html.render_run(page).encode()) < html.LIMIT_BYTES
    assert [one.readings for one in page.samples] == [36_001, 36_001]
    assert [len(one.first) + len(one.last) for one in page.samples] == [24, 24]


def test_phases_by_the_thousand_and_marks_outside_the_run() -> None:
    marks = [Mark(name=f"step {at % 3}", t_s=float(at), end_s=at + 1.0) for at in range(3_000)]
    marks += [Mark(name="late", t_s=9_999.0, end_s=10_000.0), Mark(name="later", t_s=9_999.0)]
    page = build(*recorded(10.0, marks=tuple(marks)))
    assert page.timing.all_phases == 3_001
    assert [(one.name, one.phases) for one in page.timing.by_phase] == [
        ("step 0", 1000), ("step 1", 1000), ("step 2", 1000), ("late", 1),
    ]  # fmt: skip
    assert page.timing.by_phase[-1].energy_ratio == 0
    assert len(page.timing.phases) == 500


# -- Where runs lie ----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "home"))
    record(
        tmp_path / "home",
        [
            run("r1", place=somewhere(), account="lab"),
            run("r2", name="other", account="lab", outcome="failed", labels={"restart_of": "r1"}),
            run("r3", name="stranger", account="elsewhere"),
        ],
    )
    return tmp_path / "home"


def test_a_run_of_the_ledger_has_its_samples_and_its_account(home: Path) -> None:
    page = read("r1")
    assert page.source == "recorded"
    assert [(one.name, one.relations, one.outcome) for one in page.siblings] == [("other", ("restart", "account"), "failed")]
    assert [one.readings for one in page.samples] == [2, 2]
    assert all(math.fsum(one.energy_j) == pytest.approx(300.0 * 3600) for one in page.power)
    assert page.ticks.ticks == 2
    assert page.notes == ()
    with pytest.raises(LedgerError, match="no run 'r9'"):
        read("r9")
    assert home.is_dir()


def test_an_archive_a_thinned_one_and_a_ledger_elsewhere_tell_the_same(home: Path) -> None:
    before = read("r1")
    there = read("r1", str(home))
    for path in journal_paths(home):
        os.utime(path, (1e9, 1e9))  # nobody has written to it for years
    compact(home, Policy(older_than_s=-60, keep_samples_s=None, keep_minutes_s=None))
    archived = read("r1")
    assert archived.source == "recorded"
    for page in (there, archived):
        assert msgspec.structs.replace(page, ledger=None, generated_at="") == msgspec.structs.replace(before, generated_at="")
    compact(home, Policy(older_than_s=-60, keep_samples_s=0, keep_minutes_s=None))
    thin = read("r1")
    assert thin.source == "thinned"
    assert thin.notes == ()
    assert all(math.fsum(one.energy_j) == pytest.approx(300.0 * 3600) for one in thin.power)
    assert thin.siblings == before.siblings
    assert "as an archive keeps them" in Page(html.render_run(thin)).text


def test_a_run_file_says_what_it_does_not_hold(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_run_file(find_run("r1", home), path)
    page = read(str(path))
    assert page.source == "course"
    assert page.siblings == ()
    assert "it was read from a file" in Page(html.render_run(page)).text
    assert page.footprint == read("r1").footprint


def test_the_runs_beside_a_run_are_cut_where_they_are_many(home: Path) -> None:
    found = beside(find_run("r1", home), most=0)
    assert found.is_cut
    assert found.runs == ()
    assert readings(find_run("r1", home)) == readings(find_run("r1", home), str(home))
    assert not courses_of(run()).is_recorded
