"""The rules on the form of what a card states: what they find, and what they leave alone."""

from __future__ import annotations

from datetime import date

import pytest

from footprint.card import content_from_declaration, fill, read_card
from footprint.card.check import RULES, check
from footprint.card.check.rules import RULES as ALL
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.model import Declaration, Finding
from footprint.reference import EDITIONS
from tests.card.samples import CORPUS, a_footprint, corpus

TODAY = date(2026, 11, 21)
OURS = (
    "front-matter-unseen",
    "front-matter-invalid",
    "emissions-exponent",
    "emissions-thousands",
    "emissions-text",
    "emissions-placeholder",
    "emissions-negative",
    "emissions-zero",
    "emissions-list",
    "emissions-missing",
    "metadata-key",
    "training-type",
    "template-unrendered",
    "placeholder-answered",
    "block-stale",
    "block-edition",
    "base-copied",
)


def found(card: str | bytes, base: str | None = None) -> list[Finding]:
    """What our rules find; the rules on numbers have tests of their own."""
    raw = card.encode() if isinstance(card, str) else card
    against = read_card(base.encode()) if base is not None else None
    return [one for one in check(read_card(raw), base=against, today=TODAY) if one.code in OURS]


def one(card: str | bytes, base: str | None = None) -> Finding:
    (finding,) = found(card, base)
    return finding


def front(yaml: str) -> str:
    return f"---\nlicense: mit\n{yaml}\n---\n# A model\n"


def emissions(value: str) -> str:
    return front(f"co2_eq_emissions: {value}")


def fields(**values: str) -> str:
    lines = [f"- **{TEMPLATE_LABELS[name]}:** {values.get(name, '[More Information Needed]')}\n" for name in TEMPLATE_LABELS]
    return "## Environmental Impact\n\n" + "".join(lines)


def test_each_rule_is_registered_and_explains_itself() -> None:
    assert set(OURS) <= set(ALL)
    assert ALL is RULES
    for rule in ALL.values():
        assert rule.code == rule.code.lower().replace("_", "-").replace(" ", "-")
        assert len(rule.doc.split()) > 10
        assert "\n" not in rule.title


@pytest.mark.parametrize(
    "value", ["12", "12.5", "0.0334", "+7", ".5", "3.", "0.9744207053095343", "24700000", "411000.0", "1.0000000000000000001"]
)
@pytest.mark.parametrize(
    "shape", ["co2_eq_emissions: {}", "co2_eq_emissions:\n  emissions: {}", "co2_eq_emissions: {{emissions: {}}}"]
)
def test_a_plain_number_is_right(value: str, shape: str) -> None:
    assert found(front(shape.format(value))) == []


def test_cards_without_a_word_on_it_are_right() -> None:
    assert found("") == []
    assert found("# A model\n\nText.\n") == []
    assert found("---\nlicense: mit\n---\n") == []


@pytest.mark.parametrize(
    ("value", "severity", "expected", "said"),
    [
        ("1.5e-05", "error", "0.000015", "reads 1.5"),
        ("1.5E-05", "error", "0.000015", "reads 1.5"),
        ("4.11e5", "error", "411000", "reads 4.11"),  # text to PyYAML, a number to the Hub
        ("1e5", "error", "100000", "reads 1"),
        ("'2.5e+3'", "error", "2500", "reads 2.5"),
        ("1.2e+05", "warning", "120000", "some readers take it for text"),
        ("1e400", "error", None, "reads 1"),
    ],
)
def test_exponents(value: str, severity: str, expected: str | None, said: str) -> None:
    finding = one(emissions(value))
    assert (finding.code, finding.severity, finding.line) == ("emissions-exponent", severity, 3)
    assert finding.expected == expected
    assert said in finding.message


@pytest.mark.parametrize(
    ("value", "severity", "expected", "fix"),
    [
        ("24,700,000", "error", "24700000", "write 24700000, in grams"),
        ("1,234.5", "error", "1234.5", "write 1234.5"),
        ("1,234", "error", None, "write 1234 or 1.234, whichever is meant"),
        ("12,5", "error", "12.5", "write 12.5"),
        ("0,0334", "error", "0.0334", "write 0.0334"),
        ("1.234,5", "error", None, ""),
        ("24 700 000", "error", "24700000", ""),
        ("24'700'000", "error", "24700000", ""),
        ("24_700_000", "warning", "24700000", "write 24700000"),
    ],
)
def test_numbers_in_groups(value: str, severity: str, expected: str | None, fix: str) -> None:
    finding = one(emissions(f'"{value}"' if " " in value else value))
    assert finding.expected == expected
    assert finding.severity == severity
    assert finding.code == ("emissions-text" if value == "1.234,5" else "emissions-thousands")
    assert (finding.fix or "").startswith(fix)


@pytest.mark.parametrize(
    ("value", "severity", "expected"),
    [
        ("149200 g", "warning", "149200"),
        ("12.5 gCO2eq", "warning", "12.5"),
        ("12.5 grams of CO2", "warning", "12.5"),
        ("'12.5'", "warning", "12.5"),
        ("153 kg", "error", "153000"),  # read as 153 g
        ("about 12", "error", None),
        ("10-20", "error", None),
        ("12:30:45", "error", None),  # a time of day: 45045 to PyYAML
        ("0123", "error", None),  # octal
        ("0x1F", "error", None),
        ("true", "error", None),
        ("2023-01-05", "error", None),
        (".inf", "error", None),
        ("{low: 1, high: 2}", "error", None),
    ],
)
def test_what_is_no_number(value: str, severity: str, expected: str | None) -> None:
    finding = one(front(f"co2_eq_emissions:\n  emissions: {value}"))
    assert (finding.code, finding.severity, finding.line) == ("emissions-text", severity, 4)
    assert finding.expected == expected


@pytest.mark.parametrize("value", ["TBD", "N/A", "null", "~", "''", "[More Information Needed]", "unknown", "NaN", "?"])
def test_what_says_nothing(value: str) -> None:
    quoted = f"'{value}'" if value.startswith(("[", "?")) else value
    assert one(front(f"co2_eq_emissions:\n  emissions: {quoted}")).code == "emissions-placeholder"
    assert one(emissions(quoted)).code == "emissions-placeholder"


def test_below_zero_and_zero() -> None:
    assert [(f.code, f.severity) for f in found(emissions("-3.5"))] == [("emissions-negative", "error")]
    assert [(f.code, f.severity) for f in found(emissions("0"))] == [("emissions-zero", "info")]
    assert [(f.code, f.severity) for f in found(emissions("0.0"))] == [("emissions-zero", "info")]
    assert found(emissions("-0.5e+3"))[0].code == "emissions-exponent"


def test_a_list_is_told_and_its_numbers_are_looked_at() -> None:
    listed = found(front("co2_eq_emissions:\n- emissions: 1.5e-05\n- source: a meter"))
    assert [(f.code, f.line) for f in listed] == [("emissions-list", 3), ("emissions-exponent", 4)]


def test_a_mapping_without_the_number() -> None:
    assert one(front("co2_eq_emissions:\n  source: a meter\n  hardware_used: A100")).code == "emissions-missing"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("co2_emissions", "co2_eq_emissions"),
        ("CO2_eq_emissions", "co2_eq_emissions"),
        ("carbon_footprint", "co2_eq_emissions"),
        ("co2-eq-emissions", "co2_eq_emissions"),
        ("emissions", "co2_eq_emissions"),
    ],
)
def test_a_key_that_means_ours(key: str, meant: str) -> None:
    finding = one(front(f"{key}: 12"))
    assert (finding.code, finding.expected, finding.line) == ("metadata-key", meant, 3)


def test_keys_inside() -> None:
    written = "co2_eq_emissions:\n  emissions: 12\n  location: Paris\n  hardware: A100\n  Source: a meter\n  trainingtype: x"
    assert [(f.line, f.expected) for f in found(front(written))] == [
        (5, "geographical_location"),
        (6, "hardware_used"),
        (7, "source"),
        (8, "training_type"),
    ]


def test_other_tools_keys_are_no_finding() -> None:
    theirs = "energy_consumed: 0.1\n  on_cloud: false\n  cpu_model: x\n  ram_total_size: 31.7\n  hours_used: 0.5"
    assert found(front(f"co2_eq_emissions:\n  emissions: 12\n  {theirs}\n  hardware_used: A100\n  gpu: A100")) == []
    assert found(front("tags:\n- carbon\nmetrics:\n- emissions_of_joy\nemission_date: 2020")) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [("finetuning", "fine-tuning"), ("Fine Tuning", "fine-tuning"), ("pretraining", "pre-training"), ("LoRA", None)],
)
def test_types_of_training(value: str, expected: str | None) -> None:
    finding = one(front(f"co2_eq_emissions:\n  emissions: 12\n  training_type: {value}"))
    assert (finding.code, finding.severity, finding.expected) == ("training-type", "info", expected)


def test_front_matter_that_the_hub_does_not_see() -> None:
    finding = one("--- \nlicense: mit\nco2_eq_emissions: 12\n---\n")
    assert (finding.code, finding.severity, finding.line) == ("front-matter-unseen", "error", 1)
    assert one("# A model\n\n---\nlicense: mit\n---\n").line == 3


def test_front_matter_that_is_no_yaml() -> None:
    finding = one("---\nlicense: mit\ntags: [a\n---\n# A model\n")
    assert (finding.code, finding.severity) == ("front-matter-invalid", "error")
    assert finding.line in {3, 4}
    assert one("---\n- a\n- b\n---\n").code == "front-matter-invalid"


def test_a_template_that_was_never_rendered() -> None:
    finding = one(
        (CORPUS / "template.md").read_text(encoding="utf-8").replace("[More Information Needed]", "{{ hours_used }}", 1)
    )
    assert (finding.code, finding.severity) == ("template-unrendered", "warning")
    assert finding.stated == "{{ hours_used }}"
    many = found("# {{ model_id }}\n\n{{ summary | default('', true) }}\n\n{{co2_emitted}}\n")
    assert [(f.line, f.message.split(" of ")[0]) for f in many] == [(1, "3")]


@pytest.mark.parametrize(
    "text",
    [
        "Use `{{ model_id }}` in your prompt.",
        "```jinja\n{{ model_id }}\n{{ x | default('y') }}\n```",
        "<!-- {{ model_id }} -->",
        "The chat template starts with {{ bos_token }}{{ messages }}.",
        "{{ not closed",
        "\\frac{{a}}{{b}}",
    ],
)
def test_code_and_other_braces_are_no_template(text: str) -> None:
    assert found(f"# A model\n\n{text}\n") == []


def test_the_front_matter_answers_a_placeholder() -> None:
    card = "---\nco2_eq_emissions:\n  emissions: 12.5\n  hardware_used: 1 x A100\n---\n" + fields(hours_used="3 hours")
    answered = found(card)
    assert [(f.code, f.severity, f.line, f.expected) for f in answered] == [
        ("placeholder-answered", "warning", 8, "1 x A100"),
        ("placeholder-answered", "warning", 12, "12.5 g"),
    ]
    assert found("---\nco2_eq_emissions: 0\n---\n" + fields())[0].code == "emissions-zero"


def test_a_sentence_answers_a_placeholder() -> None:
    finding = one("# A model\n\nWe trained the model on 64 Volta GPUs.\n\n" + fields())
    assert (finding.code, finding.severity, finding.line, finding.expected) == (
        "placeholder-answered",
        "info",
        7,
        "64 Volta GPUs",
    )
    assert "line 3, 'We trained the model on 64 Volta GPUs.'" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "The base model was trained on 64 Volta GPUs.",
        "To train your own you need at least 8 A100 GPUs.",
        "Inference runs on 1 A100 GPU.",
        "We trained on 8 A100 GPUs.\n\nWe then fine-tuned on 2 H100 GPUs.",
    ],
)
def test_sentences_that_may_be_of_something_else_are_left_alone(text: str) -> None:
    assert found(f"# A model\n\n{text}\n\n" + fields(hours_used="3 hours")) == []


def test_a_card_that_we_filled_is_right() -> None:
    for path in corpus(markdown_only=True):
        card = read_card(path.read_bytes())
        if len(card.groups) > 1:
            continue
        facts = Declaration(hardware="NVIDIA A100", count=8, hours=100.0, kind="fine-tuning")
        filled = fill(card, content_from_declaration(facts, a_footprint()), overwrite=True).after
        before = {finding.code for finding in found(path.read_bytes())}
        assert {finding.code for finding in found(filled)} <= before | {"block-edition"}, path.name


def _filled() -> bytes:
    facts = Declaration(hardware="NVIDIA A100", count=8, hours=100.0, kind="fine-tuning")
    card = read_card((CORPUS / "template.md").read_bytes())
    return fill(card, content_from_declaration(facts, a_footprint())).after


def test_a_value_that_was_changed_after_the_fill() -> None:
    assert [f.code for f in found(_filled()) if f.code == "block-stale"] == []
    stale = [f for f in found(_filled().replace(b"100 h wall-clock", b"120 h wall-clock", 1)) if f.code == "block-stale"]
    assert [(f.severity, f.stated) for f in stale] == [("warning", "120 h wall-clock (800 device-hours)")]
    text = _filled()
    line = text[: text.index(b"100 h wall-clock")].count(b"\n") + 1
    assert stale[0].line == line
    grams = [f for f in found(text.replace(b"emissions: 153000", b"emissions: 15", 1)) if f.code == "block-stale"]
    assert [f.message.split(" was ")[0] for f in grams] == ["co2_eq_emissions.emissions"]
    gone = [f for f in found(text.replace(b"  emissions: 153000\n", b"", 1)) if f.code == "block-stale"]
    assert gone[0].stated is None


def test_a_block_by_older_factors() -> None:
    old, new = EDITIONS[0], EDITIONS[-1]
    assert old != new
    raw = _filled().replace(b"factors=2026.11", b"factors=" + old.encode(), 1)
    assert b"factors=" + old.encode() in raw
    finding = next(f for f in found(raw) if f.code == "block-edition")
    assert (finding.severity, finding.stated, finding.expected) == ("info", old, new)
    newest = _filled().replace(b"factors=2026.11", b"factors=" + new.encode(), 1)
    assert "block-edition" not in {f.code for f in found(newest)}


BASE = fields(hardware_type="64 x V100", hours_used="1,200 hours", carbon_emitted="**3,140 kg** CO2eq")


def test_a_base_models_numbers_are_found() -> None:
    finding = one("# Mine\n\n" + BASE.replace("**3,140 kg**", "3,140  KG"), BASE)
    assert (finding.code, finding.severity, finding.line) == ("base-copied", "error", 9)
    assert finding.message.startswith(
        "the same Hardware Type, Hours used, Carbon Emitted as in the base model's card (line 7 there)"
    )
    assert found("# Mine\n\n" + BASE) == []  # without the base nothing is known


def test_hours_edited_but_carbon_not() -> None:
    finding = one(BASE.replace("1,200 hours", "3 hours"), BASE)
    assert (finding.severity, finding.line) == ("warning", 7)
    assert "although Hours used differs" in finding.message


def test_the_same_hours_without_emissions() -> None:
    without = BASE.replace("**3,140 kg** CO2eq", "[More Information Needed]")
    assert one(without, without).severity == "warning"
    assert found(fields(hours_used="24 h"), fields(hours_used="24 h")) == []


def test_own_numbers_are_no_finding() -> None:
    assert found(fields(hardware_type="64 x V100", hours_used="3 hours", carbon_emitted="8 kg"), BASE) == []
    assert found(fields(), BASE) == []
    assert (
        found(fields(cloud_provider="AWS", hardware_type="64 x V100"), fields(cloud_provider="AWS", hardware_type="64 x V100"))
        == []
    )


def test_the_same_number_in_both_front_matters() -> None:
    mine = front("co2_eq_emissions:\n  emissions: 411.5")
    finding = one(mine, emissions("411.5"))
    assert (finding.code, finding.severity, finding.line) == ("base-copied", "error", 4)
    assert found(mine, emissions("411.6")) == []
    assert "base-copied" not in {f.code for f in found(emissions("0"), emissions("0"))}


@pytest.mark.parametrize("piece", [b"{{ ", b"1,", b"9" * 30, b"[", b"`", b"{{a|default(", b"- **Hours used:** ", b"**"])
def test_hostile_lines_end(piece: bytes) -> None:
    many = piece * (400_000 // len(piece))
    check(read_card(b"# A\n" + many + b"\n"), today=TODAY)
    check(read_card(b"---\nco2_eq_emissions: '" + many.replace(b"'", b"")[:400_000] + b"'\n---\n# A\n"), today=TODAY)
