"""A card without a section: a list that states the emission beside what made it is the place; else where a section goes."""

from __future__ import annotations

import pytest

from footprint.card import fill, read_card
from tests.card.laws import check_laws, check_sequences
from tests.card.samples import nothing_known, other_content, run_content

LIST = "- **Size:** 3 parameters\n- **GPU:** 1 NVIDIA A100\n- **Emissions:** {value}\n- **Total Energy Consumption:** 0.85 kWh\n"


def a_card(heading: str = "## Details", value: str = "0.33 KgCO2 (Netherlands)", after: str = "## Usage\n\nRun it.\n") -> bytes:
    return f"# T\n\n{heading}\n\n{LIST.format(value=value)}\n{after}".encode()


def test_it_is_filled_and_no_section_is_added() -> None:
    plan = fill(read_card(a_card()), run_content())
    text = plan.after.decode()
    assert "Environmental Impact" not in text
    assert text.count("Emissions:** ") == 1
    assert "0.33 KgCO2 (Netherlands)\n- **Hours used:** 100 h" in text
    assert {one.field for one in plan.kept} == {"hardware_type", "carbon_emitted"}
    assert text.index("0.85 kWh") < text.index("<!-- footprint:begin") < text.index("## Usage")


@pytest.mark.parametrize("value", ["0.33 KgCO2 (Netherlands)", "TBD", "400 g"])
def test_the_laws_hold_on_it(value: str) -> None:
    for overwrite in (False, True):
        check_laws(a_card(value=value), run_content(), overwrite=overwrite)
    check_sequences(a_card(value=value), run_content(), other_content(), nothing_known())


@pytest.mark.parametrize(
    "raw",
    [
        a_card("## Inference"),
        a_card("### Evaluation"),
        a_card(value="low"),
        a_card(value="0.3 g per image"),
        a_card(after="- **Emissions:** 4 kg\n"),
        a_card(after="## Environmental Impact\n\n- **Carbon Emitted:** TBD\n"),
    ],
)
def test_what_is_no_such_list(raw: bytes) -> None:
    text = fill(read_card(raw), run_content()).after.decode()
    assert "0.85 kWh\n\n<!-- footprint" not in text
    assert "Environmental Impact" in text


def test_a_new_section_does_not_part_a_heading_in_html_from_the_tag_around_it() -> None:
    raw = b'# T\n\nText.\n\n<div align="center">\n<h2> Citation </h2>\n</div>\n\nCite us.\n'
    text = fill(read_card(raw), run_content()).after.decode()
    assert text.index("Environmental Impact") < text.index('<div align="center">\n<h2> Citation </h2>\n</div>')
    check_laws(raw, run_content())


@pytest.mark.parametrize(
    ("headings", "level"),
    [
        ("# T|## A|## B", 2),
        ("# A|# B", 1),
        ("### A|### B", 3),
        ("# T|### A|### B", 3),
        ("# T|## A|### B|### C", 2),
        ("#### A", 2),
    ],
)
def test_a_new_section_has_the_level_of_the_others(headings: str, level: int) -> None:
    raw = "\n\nText.\n\n".join([*headings.split("|"), ""]).encode()
    assert f"\n{'#' * level} Environmental Impact\n" in fill(read_card(raw), run_content()).after.decode()


def test_headings_in_chinese_characters_need_no_known_words() -> None:
    raw = "### 语料\n\n甲\n\n### 底座：\n\n乙\n\n### 跑分办法\n\n丙\n\n### Training hyperparameters\n\n- lr: 1\n"
    assert "\n### 环境影响\n\n- **硬件类型：**" in fill(read_card(raw.encode()), run_content()).after.decode()
    kana = raw.replace("底座：", "ベース")
    assert "環境" in fill(read_card(kana.encode()), run_content()).after.decode()
    mixed = "# T\n\n## 语料\n\n甲\n\n## Quickstart\n\n乙\n\n## Demo\n\n丙\n\n## 底座\n\n丁\n"
    assert "\n## Environmental Impact\n" in fill(read_card(mixed.encode()), run_content()).after.decode()


def test_fields_go_above_the_rule_that_ends_their_section() -> None:
    raw = b"# T\n\n## Environmental Impact\n\nTrained for 3 days.\n\n---\n\n## Citation\n"
    text = fill(read_card(raw), run_content()).after.decode()
    assert text.index("- **Carbon Emitted:**") < text.index("footprint:end -->\n\n---\n\n## Citation")
    check_laws(raw, run_content())
    check_sequences(raw, run_content(), other_content(), nothing_known())


@pytest.mark.parametrize("lead", ["- [ ] ", "* [x] ", "1. [ ] ", ":"])
def test_lists_of_tasks_and_lists_of_fields_in_rst(lead: str) -> None:
    raw = "".join(["# T\n\n## Environmental Impact\n\n", f"{lead}Hardware Type: TBD\n", f"{lead}Carbon Emitted: TBD\n"]).encode()
    text = fill(read_card(raw), run_content()).after.decode()
    assert f"{lead}Hardware Type: 8 x" in text
    assert f"{lead}Compute Region: eu-west-1" in text
    check_laws(raw, run_content())


def test_a_comment_below_a_nested_list_is_no_part_of_it() -> None:
    items = b"- **a**:\n    - **Emissions**: TBD\n    - **Hardware Used**: TBD\n <!-- more -->\n- **b**:\n"
    raw = b"# T\n\n## Environmental Impact\n\n" + items
    text = fill(read_card(raw), run_content()).after.decode()
    assert text.index("    - **Cloud Provider**") < text.index(" <!-- more -->")
    check_laws(raw, run_content())
