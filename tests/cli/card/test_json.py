"""`footprint card json`, `card show` with groups, and the definitions of hooks."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footprint.card import fill, read_card
from footprint.card.export import SCHEMA_FILE, CardAccount, account_of, schema_text
from footprint.card.many.finder import CARD_NAMES
from footprint.cli import call
from tests.card.samples import CORPUS, corpus, run_content, shared

ROOT = Path(__file__).parents[3]
Schema = dict[str, Any]


def account(raw: bytes) -> CardAccount:
    return account_of(read_card(raw))


def faults(value: Any, schema: Schema, whole: Schema, where: str = "$") -> list[str]:
    """What in a value is not as a JSON Schema has it: the parts of the language that ours uses, and no other."""
    known = {"$ref", "$schema", "$defs", "title", "description", "type", "properties", "required", "items", "anyOf", "enum"}
    known |= {"additionalProperties", "propertyNames", "default", "const"}
    assert set(schema) <= known, set(schema) - known
    if "$ref" in schema:
        return faults(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole, where)
    if "anyOf" in schema:
        return [] if any(not faults(value, one, whole) for one in schema["anyOf"]) else [f"{where}: none of the choices"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    types: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool, "null": type(None),
    }  # fmt: skip
    if "type" in schema and (
        not isinstance(value, types[schema["type"]]) or (schema["type"] in {"number", "integer"} and isinstance(value, bool))
    ):
        return [f"{where}: {value!r} is no {schema['type']}"]
    found = []
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{where}.{name}: missing" for name in schema.get("required", ()) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, one in value.items():
            part = properties.get(name, more if isinstance(more, dict) else {})
            found += faults(one, part, whole, f"{where}.{name}")
            found += faults(name, schema.get("propertyNames", {}), whole, f"{where}.{name}")
    if isinstance(value, list):
        for number, one in enumerate(value):
            found += faults(one, schema.get("items", {}), whole, f"{where}[{number}]")
    return found


def test_the_schema_that_is_shipped_is_that_of_the_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    assert call(["card", "json", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(schema_text())


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_accounts_are_as_the_schema_says(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "json", str(path)]) == 0
    said = json.loads(capsys.readouterr().out)
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert faults(said, schema, schema) == []
    assert msgspec.convert(said, CardAccount) == account_of(read_card(path), str(path))
    assert faults(said | {"groups": [{"name": 5}]}, schema, schema)


def test_accounts_of_published_cards_are_as_the_schema_says() -> None:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    for path in shared("cards") + shared("seeds"):
        said = json.loads(msgspec.json.encode(account_of(read_card(path))))
        assert faults(said, schema, schema) == [], path.name
        assert read_card(path).groups == () or said["groups"]


@pytest.mark.parametrize(
    ("hours", "wall", "device", "unsaid"),
    [
        (b"100 h wall-clock (800 device-hours)", 100.0, 800.0, None),
        (b"439 GPU hours", None, 439.0, None),
        (b"72", None, None, 72.0),
        (b"1.234 hours, or so", None, None, None),
        (b"[More Information Needed]", None, None, None),
    ],
)
def test_quantities(hours: bytes, wall: float | None, device: float | None, unsaid: float | None) -> None:
    (group,) = account(b"# T\n\n## Environmental Impact\n\n- **Hours used:** %s\n- **Carbon Emitted:** 30.16 kg\n" % hours).groups
    found = group.quantities
    said = [None if one is None else one.low for one in (found.wall_hours, found.device_hours, found.hours)]
    assert said == [wall, device, unsaid]
    assert found.emissions_g is not None
    assert (found.emissions_g.low, found.emissions_g.high) == (30160.0, 30160.0)


def test_a_bound_that_is_not_stated_is_null() -> None:
    (group,) = account(b"# T\n\n## Environmental Impact\n\n- **Hours used:** more than 100 hours\n").groups
    assert group.quantities.hours is not None
    assert (group.quantities.hours.low, group.quantities.hours.high) == (100.0, None)


def test_a_label_that_fixes_the_unit_is_read_in_it() -> None:
    (group,) = account(b"# T\n\n## Validation\n\n- CO2 Emissions (in grams): 1.23\n").groups
    assert group.quantities.emissions_g is not None
    assert group.quantities.emissions_g.low == 1.23


@pytest.mark.parametrize(
    ("stated", "grams"),
    [
        (b"7.5", 7.5),
        (b"0", 0.0),
        (b"{emissions: 149200, source: x}", 149200.0),
        (b"149200 g", 149200.0),
        (b"'3.1 kg'", 3100.0),
        (b"[{emissions: 5}, {source: x}]", 5.0),
        (b"TBD", None),
        (b"true", None),
        (b".nan", None),
        (b".inf", None),
        (b"1" + b"0" * 400, None),
        (b"{source: x}", None),
        (b"'1 to 2 kg'", None),
        (b"", None),
    ],
)
def test_what_the_front_matter_states_in_grams(stated: bytes, grams: float | None) -> None:
    found = account(b"---\nco2_eq_emissions: %s\n---\n# T\n" % stated)
    assert found.metadata_emissions_g == grams
    json.loads(msgspec.json.encode(found))


def test_our_block_says_which_values_are_ours_still() -> None:
    filled = fill(read_card(CORPUS / "template.md"), run_content()).after
    (block,) = account(filled).blocks
    assert block.about == "training"
    assert block.runs == ("r1",)
    assert not block.edited
    assert block.fields["carbon_emitted"]
    assert block.fields["co2_eq_emissions.emissions"]
    assert all(block.fields.values())
    assert filled.splitlines()[block.line - 1].startswith(b"<!-- footprint:begin")
    changed = re.sub(rb"\*\*Hours used:\*\* [^\n]+", b"**Hours used:** 5 h", filled).replace(b"  emissions: ", b"  emissions: 1")
    (block,) = account(changed).blocks
    assert {name for name, ours in block.fields.items() if not ours} == {"hours_used", "co2_eq_emissions.emissions"}


def test_many_cards_are_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, raw in {"a": b"# A\n", "b": b"\0", "c": b"# C\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_bytes(raw)
    assert call(["card", "json", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [Path(line["path"]).parent.name for line in lines] == ["a", "c", "b"]
    assert lines[2]["error"].endswith("b/README.md: line 1: the card is binary, not text")
    assert err.count("\n") == 1
    assert call(["card", "json"]) == 2
    assert "name a card, or say --schema" in capsys.readouterr().err
    assert call(["card", "json", str(tmp_path / "none.md")]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_show_names_the_groups_and_our_blocks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "show", str(CORPUS / "groups.md")]) == 0
    out = capsys.readouterr().out
    assert "2 groups of fields; a fill names one of them: --group NAME" in out
    assert "group 2, line 13: The large one\nhardware_type  8 x T4   line 13\n" in out
    assert call(["card", "show", str(CORPUS / "groups.md"), "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["groups"]] == ["The small one", "The large one"]
    card = tmp_path / "README.md"
    card.write_bytes(fill(read_card(CORPUS / "template.md"), run_content()).after)
    assert call(["card", "show", str(card)]) == 0
    assert "written by footprint about training: runs r1, factors 2026.11\n" in capsys.readouterr().out


def test_a_group_is_filled_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "README.md"
    card.write_bytes((CORPUS / "groups.md").read_bytes())
    facts = ("--hardware", "T4", "--count", "8", "--hours", "50", "--zone", "FRA")
    assert call(["card", "fill", str(card), *facts]) == 2
    assert "name one of the groups (--group): 'The small one' (line 7), 'The large one' (line 13)" in capsys.readouterr().err
    assert call(["card", "fill", str(card), *facts, "--group", "the LARGE"]) == 0
    small, large = card.read_text(encoding="utf-8").split("### The large one")
    assert "- **Carbon Emitted:** Unknown" in small
    assert re.search(r"- \*\*Carbon Emitted:\*\* \d\S* kg CO2eq", large)
    assert call(["card", "fill", str(card), *facts, "--group", "the large one", "--check"]) == 0


SENTENCE = b"# M\n\nWe trained the model for 72 hours on 8 A100 GPUs in europe-west4.\n"


def test_a_cards_own_sentences_are_used_only_where_asked_to_and_cited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "README.md"
    card.write_bytes(SENTENCE)
    assert call(["card", "fill", str(card), "--zone", "FRA", "--diff"]) == 0
    assert "8 x A100" not in capsys.readouterr().out
    assert call(["card", "fill", str(card), "--from-evidence"]) == 0
    text = card.read_text(encoding="utf-8")
    assert "- **Hours used:** 72 h wall-clock (576 device-hours)" in text
    assert "- **Compute Region:** europe-west4" in text
    assert "“We trained the model for 72 hours on 8 A100 GPUs in europe-west4.”" in text
    assert call(["card", "fill", str(card), "--from-evidence", "--check"]) == 0
    card.write_bytes(b"# M\n")
    capsys.readouterr()
    assert call(["card", "fill", str(card), "--from-evidence"]) == 0
    assert "the card's own text states nothing to fill it with" in capsys.readouterr().out
    assert card.read_bytes() == b"# M\n"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--run", "r1"), "--from-evidence and --run cannot be combined"),
        (("--profile", "p.toml"), "--from-evidence and --profile cannot be combined"),
        (("--region", "nowhere:x"), "nowhere"),
    ],
)
def test_what_cannot_stand_beside_a_cards_own_sentences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    card = tmp_path / "README.md"
    card.write_bytes(SENTENCE)
    assert call(["card", "fill", str(card), "--from-evidence", *more]) == 2
    assert words in capsys.readouterr().err
    assert card.read_bytes() == SENTENCE


def test_the_hooks_run_what_there_is_on_cards_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["footprint-card-check", "footprint-card-fill"]
    card = tmp_path / "README.md"
    card.write_bytes((CORPUS / "template.md").read_bytes())
    for hook in hooks:
        wanted = re.compile(hook["files"])
        assert all(wanted.search(name) and wanted.search(f"models/a/{name.upper()}") for name in CARD_NAMES)
        assert not any(wanted.search(name) for name in ("docs/guide.md", "NOTREADME.md", "README.md.bak", "readme.rst"))
        program, *arguments = shlex.split(hook["entry"])
        assert program == "footprint"
        assert call([*arguments, *(("--hardware", "A100", "--zone", "FRA") if "fill" in hook["id"] else ()), str(card)]) == 0
    assert b"footprint:begin" in card.read_bytes()
