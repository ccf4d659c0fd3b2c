from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import text as units
from footprint.model import Range
from footprint.report import exports, html
from footprint.report.html import plotly_js
from footprint.report.words import emissions_of
from tests.report.everything import everything
from tests.report.examples import HOSTILE, run, runs, somewhere, summary


class Page(HTMLParser):
    """Elements, attributes and scripts as a browser's parser takes them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_a_page_is_one_file_that_asks_for_nothing() -> None:
    page = Page(html.render(summary(runs(20))))
    for tag, attributes in page.tags:
        assert tag not in {"base", "iframe", "object", "embed", "form"}
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "link":
            assert attributes == {"rel": "icon", "href": "data:,"}
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy


def test_only_the_scripts_that_the_policy_names_can_run() -> None:
    text = html.render(summary(runs(2)))
    page = Page(text)
    executed = [a for t, a in page.tags if t == "script" and a.get("type") is None]
    assert len(executed) == 1
    packed = gzip.decompress(base64.b64decode(page.scripts[-2])).decode()
    assert packed == plotly_js.source()
    for script in (page.scripts[-1], packed):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"sha256-{digest}" in text.replace("&#43;", "+").replace("&#39;", "'")


def test_a_small_page_takes_plotly_from_where_it_is_told_to_and_from_nowhere_else() -> None:
    found = summary(runs(5))
    small = {assets: html.render(found, assets=assets) for assets in ("cdn", "folder")}
    assert all(len(text.encode()) < 400_000 for text in small.values())
    cdn, folder = (next(a for t, a in Page(small[one]).tags if t == "script" and "src" in a) for one in small)
    digest = base64.b64encode(hashlib.sha384(plotly_js.source().encode()).digest()).decode()
    assert cdn == {"src": plotly_js.address(), "integrity": f"sha384-{digest}", "crossorigin": "anonymous"}
    assert plotly_js.version() in plotly_js.address()
    assert folder == {"src": plotly_js.file_name()}
    for assets, allowed in (("cdn", plotly_js.address()), ("folder", "'self'")):
        policy = next(a["content"] for t, a in Page(small[assets]).tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert re.fullmatch(rf"script-src 'sha256-[^']+' {re.escape(allowed)}", scripts)


def test_the_first_screen_answers() -> None:
    shown = Page(html.render(summary(runs(10)))).text
    for words in (
        "10 runs emitted",
        "of CO₂ equivalent",
        "90 % range",
        "Measured",
        "How the energy is known",
        "Beyond these numbers, and not in them: embodied carbon of the hardware, ",
        "Market basis",
    ):
        assert words in shown


def test_a_direct_figure_above_the_life_cycle_one_is_not_left_without_a_word() -> None:
    belgium, virginia = (
        Page(html.render(summary([run(place=somewhere(place))]))) for place in ("gcp:europe-west1", "aws:us-east-1")
    )
    assert "sources disagree" in belgium.text
    assert {a.get("href") for _, a in belgium.tags} & {"#warnings"}
    assert {a.get("id") for _, a in belgium.tags} & {"warnings"}
    assert "sources disagree" not in virginia.text


def test_a_page_says_its_energies_in_one_unit() -> None:
    big = run("b", account="b", duration_s=7200.0, place=somewhere())
    shown = Page(html.render(summary([big, run("a", duration_s=600.0, place=somewhere())]))).text
    assert "kWh" in shown
    assert not re.search(r"\d (J|Wh|MWh)\b", shown)
    # What is next to nothing beside the others is not said to be nothing, and has its own unit where it stands by itself.
    tiny = run("a", duration_s=3.0, devices=(), place=somewhere())
    shown = Page(html.render(summary([big, tiny]))).text
    assert "<0.001 kWh" in shown
    assert re.search(r"\d J \(", shown)


def test_sentences_have_a_space_between_them() -> None:
    shown = Page(html.render(summary(runs(2), generated_at="2025-05-02T00:00:00Z"))).text
    assert re.search(r"as JSON\. Factors [\d.]+\. Written 2025-05-02T00:00:00Z\.", shown)


def test_a_factor_says_what_its_unit_is_counted_for() -> None:
    found = summary([run()])
    assert "W per logical CPU" in Page(html.render(found)).text
    assert "| W per logical CPU |" in exports.to_markdown(found)


def test_without_a_place_the_page_states_energy_and_says_how_to_give_the_place() -> None:
    shown = Page(html.render(summary(runs(10, placed=0)))).text
    for words in ("10 runs used", "emissions unknown", "--region gcp:europe-west1", "FOOTPRINT_REGION", "in all 10 runs"):
        assert words in shown


def test_a_part_is_never_shown_as_the_whole() -> None:
    shown = Page(html.render(summary(runs(10, placed=3)))).text
    assert "4 of 10 runs emitted" in shown
    assert "A part only: the other 6 are unknown, and not in this number." in shown


def test_two_totals_that_are_read_across_have_one_unit_unless_one_is_too_small_for_it() -> None:
    found = everything()
    assert found.compared
    shown = Page(html.render(found)).text
    before = emissions_of(found.compared.before.amounts, units.MASS[3])
    assert before.startswith("0.671 kg")
    assert before in shown
    assert "671 g" not in shown
    tiny = found.compared.before.amounts
    tiny = msgspec.structs.replace(tiny, emissions_g=Range(low=0.001, central=0.002, high=0.003))
    side = msgspec.structs.replace(found.compared.before, amounts=tiny)
    compared = msgspec.structs.replace(found.compared, before=side)
    assert "2 mg (1–3)" in Page(html.render(msgspec.structs.replace(found, compared=compared))).text


def test_one_run_that_failed_is_spoken_of_as_one() -> None:
    shown = Page(html.render(summary([run(outcome="failed"), run("b"), run("c")]))).text
    assert "1 run that failed or was interrupted" in shown
    assert "Concerns 1 run, " in shown


def test_every_figure_has_its_table() -> None:
    page = Page(html.render(everything()))
    plots = [a["id"] for t, a in page.tags if t == "div" and a.get("class") == "plot"]
    assert plots == ["compared", "over-time", "in-use", "energy-by", "emissions-by", "by-basis", "by-component", "by-grade"]
    # The table of what a dimension's figures show stands open below both of them.
    assert page.text.count("The numbers as a table") == len(plots) - 2
    drawn = json.loads(page.scripts[2])["figures"]
    switched = [a["data-drawing"] for t, a in page.tags if t == "div" and a.get("class") == "plot" and "data-drawing" in a]
    assert set(plots) - {"energy-by", "emissions-by"} | set(switched) <= set(drawn)
    assert {f"energy-by-{name}" for name in everything().by} <= set(drawn)


def test_what_is_not_the_answer_of_today_is_on_the_page_too() -> None:
    shown = Page(html.render(everything())).text
    for words in (
        "2025-05 against 2025-04: energy 1.61 times (1.4–1.84), surely more; emissions 1.2 times (0.9–1.5), which may",
        "no: the range holds 1",
        "Emissions are known of a part of the runs on both sides.",
        "the report of 2025-05-20 said 1.2 kg (0.9–1.6); the same runs are 1.08 kg (0.8–1.4) today",
        "grid: -8.1 %",
        "12.3 % of the accelerators' joules",
        "14.4 J (13–17.3)",
        "30 of 40",
        "What to do next",
        "That compares with",
        "Embodied carbon of the hardware",
    ):
        assert words in shown


def test_a_group_leads_to_its_runs_and_to_the_command_for_its_exact_report() -> None:
    names = ("it's; rm -rf", "plain", "hidden\u200bspace", "<b>")
    some = [run(f"r{index}", account=names[index % 4], labels={"team": "vision"} if index % 2 else {}) for index in range(8)]
    found = summary(some, group_by="label:team")
    page = Page(html.render(found))
    groups = {a["data-facet"]: a["data-where"] for t, a in page.tags if t == "tr" and "data-facet" in a}
    where = set(groups.values())
    assert {"label:team=vision", "label:team=", "account=plain", "outcome=completed", "'account=<b>'"} <= where
    assert "'account=it'\"'\"'s; rm -rf'" in where
    assert not any("hidden" in one for one in where if one)
    runs_of = [set((a["data-facets"] or "").split()) for t, a in page.tags if t == "tbody" and a.get("class") == "run"]
    for facet, choice in groups.items():
        if choice == "account=plain":
            assert sum(facet in one for one in runs_of) == 2
        if choice in {"label:team=vision", "label:team="}:
            assert sum(facet in one for one in runs_of) == 4


def test_factors_stand_with_their_sources_and_runs_lead_to_them() -> None:
    found = summary([run(place=somewhere())])
    page = Page(html.render(found))
    ids = {a["id"] for _, a in page.tags if a.get("id")}
    targets = {a["href"] for t, a in page.tags if t == "a" and (a.get("href") or "").startswith("#factor")}
    assert targets == {f"#factor-{index}" for index in range(len(found.factors))}
    assert {target.removeprefix("#") for target in targets if target} <= ids
    assert all(use.factor.source[:20] in page.text for use in found.factors)


def test_the_embedded_summary_can_be_read_again() -> None:
    found = summary(runs(5))
    data = json.loads(Page(html.render(found)).scripts[0])
    assert data["schema"] == 1
    assert len(data["rows"]) == 5
    assert found.total.energy_kwh is not None
    assert data["total"]["energy_kwh"]["central"] == pytest.approx(found.total.energy_kwh.central, rel=1e-4)


def test_hostile_names_are_text() -> None:
    hostile = [
        run(f"r{index}", name=name, account=name, labels={name: name}, warnings=(name,)) for index, name in enumerate(HOSTILE)
    ]
    text = html.render(summary(hostile, selection=HOSTILE))
    page, plain = Page(text), Page(html.render(summary([run(f"r{index}") for index in range(len(HOSTILE))])))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags}
    assert len(page.scripts) == len(plain.scripts) == 5
    assert page.scripts[3:] == plain.scripts[3:]
    assert json.loads(page.scripts[0])["all_runs"] == len(HOSTILE)
    assert not set("\x1b\x07\u202e\u2028") & set(text)
    assert "{{7*7}} ${7*7}" in page.text


def test_a_run_within_another_is_told_from_those_that_are_counted() -> None:
    outer, inner = run("outer"), run("inner", parent="outer")
    assert "2 runs, 1 of them within another" in Page(html.render(summary([outer, inner]))).text
    assert "within another" not in Page(html.render(summary([outer]))).text


@given(st.text())
def test_json_cannot_leave_its_script(name: str) -> None:
    for text in (name, name + "</script><!--", "\u2028" + name):
        safe = str(html.safe_json({"name": text}))
        assert not set("<>&\u2028\u2029") & set(safe)
        assert json.loads(safe) == {"name": text}


def test_a_source_is_a_link_only_on_the_web() -> None:
    page = Page(html.render(summary([run(place=somewhere())])))
    links = {a.get("href") or "" for t, a in page.tags if t == "a"}
    assert all(link.startswith(("#", "https://", "http://")) for link in links)


@pytest.mark.parametrize("names", [(), tuple(f"{index}" + "<" * 10_000 for index in range(50))], ids=["plain", "long"])
def test_a_page_of_many_runs_keeps_its_size_and_says_what_it_leaves_out(names: tuple[str, ...]) -> None:
    text = html.render(summary(runs(300, names=names), rows=0), limit_bytes=2_800_000)
    assert len(text.encode()) <= 2_800_000
    page = Page(text)
    rows = sum(1 for t, a in page.tags if t == "tbody" and a.get("class") == "run")
    assert 0 < rows < 300
    assert f"The newest {rows} of 300 runs; the totals above cover all of them." in page.text
    assert "without the rows of the runs" in page.text


def test_an_empty_ledger_has_a_page_too() -> None:
    text = html.render(summary([]))
    assert "No runs are recorded yet." in Page(text).text
    assert len(text) < 50_000
    assert html.is_ours(text.encode())


def test_only_our_pages_are_ours() -> None:
    assert html.is_ours(html.render(summary(runs(1))).encode()[:4096])
    assert not html.is_ours(b"<!doctype html><title>mine</title>")
    assert not html.is_ours(b"x" * 3000 + html.MARKER.encode())


def test_runs_without_energy_are_shown() -> None:
    shown = Page(html.render(summary([run(devices=(), cpu=None)]))).text
    assert "neither energy nor emissions are known" in shown
    assert "footprint doctor" in shown
