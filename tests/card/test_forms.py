"""Filling the forms that some tool made of a card: each edit in its own place, and what cannot stand there named."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.card import CardContent, FillPlan, content_from_profile, fill, read_card
from footprint.card.parts.edits import Edit, apply, arrange
from footprint.card.parts.forms import unwrap
from footprint.card.parts.metadata import KEY
from footprint.errors import CardError
from footprint.profile import read_profile
from tests.card.laws import check_laws
from tests.card.samples import CORPUS, PROFILES, corpus, nothing_known, other_content, run_content, shared

FORMS = {path.name: path for path in corpus() if path.suffix == ".txt"}
SEEDS = ("xlm-clm-ende-1024", "xlm-mlm-enfr-1024", "switch-c-2048", "MiniLMv2", "MiniLM-L6-H384-uncased")
VALUES = {
    "hardware_type": "8 x NVIDIA A100-SXM4-80GB",
    "hours_used": "100 h wall-clock (800 device-hours)",
    "cloud_provider": "Amazon Web Services (AWS)",
    "compute_region": "eu-west-1 (Ireland)",
    "carbon_emitted": "153 kg CO2eq (90 % range 130-176; location-based, life-cycle)",
}


def changes(plan: FillPlan) -> list[str]:
    """The lines taken out and put in, our own block left out."""
    before, after = (data.decode().splitlines() for data in (plan.before, plan.after))
    lines = [line for line in difflib.ndiff(before, after) if line[:1] in "+-"]
    opened = next((n for n, line in enumerate(lines) if "footprint:begin" in line), len(lines))
    closed = next((n for n, line in enumerate(lines) if "footprint:end" in line), len(lines) - 1)
    return lines[:opened] + lines[closed + 1 :]


def said(raw: bytes) -> dict[str, str]:
    return {name: claim.value for name, claim in read_card(raw).fields.items() if claim and not claim.placeholder}


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_filled_or_its_values_are_kept(name: str, eol: bytes) -> None:
    raw = FORMS[name].read_bytes().replace(b"\n", eol)
    before = said(raw)
    plan = check_laws(raw, run_content())
    assert said(plan.after) == VALUES | before
    assert {kept.field: kept.value for kept in plan.kept} == before
    assert read_card(plan.after).form == read_card(raw).form
    if eol == b"\r\n":
        assert b"\n" not in plan.after.replace(b"\r\n", b"")
    check_laws(raw, nothing_known())


def test_a_pages_text_takes_its_values_behind_its_own_bullets() -> None:
    plan = fill(read_card(FORMS["rendered.txt"]), run_content())
    assert {line for line in changes(plan) if "H" in line} == {
        "-   • Hours used: More information needed",
        "+   • Hours used: 100 h wall-clock (800 device-hours)",
        "-   • Hardware Type: More information needed",
        "+   • Hardware Type: 8 x NVIDIA A100-SXM4-80GB",
    }
    assert plan.kept[0].value == "Norway"
    assert plan.kept[0].line == 19
    assert not plan.after.startswith(b"---")
    assert plan.notes == (f"{KEY} was not written: a rendered text without front matter gets none; fill the card itself for it",)


def test_spun_text_keeps_its_own_words_for_the_labels() -> None:
    plan = fill(read_card(FORMS["spun.txt"]), run_content())
    assert "+   • {Hardware} Sort: 8 x NVIDIA A100-SXM4-80GB" in changes(plan)
    assert "+   • Computing Space: eu-west-1 (Ireland)" in changes(plan)
    assert b"known to us: 100 h wall-clock" in plan.after


def test_a_mirror_without_fields_gets_them_below_the_sentence_that_is_left() -> None:
    raw = FORMS["mirror.txt"].read_bytes()
    plan = fill(read_card(raw), run_content(None))
    assert changes(plan)[:5] == [
        "+   • Hardware Type: 8 x NVIDIA A100-SXM4-80GB",
        "+   • Hours used: 100 h wall-clock (800 device-hours)",
        "+   • Cloud Provider: [More Information Needed]",
        "+   • Compute Region: [More Information Needed]",
        "+   • Carbon Emitted: [More Information Needed]",
    ]
    before, after = plan.after.split(b"  \xe2\x80\xa2 Hardware Type")
    assert before.endswith(b"Lacoste et al. (2019) .\n")
    assert b"footprint:end -->\n\nThe authors write:\n" in after
    assert plan.notes == ("the five fields were added below line 7, where the page's text has its section",)
    later = check_laws(plan.after, other_content())
    assert said(later.after)["hardware_type"] == "4 x NVIDIA H100"


def test_a_page_with_a_bare_title_gets_the_fields_below_it() -> None:
    raw = b"stilt-small\n\nTable of Contents\n\n  1. Model Details\n  2. Environmental Impact\n\nModel Details\n\nIt wades.\n\n"
    plan = check_laws(raw + b"Environmental Impact\n\nCitation\n\nNone yet.\n", run_content())
    assert b"\n\nEnvironmental Impact\n  \xe2\x80\xa2 Hardware Type: 8 x" in plan.after
    assert said(plan.after) == VALUES


def test_a_page_without_a_place_for_the_section_is_refused() -> None:
    with pytest.raises(CardError, match="no place where the section was"):
        fill(read_card("Stilt\n\n  • Carbon Emitted: 5 kg\n  • Legs: two\n".encode()), run_content())


def test_markdown_with_round_bullets_is_markdown() -> None:
    raw = "## Use\n\nSee [the paper](https://a.example) and **read** it.\n\n• Carbon Emitted: TBD\n• Hours used: TBD\n".encode()
    assert read_card(raw).form == "markdown"


def test_a_diff_is_edited_in_the_lines_that_it_adds_and_nowhere_else() -> None:
    raw = FORMS["diff.txt"].read_bytes()
    plan = fill(read_card(raw), run_content())
    before, after = raw.splitlines(), plan.after.splitlines()
    assert len(after) == len(before), "a hunk counts its lines"
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == [
        b"+ - **Compute Region:** eu-west-1 (Ireland)",
        b"+ - **Carbon Emitted:** 153 kg CO2eq (90 % range 130-176; location-based, life-cycle)",
        b"+ - **Cloud Provider:** Amazon Web Services (AWS)",
        b"+ - **Hours used:** 100 h wall-clock (800 device-hours)",
    ]
    assert all(old.startswith(b"+ ") for old, _ in changed)
    assert [(kept.field, kept.line) for kept in plan.kept] == [
        ("hardware_type", before.index(b"+ - **Hardware Type:** 2 x A100") + 1)
    ]
    assert len(plan.notes) == 2
    assert f"{KEY} was not written" in plan.notes[0]
    assert "how the figures are known was not added" in plan.notes[1]


GIT = b"""diff --git a/config.json b/config.json
index 11aa..22bb 100644
--- a/config.json
+++ b/config.json
@@ -1,2 +1,3 @@
 {
+  "hours": 3,
 }
diff --git a/README.md b/README.md
index 33cc..44dd 100644
--- a/README.md
+++ b/README.md
@@ -1,6 +1,12 @@
 ---
 license: mit
+co2_eq_emissions: {emissions: TBD}
 ---
 # Godwit
-It flies.
+It flies far.
+
+## Environmental Impact
+
@@ -20,3 +26,8 @@ It flies far.
 - **Hours used:** TBD
+- **Hardware Type:** TBD
+- **Cloud Provider:** TBD
+- **Carbon Emitted:**TBD
+
+## Citation
 The end.
"""


SOURCE = run_content().metadata["source"]


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_a_diff_of_gits(eol: bytes) -> None:
    raw = GIT.replace(b"\n", eol)
    card = read_card(raw)
    assert card.form == "rendered diff"
    assert card.document.raw.startswith(b"---\nlicense: mit\nco2_eq_emissions: {emissions: TBD}\n---\n# Godwit\nIt flies far.\n")
    plan = check_laws(raw, run_content())
    added = set(plan.after.splitlines()) - set(raw.splitlines())
    assert len(plan.after.splitlines()) == len(raw.splitlines())
    assert read_card(plan.after).metadata[KEY] == run_content().metadata | {"emissions": 153000}
    assert added == {
        next(line for line in plan.after.splitlines() if line.startswith(b"+co2_eq_emissions: {emissions: 153000, source: ")),
        b"+- **Hardware Type:** 8 x NVIDIA A100-SXM4-80GB",
        b"+- **Cloud Provider:** Amazon Web Services (AWS)",
        b"+- **Carbon Emitted:** 153 kg CO2eq (90 % range 130-176; location-based, life-cycle)",
    }
    kept = {kept.field: (kept.reason, raw.splitlines()[kept.line - 1]) for kept in plan.kept}
    assert kept == {
        "hours_used": ("its line is not one that the diff adds", b" - **Hours used:** TBD"),
        "compute_region": ("a diff's own lines are edited, and none is added", b"+- **Carbon Emitted:**TBD"),
    }


def test_a_diff_whose_front_matter_has_our_keys_on_their_own_lines() -> None:
    raw = GIT.replace(b"+co2_eq_emissions: {emissions: TBD}", b"+co2_eq_emissions:\n+  emissions: TBD\n+  source: TBD")
    plan = check_laws(raw, run_content())
    assert f"+co2_eq_emissions:\n+  emissions: 153000\n+  source: {SOURCE}\n".encode() in plan.after
    assert "written without its training_type, geographical_location, hardware_used" in plan.notes[0]


@pytest.mark.parametrize(
    ("raw", "content", "words", "line"),
    [
        (GIT.replace(b"**", b""), run_content(kind="inference"), "block of its own", None),
        (
            re.sub(rb"\+- \*\*.*\n", b"+x\n", GIT).replace(b" - **Hours used:** TBD", b" y"),
            run_content(),
            "adds none of the five",
            None,
        ),
        (
            GIT.replace(
                b"+## Citation\n",
                b"+<!-- footprint:begin schema=1 runs=r factors=f fields=none digest=d -->\n+<!-- footprint:end -->\n",
            ),
            run_content(),
            "footprint has filled",
            30,
        ),
    ],
    ids=["inference", "no fields", "filled"],
)
def test_what_a_diff_cannot_take_is_refused(raw: bytes, content: CardContent, words: str, line: int | None) -> None:
    with pytest.raises(CardError, match=words) as caught:
        fill(read_card(raw), content)
    assert caught.value.line == line


def test_a_field_is_not_said_to_be_explained_below_where_nothing_is() -> None:
    content = CardContent(fields={"carbon_emitted": "not stated: no training took place (see below)"})
    assert said(fill(read_card(FORMS["diff.txt"]), content).after)["carbon_emitted"] == "not stated: no training took place"
    assert said(fill(read_card(FORMS["pipes.txt"]), content).after)["carbon_emitted"].endswith("(see below)")


def test_lines_between_bars_stay_between_bars() -> None:
    raw = FORMS["pipes.txt"].read_bytes()
    plan = fill(read_card(raw), run_content())
    assert all(line.endswith(b"|") for line in plan.after.splitlines())
    assert b"license: mit |\n|\n|\nco2_eq_emissions: |\n  emissions: 153000 |\n" in plan.after
    assert b"- **Hours used:** 100 h wall-clock (800 device-hours) |\n|\n- **Compute Region:** europe-north1 |\n" in plan.after
    assert b"<!-- footprint:end --> |\n" in plan.after
    whole = fill(read_card(unwrap(raw).document.raw), run_content())
    assert whole.after == unwrap(plan.after).document.raw, "the same card as if it had been filled before it was rendered"


def test_the_lines_of_errors_are_those_of_the_file() -> None:
    bars = FORMS["pipes.txt"].read_bytes().replace(b"license: mit |", b"a: 1 |\na: 2 |\nco2_eq_emissions: TBD |")
    diff = GIT.replace(b"+## Citation", b"+<!-- footprint:begin schema=1 runs=r factors=f fields=none digest=d -->")
    with pytest.raises(CardError, match="beginning or end") as caught:
        read_card(diff)
    assert (
        caught.value.line
        == diff.splitlines().index(b"+<!-- footprint:begin schema=1 runs=r factors=f fields=none digest=d -->") + 1
    )
    problems = read_card(bars).problems
    assert problems == () or all("line" in problem for problem in problems)


SPANS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.text("ab-\n", max_size=12)), max_size=5)


@given(spans=SPANS, eol=st.sampled_from([b"\n", b"\r\n"]), ends=st.booleans())
def test_edits_between_bars_are_those_of_the_document(spans: list[tuple[int, int, str]], eol: bytes, ends: bool) -> None:
    raw = FORMS["pipes.txt"].read_bytes().replace(b"\n", eol)
    source = unwrap(raw if ends else raw.removesuffix(eol))
    size = len(source.document.raw)
    lines = source.document.lines
    edits = []
    for a, n, text in spans:
        place = a % size
        # Up to a place on the same line, or to the end of a later one: no edit of ours joins two lines.
        later = lines[min(source.document.line_number(place) - 1 + n // 10, len(lines) - 1)].end
        edits.append(Edit(start=place, end=min(place + n, later) if n < 10 else later, new=text.encode()))
    try:
        arranged = arrange(edits)
    except CardError:
        return  # they overlap
    after = unwrap(apply(source.raw, source.place(arranged)))
    if after.form == source.form:
        expected = [line.rstrip(b" ") for line in apply(source.document.raw, arranged).split(b"\n")]
        assert after.document.raw.split(b"\n") == expected


def filled(path: Path, content: CardContent) -> tuple[FillPlan, dict[str, str]]:
    plan = check_laws(path.read_bytes(), content)
    return plan, said(plan.after)


def test_the_five_found_cards_take_what_is_publicly_known() -> None:
    found = [
        filled(path, content_from_profile(read_profile(PROFILES / name / "profile.toml")))
        for path, name in zip(shared("seeds"), SEEDS, strict=True)
    ]
    assert [values for _, values in found] == [
        {"hardware_type": "64 x NVIDIA Volta GPU"},
        {"hardware_type": "64 x NVIDIA Volta GPU"},
        {
            "hardware_type": "Google Cloud TPU Pods – TPU v3 or TPU v4 | Variety of chips ≥ 4.",
            "hours_used": "648 h wall-clock (663,552 device-hours)",
            "cloud_provider": "GCP",
            "compute_region": "Georgia, USA (US-GA)",
            "carbon_emitted": "72.2 t CO2eq gross, 59.1 t net (published: Patterson et al. 2021, Table 4)",
        },
        {},
        {"carbon_emitted": "not stated: no training took place (see below)"},
    ]
    plans = [plan for plan, _ in found]
    assert b"known to us: 1024 x TPU v3" in plans[2].after
    assert not plans[3].changes
    assert {kept.field for kept in plans[2].kept} == {"hardware_type", "cloud_provider"}


OTHER_WORDS = (
    (b"{Hardware} Kind", b"{Hardware} Sort"),
    (b"Cloud Supplier", b"Cloud Vendor"),
    (b"Compute Area", b"Computing Zone"),
    (b"Hours used", b"Hours utilized"),
    (b"Carbon Emitted", b"Carbon Released"),
    (b"Extra info wanted", b"Additional details required"),
    (b"may be estimated utilizing", b"might be assessed using"),
    (b"More information needed", b"Further information required"),
    (b"64 Volta", b"96 Ampere"),
    (b"GCP", b"Azure"),
    (b"xlm", b"qrs"),
    (b"MiniLM", b"Tern"),
    (b"switch-c", b"swap-d"),
    (b"+236", b"+241"),
)


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("reverse", [False, True])
def test_copies_with_other_names_numbers_words_and_order_are_filled_too(reverse: bool, eol: bytes) -> None:
    for path in shared("seeds"):
        raw = path.read_bytes()
        for old, new in OTHER_WORDS:
            raw = raw.replace(old, new)
        lines = raw.split(b"\n")
        places = sorted(claim.line - 1 for claim in read_card(raw).fields.values() if claim)
        if reverse:
            for place, line in zip(places, [lines[place] for place in reversed(places)], strict=True):
                lines[place] = line
        raw = eol.join(lines)
        theirs = said(raw)
        plan = check_laws(raw, run_content())
        assert said(plan.after) == VALUES | theirs
        assert {kept.field for kept in plan.kept} == set(theirs)
        if read_card(raw).form == "rendered diff":
            assert len(plan.after.splitlines()) == len(raw.splitlines())


def test_a_long_line_of_bars_signs_or_bullets_is_read_in_its_length() -> None:
    for start in (b"", b"+ ", b"  \xe2\x80\xa2 ", b"@@ -1 +1 @@\n"):
        for unit in (b"|", b"+", b" ", b"**", b"](", b"\xe2\x80\xa2 ", b"diff --git ", b"Lacoste "):
            raw = start + unit * (200_000 // len(unit))
            assert read_card(raw).form
    assert (CORPUS / "pipes.txt").exists()


def test_a_page_in_another_language_gets_its_labels() -> None:
    raw = "sterne\n\nDétails du modèle\n\nDes cris.\n\nUtilisation\n\nImpact environnemental\n\nComment citer\n\nRien.\n".encode()
    plan = check_laws(raw, run_content(None))
    assert "Impact environnemental\n  • Type de matériel : 8 x NVIDIA A100-SXM4-80GB\n" in plan.after.decode()
    assert "  • Région de calcul : [Plus d'informations nécessaires]\n" in plan.after.decode()


def test_a_page_that_kept_two_fields_gets_the_other_three() -> None:
    raw = FORMS["rendered.txt"].read_bytes()
    for label in (b"Carbon Emitted", b"Hardware Type", b"Cloud Provider"):
        raw = re.sub(rb"  \xe2\x80\xa2 " + label + rb":[^\n]*\n", b"", raw)
    plan = check_laws(raw, run_content())
    assert plan.after.count("•".encode()) == 5
    assert said(plan.after) == VALUES | {"compute_region": "Norway"}


def test_comments_in_code_are_no_headings_of_a_page() -> None:
    raw = FORMS["mirror.txt"].read_bytes() + b"import dunlin\n# Evaluation\ndunlin.evaluate()\n"
    assert said(check_laws(raw, run_content()).after) == VALUES
    assert read_card(b"# Uses\n\n# Citation\n\n" + FORMS["mirror.txt"].read_bytes()).form == "markdown"
