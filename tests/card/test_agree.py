"""One emission a card: ours is not written into one half where a person states another amount in the other."""

from __future__ import annotations

import pytest

from footprint.card import fill, read_card
from footprint.card.check import check
from tests.card.laws import TODAY, check_laws, check_sequences
from tests.card.samples import nothing_known, other_content, run_content

FRONT = "---\nlicense: mit\n---\n"
LIST = "- **Hardware Type:** 8 x A100\n- **Hours used:** {hours}\n- **Carbon Emitted{label}:** {value}\n"
ENTRY = "co2_eq_emissions"


def with_body(value: str, label: str = "") -> bytes:
    return (FRONT + "# T\n\n## Environmental Impact\n\n" + LIST.format(hours="100", label=label, value=value)).encode()


def with_entry(entry: str, body: str = "# T\n\nText.\n") -> bytes:
    return f"---\nlicense: mit\n{ENTRY}:{entry}\n---\n\n{body}".encode()


@pytest.mark.parametrize(
    ("value", "label"),
    [("15000 kg CO2 eq.", ""), ("0.5 t", ""), ("< 1 kg", ""), ("15", " (kg)"), ("3.2", ""), ("5.4 kg per model", "")],
)
def test_a_body_that_states_another_amount_gets_no_entry_beside_it(value: str, label: str) -> None:
    raw = with_body(value, label)
    plan = fill(read_card(raw), run_content())
    assert ENTRY.encode() not in plan.after.split(b"footprint:begin")[0]
    assert any(
        note.startswith("co2_eq_emissions was not written: the card's own Carbon Emitted (line 10)") for note in plan.notes
    )
    assert f"Carbon Emitted{label}:** {value}\n".encode() in plan.after
    assert "body-and-metadata-disagree" not in {finding.code for finding in check(read_card(plan.after), today=TODAY)}
    assert b"emissions: 153000\n" in fill(read_card(raw), run_content(), overwrite=True).after


@pytest.mark.parametrize(
    ("value", "label"), [("153 kg", ""), ("0.15 t CO2e", ""), ("160", " (kg)"), ("153", ""), ("see the paper", ""), ("low", "")]
)
def test_a_body_that_agrees_or_states_no_amount_does(value: str, label: str) -> None:
    assert b"emissions: 153000\n" in fill(read_card(with_body(value, label)), run_content()).after


@pytest.mark.parametrize("entry", [" 800", "\n  emissions: 800\n  source: a meter", "\n- emissions: 800", " '800 g'"])
@pytest.mark.parametrize(
    "body",
    [
        "# T\n\nText.\n",
        "# T\n\n## Environmental Impact\n\n" + LIST.format(hours="TBD", label="", value="[More Information Needed]"),
    ],
)
def test_an_entry_that_states_another_amount_leaves_the_field_as_it_is(entry: str, body: str) -> None:
    raw = with_entry(entry, body)
    plan = fill(read_card(raw), run_content())
    assert b"- **Carbon Emitted:** [More Information Needed]\n" in plan.after
    assert any(note.startswith("Carbon Emitted was not written: the card's own co2_eq_emissions (line 3)") for note in plan.notes)
    assert "carbon_emitted" not in plan.unknown
    assert b"- **Carbon Emitted:** 153 kg" in fill(read_card(raw), run_content(), overwrite=True).after
    assert b"- **Carbon Emitted:** [" in fill(read_card(raw), run_content(kind="other")).after


@pytest.mark.parametrize("entry", [" 153000", "\n  emissions: 150123.5", " TBD", " null"])
def test_an_entry_that_agrees_or_states_nothing_does_not(entry: str) -> None:
    assert b"- **Carbon Emitted:** 153 kg" in fill(read_card(with_entry(entry)), run_content()).after


@pytest.mark.parametrize("raw", [with_body("15000 kg"), with_body("153 kg"), with_entry(" 800"), with_entry(" 153000")])
def test_the_laws_hold_on_cards_that_state_one(raw: bytes) -> None:
    check_laws(raw, run_content())
    check_sequences(raw, run_content(), other_content(), nothing_known())


def test_what_a_person_changes_later_takes_ours_out_of_the_other_half() -> None:
    first = fill(read_card(with_body("TBD")), run_content()).after
    edited = first.replace(b"Emitted:** 153 kg CO2eq (90 % range 130-176; location-based, life-cycle)", b"Emitted:** 2 t")
    plan = fill(read_card(edited), run_content())
    assert b"Emitted:** 2 t\n" in plan.after
    assert b"emissions: 153000" not in plan.after
    assert {change.field for change in plan.changed if change.withdrawn} >= {"co2_eq_emissions.emissions"}
