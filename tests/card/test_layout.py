"""Where fields stand: tables, HTML, headings, lists, bold sections; groups and their choice; and what a fill makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.card import fill, read_card
from footprint.errors import CardError
from footprint.model import FieldName
from tests.card.laws import check_laws
from tests.card.samples import CORPUS, nothing_known, run_content

HARDWARE = "8 x NVIDIA A100-SXM4-80GB"
HOURS = "100 h wall-clock (800 device-hours)"
PROVIDER = "Amazon Web Services (AWS)"
REGION = "eu-west-1 (Ireland)"
CARBON = "153 kg CO2eq (90 % range 130-176; location-based, life-cycle)"
SECTION = b"## Environmental Impact\n\n"


def sample(name: str) -> bytes:
    return (CORPUS / f"layout_{name}.md").read_bytes()


def filled(raw: bytes, *, group: str | None = None, overwrite: bool = False) -> str:
    """The card's body after a fill, without our blocks and the front matter."""
    plan = fill(read_card(raw), run_content(), group=group, overwrite=overwrite)
    card = read_card(plan.after)
    again = fill(card, run_content(), group=group, overwrite=overwrite)
    assert again.after == plan.after
    ours = {index for block in card.blocks for index in block.lines}
    body = card.document.front_matter.body if card.document.front_matter else 0
    lines = [line for index, line in enumerate(card.document.lines) if index not in ours and line.start >= body]
    return b"\n".join(card.raw[line.start : line.end] for line in lines).decode()


def kept(raw: bytes, **options: object) -> dict[str, str]:
    return {one.field: one.reason for one in fill(read_card(raw), run_content(), **options).kept}  # type: ignore[arg-type]  # as `fill`


def said(raw: bytes) -> dict[str, str]:
    return {name: claim.value for name, claim in read_card(raw).fields.items() if claim is not None}


# -- Tables -----------------------------------------------------------------------------------------------------------


def test_a_table_with_a_row_for_each_field() -> None:
    text = filled(sample("rows"))
    assert f"| **Hardware Type** | {HARDWARE} | one machine |\n" in text
    assert "| **Hours used** | 12 | by the clock of the scheduler |\n" in text
    assert "| **Carbon Emitted (kg)** | 153 | |\n" in text, "a plain number in the unit that the label fixes"
    assert f"| **Cloud Provider** | {PROVIDER} |  |\n| **Compute Region** | {REGION} |  |\n" in text
    assert kept(sample("rows")) == {"hours_used": "a person's value"}


def test_a_table_with_a_column_for_each_field() -> None:
    text = filled(sample("columns"))
    assert f"{HARDWARE} | 31 h | {CARBON}\n\n- **Cloud Provider:** {PROVIDER}\n" in text
    assert said(fill(read_card(sample("columns")), run_content()).after)["compute_region"] == REGION


def test_a_table_of_the_climate_questions() -> None:
    raw = sample("climate")
    assert said(raw) == {"hours_used": "", "compute_region": "N/A", "carbon_emitted": "5 kg"}
    text = filled(raw)
    assert f"| 2. How much time does the training of the final model take? | {HOURS} |" in text
    assert "| 3. How much time did all experiments take (incl. hyperparameter search)? | 300 h |" in text
    assert f"| 5. At which geo location were the computations performed? | {REGION} |" in text
    assert "| 7. How much CO2eq was emitted to train the final model? | 5 kg |" in text
    assert "| 8. How much CO2eq was emitted for all experiments? | |" in text
    assert f"one sample? | |\n| Hardware Type | {HARDWARE} |\n| Cloud Provider | {PROVIDER} |\n" in text


def test_a_table_in_html() -> None:
    text = filled(sample("table_html"))
    assert f"    <td>{HARDWARE}</td>\n" in text
    assert f"    <td>{HOURS}\n    </td>\n" in text
    assert f"  <tr><td>Compute Region</td><td>{REGION}</td></tr>\n" in text
    assert said(sample("table_html"))["cloud_provider"] == "our own & a friend's"


def test_a_value_is_escaped_for_its_slot() -> None:
    content = run_content(cpu_name=None)
    content = type(content)(fields={"hardware_type": "A <b>|</b> & *C* {{x}}"}, lines=("x",))
    row = b"| Hardware Type | TBD |\n|---|---|\n| Hours used | TBD |\n"
    plan = fill(read_card(SECTION + row), content)
    assert b"| Hardware Type | A &lt;b&gt;\\|&lt;/b&gt; &amp; \\*C\\* { {x}} |\n" in plan.after
    html = b"<table><tr><td>Hardware Type</td><td>TBD</td></tr><tr><td>Hours used</td><td></td></tr></table>\n"
    plan = fill(read_card(SECTION + html), content)
    assert b"<td>A &lt;b&gt;|&lt;/b&gt; &amp; *C* { {x}}</td>" in plan.after


def test_a_table_that_states_several_models_is_left_as_it_is() -> None:
    raw = sample("stated")
    card = read_card(raw)
    assert [group.name for group in card.groups] == ["garganey S", "garganey M"]
    assert [claim.value for group in card.groups if (claim := group.fields["carbon_emitted"])] == ["0.15", "0.75"]
    plan = fill(card, run_content())
    assert all(row in plan.after for row in raw.splitlines() if row.startswith(b"|"))
    assert "garganey S" in plan.notes[0]
    assert (
        plan.after.index(b"Time is that of all devices")
        < plan.after.index(b"- **Hardware Type:** 8 x")
        < plan.after.index(b"**Eval")
    )
    assert said(plan.after)["carbon_emitted"] == CARBON
    with pytest.raises(CardError, match="second time"):
        fill(card, run_content(), overwrite=True)


def test_a_group_of_a_table_is_filled_by_its_name() -> None:
    raw = sample("models")
    with pytest.raises(CardError, match=r"second time.*'wigeon small' \(line 9\), 'wigeon large' \(line 10\)") as caught:
        fill(read_card(raw), run_content())
    assert caught.value.line == 10
    plan = fill(read_card(raw), run_content(), group="Wigeon LARGE")
    assert f"| wigeon large | {HARDWARE} | 700 | 0.2 | 0.153 |\n".encode() in plan.after
    assert b"| wigeon small | L40S | 350 | 0.2 | 0.8 |\n" in plan.after
    assert any("totals" in note for note in plan.notes)
    assert any("front matter was left alone" in note for note in plan.notes)
    assert read_card(plan.after).metadata == {}
    assert f"Hours used, for which the card's table has no place: {HOURS}".encode() in plan.after
    assert b"these figures are about this one: wigeon large" in plan.after


# -- Lists and paragraphs ---------------------------------------------------------------------------------------------


def test_a_list_in_html() -> None:
    text = filled(sample("list_html"))
    assert f"  <li><strong>Hardware Type:</strong> {HARDWARE}</li>\n  <li><strong>Hours used:</strong> {HOURS}</li>\n" in text
    assert f"  <li>Cloud Provider: the lab</li>\n  <li><b>Compute Region:</b> {REGION}</li>\n" in text
    after = fill(read_card(sample("list_html")), run_content()).after
    assert after.index(b"</ul>") < after.index(b"footprint:begin") < after.index(b"Rough figures.")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"<dl>\n<dt>Hours used</dt>\n<dd>TBD</dd>\n</dl>\n", f"<dd>{HOURS}</dd>\n<dt>Hardware Type</dt><dd>{HARDWARE}</dd>\n"),
        (b"<p><b>Hours used:</b>TBD</p>\n", f"<p><b>Hours used:</b> {HOURS}</p>\n<p><b>Hardware Type:</b> {HARDWARE}</p>\n"),
        (b"**Hours used:** TBD<br>**Carbon Emitted:** <br>\n", f"**Hours used:** {HOURS}<br>**Carbon Emitted:** {CARBON}<br>\n"),
        (b"**Hours used** TBD\n\n**GPU Type** TBD\n", f"**Hours used** {HOURS}\n\n**GPU Type** {HARDWARE}\n"),
        (b"**Hours used:**\nTBD\n\nMore.\n", f"**Hours used:**\n{HOURS}\n\n**Hardware Type:** {HARDWARE}\n"),
        (b"Hours used\n----------\n\n", f"Hours used\n----------\n\n{HOURS}\n"),
        (
            b"Hours used: TBD\nGPU Type: 1 x T4\nCarbon Emitted: TBD\n---\n",
            f"Hours used: {HOURS}\nGPU Type: 1 x T4\nCarbon Emitted: {CARBON}\n\nCloud Provider: {PROVIDER}\n",
        ),
        (b"> - **Hours used:** TBD\n", f"> - **Hours used:** {HOURS}\n> - **Hardware Type:** {HARDWARE}\n"),
        (b"1. **Hours used:** TBD\n", f"1. **Hours used:** {HOURS}\n1. **Hardware Type:** {HARDWARE}\n"),
    ],
)
def test_fields_in_other_layouts(lines: bytes, expected: str) -> None:
    assert expected in filled(b"# Environmental Impact\n\n" + lines)


@pytest.mark.parametrize(
    "lines",
    [
        b"**Hours used:**\n31 hours\n",
        b"**Hours used**\n\n31 hours\n",
        b"### Hours used\n\n31 hours\n",
        b"<ul>\n<li>Hours used: 31 hours</li>\n",
        b"- **Hours used:** 31 hours\n  with the restarts\n",
        b"- **Hours used:**\n  - 30 hours of work\n  - 1 hour of waiting\n",
        b"### Hours used\n\nThirty-one hours\nand a bit\n",
    ],
)
def test_a_persons_value_stays_wherever_it_stands(lines: bytes) -> None:
    raw = SECTION + lines
    assert "hours_used" in kept(raw)
    assert lines.strip() in fill(read_card(raw), run_content()).after


def test_fields_that_are_headings() -> None:
    text = filled(sample("headings"))
    assert (
        f"### Hardware Type\n\n{HARDWARE}\n\n### Hours used\n\n{HOURS}\n\n### Carbon Emitted\n4 kg, as the landlord says\n"
        in text
    )
    assert f"### Cloud Provider\n\n{PROVIDER}\n\n### Compute Region\n\n{REGION}\n" in text


def test_a_heading_over_more_than_a_paragraph_is_no_field() -> None:
    raw = SECTION + b"### Hardware\n\nMuch.\n\nMore.\n\n### Emissions\n\n- **Carbon Emitted:** TBD\n"
    assert said(raw) == {"carbon_emitted": "TBD"}


def test_a_section_under_a_bold_line() -> None:
    text = filled(sample("bold"))
    assert f"**Hardware Type**\n\n{HARDWARE}\n\n**Hours used** 5 h\n\n**Cloud Provider:**\nthe lab's own\n" in text
    assert text.index(REGION) < text.index("**Citation**")
    assert set(kept(sample("bold"))) == {"hours_used", "cloud_provider"}


def test_a_section_in_details() -> None:
    text = filled(sample("details"))
    assert f"- Hardware Type: {HARDWARE}\n- Carbon Emitted: {CARBON}\n- Hours used: {HOURS}\n" in text
    after = fill(read_card(sample("details")), run_content()).after
    assert after.index(b"footprint:end") < after.index(b"</details>")


def test_a_paragraph_that_begins_in_bold_is_a_section() -> None:
    raw = b"# T\n\n**Carbon Footprint** Training took 5 hours.\n\n**Data** Lakes.\n"
    text = filled(raw)
    assert text.index("5 hours.") < text.index("- **Hardware Type:** 8 x") < text.index("**Data**")
    assert "Environmental Impact" not in text


def test_a_title_above_nested_fields_is_no_field() -> None:
    text = filled(sample("items"))
    assert f"- **co2 eq emissions**:\n    - **emissions**: {CARBON}\n    - **emissions source**: a meter\n" in text
    assert f"    - **Cloud Provider**: {PROVIDER}\n" in text
    assert kept(sample("items")) == {"hours_used": "a person's value"}


def test_the_line_of_a_service_states_grams() -> None:
    raw = sample("service")
    assert said(raw) == {"carbon_emitted": "1.8937"}
    assert kept(raw)["carbon_emitted"] == "a person's value"
    blank = raw.replace(b"1.8937\n", b"N/A\n").replace(b"emissions: 1.893737751807574", b"emissions: TBD")
    assert "- CO2 Emissions (in grams): 153000\n- Hardware Type: 8 x" in filled(blank)
    assert b"- CO2 Emissions (in grams): 153000\n" in fill(read_card(blank), run_content(kind="other")).after
    unknown = fill(read_card(blank), run_content(None))
    assert b"- CO2 Emissions (in grams): N/A\n" in unknown.after


@pytest.mark.parametrize(
    ("label", "number"), [("in grams", "153000"), ("g", "153000"), ("kg", "153"), ("kg CO2eq", "153"), ("tCO2eq", "0.153")]
)
def test_a_label_with_a_unit_takes_a_plain_number(label: str, number: str) -> None:
    raw = SECTION + f"- **Carbon Emitted ({label}):** TBD\n".encode()
    assert f"- **Carbon Emitted ({label}):** {number}\n" in filled(raw)


# -- Groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["The large one", "the LARGE", "**The large one**", "line 13", "13"])
def test_a_group_is_chosen_by_its_name(name: str) -> None:
    raw = (CORPUS / "groups.md").read_bytes()
    plan = fill(read_card(raw), run_content(), group=name)
    assert plan.after.count(CARBON.encode()) == 2, "the field and the block"
    assert b"- **Hours used:** 5\n- **Carbon Emitted:** Unknown\n" in plan.after
    assert f"- **Hours used:** 50\n- **Carbon Emitted:** {CARBON}\n- **Cloud Provider:** ".encode() in plan.after


@pytest.mark.parametrize(
    ("name", "words"),
    [("The", "several groups"), ("neither", r"no group of fields is named 'neither'; the card has 'The small one' \(line 7\)")],
)
def test_a_name_that_tells_no_group_is_refused(name: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        fill(read_card((CORPUS / "groups.md").read_bytes()), run_content(), group=name)


def test_a_card_without_groups_takes_no_name() -> None:
    with pytest.raises(CardError, match="leave out the group"):
        fill(read_card(b"# T\n"), run_content(), group="x")


def test_each_group_has_a_block_of_its_own() -> None:
    raw = (CORPUS / "groups.md").read_bytes()
    first = fill(read_card(raw), run_content(), group="The small one")
    second = fill(read_card(first.after), run_content(ident="r2"), group="The large one")
    card = read_card(second.after)
    assert len({block.group for block in card.blocks}) == 2
    again = fill(card, run_content(), group="The small one")
    assert not again.edits
    gone = fill(card, nothing_known(), group="The small one")
    assert gone.after.count(CARBON.encode()) == 2, "what was written to the other group stays"


def test_groups_of_several_sections_are_named_by_the_heading_above() -> None:
    card = read_card(sample("sections"))
    assert [(group.name, group.line) for group in card.groups] == [("Small bufflehead", 5), ("Large bufflehead", 17)]
    plan = fill(card, run_content(), group="large")
    assert plan.after.index(b"# Large") < plan.after.index(CARBON.encode())


def test_use_beside_training_is_another_group() -> None:
    raw = sample("subjects")
    card = read_card(raw)
    assert [group.name for group in card.groups] == ["Training", "Inference and Validation"]
    text = filled(raw)
    training, _, use = text.partition("- **Inference and Validation**")
    assert f"- **Emissions**: {CARBON}" in training
    assert "- **Emissions**: TBD" in use
    assert kept(raw)["hardware_type"] == "it goes over several lines"


def test_one_field_that_stands_twice_is_left_alone() -> None:
    raw = sample("twice")
    assert kept(raw) == {"hours_used": "it stands again on line 7: which one is meant cannot be told"}
    assert kept(raw, overwrite=True) == kept(raw)
    text = filled(raw)
    assert f"- **Hardware Type:** {HARDWARE}\n- **Hours used:** 5 for the first stage\n- **Hours used:** TBD\n" in text


def test_one_more_word_on_the_hardware_is_no_second_group() -> None:
    template = (CORPUS / "template.md").read_bytes()
    raw = template.replace(b"## Technical", b"### Later use\n\n- **Hardware Type:** a laptop\n\n## Technical")
    card = read_card(raw)
    assert len(card.groups) == 1
    assert b"- **Hardware Type:** a laptop\n" in fill(card, run_content()).after


def test_our_own_block_parts_no_group() -> None:
    raw = SECTION + "  • Hours used: TBD\n  • GPU Type: TBD\n\nText.\n\n  • Hours used: TBD\n".encode()
    check_laws(raw, run_content())


@pytest.mark.parametrize(
    "lines",
    [
        b"    Hours used: TBD\n",
        b"\tHours used: TBD\n",
        b"|Hours used| |\n|GPU Type| |\n",
        b"```\nHours used: TBD\n```\n",
        b"<!-- Hours used: TBD -->\n",
    ],
)
def test_what_a_reader_does_not_see_as_a_field_is_none(lines: bytes) -> None:
    raw = SECTION + lines
    assert said(raw) == {}
    assert lines in fill(read_card(raw), run_content()).after


def test_a_nested_label_is_a_field_however_deep_it_stands() -> None:
    raw = SECTION + b"- All of it:\n    - **Hours used:** TBD\n"
    assert f"    - **Hours used:** {HOURS}\n    - **Hardware Type:** {HARDWARE}\n" in filled(raw)


@pytest.mark.parametrize(
    "piece",
    [
        "# Environmental Impact\n",
        "## Environmental Impact\n- **Hours used:** 5\n",
        "### Hardware Type\n\n",
        "**Environmental Impact**\n",
        "<summary>Carbon Footprint</summary>\n",
        "- **Hours used:**\n  - GPU: 5\n",
        "**Hours used**\n",
        "|Hours used|GPU|CO2 emissions|\n|-|-|-|\n|1|2|3|\n\n",
        "# Environmental Impact\n<table><tr><td>Hours used<td>5\n",
        "<li>Hours used: 5</li>",
        "**T**\n- Hours used: 1\n- GPU: 3\n",
        "- a\n  # Environmental Impact\n",
    ],
)
@pytest.mark.parametrize("head", ["# T\n", "## Environmental Impact\n\n"])
def test_hostile_layouts_end(head: str, piece: str) -> None:
    card = read_card((head + piece * (100_000 // len(piece))).encode())
    if len(card.groups) > 1 and card.layout.main is None:
        with pytest.raises(CardError) as caught:
            fill(card, run_content(), overwrite=True)
        assert len(str(caught.value)) < 2000


# -- A card's own style -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            b"T\n=\n\nEvaluation\n----------\n\n* **F1**: 3\n* **F2**: 4\n",
            f"Environmental Impact\n--------------------\n\n* **Hardware Type**: {HARDWARE}\n",
        ),
        (b"<h1>T</h1>\n\n<h2>Use</h2>\n\nx\n", "<h2>Environmental Impact</h2>\n\n- **Hardware Type:**"),
        (b"# T #\n\n## Use ##\n\nx\n", "## Environmental Impact ##\n\n- **Hardware Type:**"),
        (b"# T\n\n## 1. Use\n\nx\n\n## 2. Data\n\ny\n", "## 3. Environmental Impact\n\n- **Hardware Type:**"),
        (b"**Title**\n\n**Use**\n\nx\n\n**Data**\n\ny\n", "**Environmental Impact**\n\n- **Hardware Type:**"),
        (b"# T\n\n+ **a:** b\n+ **c:** d\n", "## Environmental Impact\n\n+ **Hardware Type:**"),
        ("# 模型\n\n## 模型描述\n\n## 引用\n\n无\n".encode(), f"## 环境影响\n\n- **硬件类型：** {HARDWARE}\n"),
        (b"# T\n\n- a list\n  # in an item\n\n## Citation\n\nNone.\n", "# in an item\n\n## Environmental Impact\n\n- **Hardware"),
    ],
)  # fmt: skip
def test_a_new_section_is_in_the_cards_own_style(raw: bytes, expected: str) -> None:
    assert expected in filled(raw)


def test_the_numbered_sample_is_continued() -> None:
    assert "3 Environmental Impact\n----------------------\n\n* **Hardware Type**: 8 x" in filled(sample("numbered"))


@pytest.mark.parametrize("path", sorted(CORPUS.glob("layout_*.md")), ids=lambda p: p.name)
def test_choosing_any_group_keeps_the_laws(path: Path) -> None:
    raw = path.read_bytes()
    card = read_card(raw)
    for group in card.groups if len(card.groups) > 1 else ():
        names: dict[FieldName, str] = {
            name: claim.value for name, claim in group.fields.items() if claim and not claim.placeholder
        }
        plan = fill(card, run_content(), group=f"line {group.line}")
        after = next(one for one in read_card(plan.after).groups if one.name == group.name)
        assert {name: after.fields[name].value for name in names} == names  # type: ignore[union-attr]  # they stood there
    if len(card.groups) < 2:
        check_laws(raw, run_content())
