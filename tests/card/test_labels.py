"""Labels, headings and placeholders in seven languages, in a rewriter's words, and with the units that labels fix."""

from __future__ import annotations

import pytest

from footprint.card import fill, read_card
from footprint.card.words.labels import EXACT, PAIR, SINGLE, is_placeholder, is_section_title, read_label
from footprint.card.words.languages import LANGUAGES, Language, fold, language_of
from footprint.model import FIELD_NAMES, FieldName
from tests.card.laws import check_laws
from tests.card.samples import run_content

SHAPES = (
    "- **{label}{colon}** {value}",
    "* **{label}**{colon} {value}",
    "{label}{colon} {value}",
    "<b>{label}{colon}</b> {value}",
    "・{label}{colon}{value}",
    "> 1. __{label}{colon}__ {value}",
    "- 🖥️ **{label}{colon}** {value}",
    "- **{label}** – {value}",
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
def test_every_phrase_names_its_field_in_every_shape(language: Language, shape: str) -> None:
    for name, phrases in language.labels.items():
        for phrase in phrases:
            line = shape.format(label=phrase, colon=language.colon, value="3").encode()
            found = read_label(line)
            assert found is not None, line
            assert (found.name, line[found.value :]) == (name, b"3")
            assert language.code in found.languages


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
def test_a_languages_own_words(language: Language) -> None:
    assert all(is_section_title(title) for title in language.titles)
    assert all(is_placeholder(f"[{phrase}]") and is_placeholder(f"*{phrase}.*") for phrase in language.placeholders)
    assert language_of([language.title, *language.before[:1], *language.after[:1], *language.others[:3]]) == language
    for name in FIELD_NAMES:
        found = read_label(f"- **{language.label(name)}{language.colon}** x".encode())
        assert found is not None
        assert (found.name, found.sureness, found.colon) == (name, EXACT, language.colon)


def test_no_phrase_names_two_fields() -> None:
    named: dict[str, FieldName] = {}
    for language in LANGUAGES:
        for name, phrases in language.labels.items():
            for phrase in phrases:
                assert named.setdefault(fold(phrase), name) == name, phrase


@pytest.mark.parametrize(
    ("line", "name", "sureness"),
    [
        ("【硬件类型】：A100", "hardware_type", EXACT),
        ("- **碳排放量（kg）：** 3", "carbon_emitted", EXACT),
        ("- **\uff27\uff30\uff35型号**\uff1aA100", "hardware_type", PAIR),
        ("- **硬件**：A100", "hardware_type", SINGLE),
        ("- ハードウェア の 種類：A100", "hardware_type", EXACT),
        ("- Type de materiel: A100", "hardware_type", EXACT),
        ("- **TYPE DE MATÉRIEL** : A100", "hardware_type", EXACT),
        ("- **Durée de l\u2019entraînement\u00a0:** 3 h", "hours_used", PAIR),
        ("- **Ausgestossener Kohlenstoff:** 3", "carbon_emitted", EXACT),
        ("- **Hardware-Typ (GPU):** A100", "hardware_type", PAIR),
        ("- **CO<sub>2</sub> Emissions:** 3", "carbon_emitted", PAIR),
        ("- **CO₂eq emissions:** 3", "carbon_emitted", PAIR),
        ("- **Estimated total emissions:** 3", "carbon_emitted", SINGLE),
        ("  • {Hardware} Variety: x", "hardware_type", PAIR),
        ("  • Cloud Operator: x", "cloud_provider", PAIR),
        ("  • Computational Locale: x", "compute_region", PAIR),
        ("  • Hours employed: x", "hours_used", PAIR),
        ("  • Carbon Discharged: x", "carbon_emitted", PAIR),
    ],
)
def test_spellings(line: str, name: str, sureness: int) -> None:
    found = read_label(line.encode())
    assert found is not None
    assert (found.name, found.sureness) == (name, sureness)


@pytest.mark.parametrize(
    ("label", "unit_g"),
    [
        ("CO2 Emissions (in grams)", 1),
        ("Carbon Emitted (tCO2eq)", 1e6),
        ("Carbon Emitted [kg CO₂eq]", 1e3),
        ("Emissions in kg", 1e3),
        ("Carbon emissions, mg", 1e-3),
        ("Carbon Emitted (metric tons)", 1e6),
        ("Emissionen (Gramm)", 1),
        ("碳排放量（kg CO2e）", 1e3),
        ("Carbon Emitted (tons)", None),  # short, long or metric
        ("Carbon Emitted (lbs)", None),
        ("Carbon Emitted (kWh)", None),
        ("Carbon Emitted", None),
        ("Carbon Emitted (Power consumption x Time x Carbon produced based on location of power grid)", None),
    ],
)
def test_the_unit_that_a_label_fixes(label: str, unit_g: float | None) -> None:
    for shape in ("- **{}:** 1", "{}: 1", "- **{}**: 1"):
        found = read_label(shape.format(label).encode())
        assert found is not None
        assert found.name == "carbon_emitted"
        assert found.unit_g == unit_g


def test_the_unit_in_an_aside() -> None:
    found = read_label(b"**Carbon Emitted** *(kg)*: 3")
    assert found is not None
    assert found.unit_g == 1000


@pytest.mark.parametrize(
    "line",
    [
        "- **模型类型：** x",
        "- **训练数据：** x",
        "- **Typ des Modells:** x",
        "- **Modèle de base :** x",
        "- **Lizenz:** MIT",
        "- **言語：** 日本語",
        "- **Training regime:** fp16",
        "- **Learning rate:** 3e-5",
        "- **Hardware Type** x",
        "使用时长",
    ],
)
def test_what_is_no_label_in_any_language(line: str) -> None:
    assert read_label(line.encode()) is None


@pytest.mark.parametrize(
    "value", ["AWS", "法国", "30 時間", "Frankreich", "0", "keine Cloud", "4 x A100", "K", "Not tracked", "非公開"]
)
def test_what_says_something(value: str) -> None:
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    ("headings", "code"),
    [
        ([], "en"),
        (["Godwit"], "en"),
        (["Description", "Citation", "Contact"], "en"),
        (["Introduction", "Utilisation", "Performance"], "en"),
        (["Description du modèle", "Évaluation", "Limitations", "Citation", "Utilisation"], "fr"),
        (["Modellbeschreibung", "Evaluation", "Training"], "de"),
        (["Modellbeschreibung", "Evaluation", "Trainingsdaten"], "de"),
        (["Model Details", "Uses", "模型描述"], "en"),
        (["模型介绍", "使用方法", "引用", "License"], "zh"),
        (["概要", "使い方", "引用", "ライセンス"], "ja"),
        (["Usos", "Resultados", "Limitaciones"], "es"),
        (["Usos", "Resultados", "Limitações"], "pt"),
        (["Модель", "Обучение"], "en"),
    ],
)
def test_the_language_of_headings(headings: list[str], code: str) -> None:
    assert language_of(headings).code == code


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_a_card_in_its_own_language_is_filled(language: Language, eol: bytes) -> None:
    fields = [f"- **{language.label(name)}{language.colon}** {language.placeholder}" for name in FIELD_NAMES]
    lines = ["---", "license: mit", "---", f"# {language.others[0]}", "", f"## {language.title}", "", *fields, "", "## Z", ""]
    raw = eol.join(line.encode() for line in lines)
    plan = check_laws(raw, run_content(None))
    text = plan.after.decode()
    assert f"- **{language.label('hardware_type')}{language.colon}** 8 x NVIDIA A100-SXM4-80GB" in text
    assert f"- **{language.label('cloud_provider')}{language.colon}** {language.placeholder}" in text
    withdrawn = fill(read_card(plan.after), run_content(None))
    assert withdrawn.after == plan.after


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
def test_a_new_section_speaks_the_cards_language(language: Language) -> None:
    headings = [language.others[0], language.others[1], language.before[0], language.after[0]]
    raw = "\n\n".join(f"## {heading}\n\ntext" for heading in headings).encode()
    plan = check_laws(raw, run_content(None))
    section = plan.after.decode().split("## ")[4]
    assert section.startswith(f"{language.title}\n\n- **{language.label('hardware_type')}{language.colon}** 8 x NVIDIA")
    assert f"**{language.label('compute_region')}{language.colon}** {language.placeholder}\n" in section
    assert plan.after.decode().split("## ")[5].startswith(language.after[0])


def test_a_label_among_blanks_costs_no_more_than_its_line() -> None:
    for unit in (b" ", b"**", b"**a", b"* ", b"<b>", b"\xc2\xa0", b"a ", b"\xf0\x9f\x92\xa9", b"(", b"\xef\xbc\x9a", b"a:"):
        read_label(unit * (1_000_000 // len(unit)))
        read_label(b"**" + unit * (1_000_000 // len(unit)) + b":**")
