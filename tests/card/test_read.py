"""Reading cards: forms, fields, front matter, evidence, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.card import read_card
from footprint.card.parts.document import scan
from footprint.card.parts.metadata import KEY
from footprint.card.words.labels import is_placeholder, is_section_title, read_label
from footprint.errors import CardError
from footprint.model import FIELD_NAMES
from tests.card.samples import CORPUS, corpus, shared

FORMS = {
    "rendered.txt": "rendered text",
    "mirror.txt": "rendered text",
    "spun.txt": "rendered text",
    "diff.txt": "rendered diff",
    "pipes.txt": "pipe-delimited",
}


def said(path: Path) -> dict[str, str]:
    return {name: claim.value for name, claim in read_card(path).fields.items() if claim and not claim.placeholder}


def values(path: Path, field: str) -> list[str]:
    return [found.value for found in read_card(path).evidence if found.field == field]


@pytest.mark.parametrize("path", corpus(), ids=lambda p: p.name)
def test_forms_are_told_apart(path: Path) -> None:
    for raw in (path.read_bytes(), path.read_bytes().replace(b"\n", b"\r\n")):
        assert read_card(raw).form == FORMS.get(path.name, "markdown")


def test_rendered_text() -> None:
    path = CORPUS / "rendered.txt"
    assert all(claim is not None for claim in read_card(path).fields.values())
    assert said(path) == {"compute_region": "Norway"}
    assert read_card(path).fields["carbon_emitted"].line == 18  # type: ignore[union-attr]  # all five are there
    assert values(path, "hardware_type") == ["24 Ampere GPUs", "4 GPUs"]


def test_a_mirror_without_fields() -> None:
    card = read_card(CORPUS / "mirror.txt")
    assert all(claim is None for claim in card.fields.values())
    assert values(CORPUS / "mirror.txt", "hardware_type") == ["12 Hopper GPUs", "2 GPUs"]
    assert card.evidence[0].line == 9


def test_machine_spun_text() -> None:
    path = CORPUS / "spun.txt"
    assert all(claim is not None for claim in read_card(path).fields.values())
    assert said(path) == {"cloud_provider": "AWS", "hours_used": "96"}
    assert values(path, "hardware_type") == ["TPU v4 or TPU v5e slices"]


def test_a_rendered_diff() -> None:
    path = CORPUS / "diff.txt"
    card = read_card(path)
    assert all(claim is not None for claim in card.fields.values())
    assert said(path) == {"hardware_type": "2 x A100"}
    line = card.fields["hardware_type"].line  # type: ignore[union-attr]  # just seen
    assert path.read_text(encoding="utf-8").splitlines()[line - 1] == "+ - **Hardware Type:** 2 x A100"
    assert values(path, "hours_used") == ["3 days"]


def test_pipe_delimited_lines() -> None:
    path = CORPUS / "pipes.txt"
    assert all(claim is not None for claim in read_card(path).fields.values())
    assert said(path) == {"hardware_type": "6 x MI250X", "compute_region": "europe-north1"}
    assert values(path, "training") == ["keeping only every fourth layer"]


def test_the_five_found_cards() -> None:
    cards = [read_card(path) for path in shared("seeds")]
    assert [sum(claim is not None for claim in card.fields.values()) for card in cards] == [5, 0, 5, 5, 5]
    found = [{evidence.value for evidence in card.evidence} for card in cards]
    assert "64 Volta GPUs" in found[0] & found[1]
    assert "TPU v3 or TPU v4 pods" in found[2]
    assert all(card.form != "markdown" for card in cards)


def test_copies_of_the_found_cards_with_other_names_numbers_and_order() -> None:
    changes = (
        (b"64 Volta", b"96 Ampere"),
        (b"8 GPUs", b"12 GPUs"),
        (b"v3 or TPU v4", b"v2 or TPU v5e"),
        (b"xlm", b"qrs"),
        (b"MiniLM", b"Tern"),
    )
    more = ((b"second layer", b"third layer"), (b"switch-c-2048", b"swap-d-77"), (b"GCP", b"Azure"))
    counts = []
    for path in shared("seeds"):
        raw = path.read_bytes()
        for old, new in (*changes, *more):
            raw = raw.replace(old, new)
        lines = raw.split(b"\n")
        places = sorted(claim.line - 1 for claim in read_card(raw).fields.values() if claim)
        for place, line in zip(places, [lines[place] for place in reversed(places)], strict=True):
            lines[place] = line
        card = read_card(b"\n".join(lines))
        counts.append(sum(claim is not None for claim in card.fields.values()))
        found = {evidence.value for evidence in card.evidence}
        assert (
            found & {"96 Ampere GPUs", "TPU v2 or TPU v5e pods", "keeping only every third layer"} or card.form == "rendered diff"
        )
    assert counts == [5, 0, 5, 5, 5]


def test_what_stands_in_fences_and_comments_is_not_read() -> None:
    card = read_card(CORPUS / "no_section.md")
    assert set(card.fields.values()) == {None}
    assert [heading.text for heading in card.document.headings] == ["Rook", "Usage", "Evaluation", "Results", "Citation"]


def test_spellings_of_a_person() -> None:
    assert said(CORPUS / "person.md") == {
        "hardware_type": "2 x NVIDIA A40 *(in the rack by the door)*",
        "hours_used": "31 hours",
        "carbon_emitted": "4.2 kg",
    }


def test_underlined_headings_are_headings() -> None:
    card = read_card(CORPUS / "no_front_matter.md")
    assert [(h.level, h.text, h.line) for h in card.document.headings] == [
        (1, "Model Card for wren", 0),
        (2, "Environmental impact", 4),
    ]
    assert said(CORPUS / "no_front_matter.md") == {"hours_used": "12"}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("- **Hardware Type:** x", "hardware_type"),
        ("* **Hardware Used**: x", "hardware_type"),
        ("• {Hardware} Kind: x", "hardware_type"),
        ("__GPU__: x", "hardware_type"),
        ("+ **Training Time** *(hours)*: x", "hours_used"),
        ("{Hardware} Category: x", "hardware_type"),
        ("• Cloud Service Supplier: x", "cloud_provider"),
        ("• Carbon Given Off: x", "carbon_emitted"),
        ("<b>Hardware Type:</b> x", "hardware_type"),
        ("* ***Hours used***: 3", "hours_used"),
        ("Duration: 3", "hours_used"),
        ("  - **Hardware Provider:** x", "cloud_provider"),
        ("\u00a0Cloud Supplier:x", "cloud_provider"),
        ("1. **Geographical Location:** x", "compute_region"),
        ("- Compute Area: x", "compute_region"),
        (
            "- **Carbon Emitted (Power consumption x Time x Carbon produced based on location of power grid):** x",
            "carbon_emitted",
        ),
        ("- **CO2 eq emissions:** x", "carbon_emitted"),
        ("- **Carbon Emitted:**1 kg", "carbon_emitted"),
    ],
)
def test_labels(line: str, name: str) -> None:
    found = read_label(line.encode())
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "line",
    [
        "Hardware Type",
        "https://hours.used",
        "- **Model type:** x",
        "The hardware that we used was of this type: x",
        "**:** x",
        ": x",
        "- [Hours](x)",
    ],
)
def test_what_is_no_label(line: str) -> None:
    assert read_label(line.encode()) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "[More Information Needed]",
        "More information needed.",
        "More information is needed",
        "Extra info wanted",
        "Unknown",
        "N/A",
        "NaN",
        "TBD",
        "-",
        '{{ hours_used | default("[More Information Needed]", true)}}',
        "\u00a0",
        "**Unknown**",
        "Further details required",
        "TBD<br>",
        "<em>Unknown</em>",
        "Not applicable.",
        "Coming soon",
        "[optional]",
        "???",
        "~",
    ],
)
def test_placeholders(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "Not disclosed",
        "0",
        "5",
        "No cloud.",
        "A100",
        "unknown number of A100",
        "The provider is not named. [More Information Needed]",
    ],
)
def test_values(value: str) -> None:
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    "title", ["Environmental Impact", "**Environmental impact:**", "7. Environmental Impact [optional]", "🌍 Carbon Footprint"]
)
def test_section_titles(title: str) -> None:
    assert is_section_title(title)


@pytest.mark.parametrize(
    ("front", "found"),
    [
        (b"co2_eq_emissions: 1.5", 1.5),
        (b"co2_eq_emissions: 24_700_000", 24700000),
        (b"co2_eq_emissions: 149200 g", "149200 g"),
        (b"co2_eq_emissions:", None),
        (b"co2_eq_emissions: .nan", ".nan"),
        (b"co2_eq_emissions: 2020-01-01", "2020-01-01"),
        (b"co2_eq_emissions:\n- emissions: 5\n- source: 'x'", [{"emissions": 5}, {"source": "x"}]),
        (b"co2_eq_emissions: {emissions: '5', on_cloud: no}", {"emissions": "5", "on_cloud": False}),
    ],
)
def test_metadata_as_found(front: bytes, found: object) -> None:
    assert read_card(b"---\n" + front + b"\n---\n").metadata == {KEY: found}


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b"---\na: b\n---\n", True),
        (b"\xef\xbb\xbf---\r\na: b\r\n---\r\n", True),
        (b"\n\n---\na: b\n---", True),
        (b"--- \na: b\n---\n", False),
        (b"```yaml\n---\na: b\n---\n```\n", False),
        (b"text\n---\na: b\n---\n", False),
    ],
)
def test_front_matter_is_what_the_hub_sees(raw: bytes, seen: bool) -> None:
    assert (scan(raw).front_matter is not None) is seen


@pytest.mark.parametrize(
    ("front", "line", "words"),
    [
        (b"a: " + b"[" * 3000 + b"]" * 3000, 2, "nested"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"b%d: &b%d [%s]\n" % (n, n, b",".join([b"*b%d" % (n - 1) if n else b"*a"] * 9)) for n in range(9)),
            None,
            "expand",
        ),
        (b"a: bcdefgh\n" * 120_000, 2, "larger than"),
    ],
    ids=["deep", "bomb", "huge"],
)
def test_front_matter_that_is_refused(front: bytes, line: int | None, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_card(b"---\n" + front + b"\n---\n# T\n")
    assert line is None or caught.value.line == line


def test_front_matter_that_never_closes_is_told() -> None:
    card = read_card(b"\n---\nlicense: mit\n# Title\n")
    assert card.problems == ("line 2: the Hub does not see the front matter that starts here: it never closes with three dashes",)


def test_a_rule_on_the_first_line_is_no_front_matter() -> None:
    assert read_card(b"---\n\nJust a rule above.\n").document.front_matter is None


def test_invalid_yaml_leaves_the_body_readable() -> None:
    card = read_card(b"---\na: [b\nc\n---\n## Environmental Impact\n- **Hours used:** 5\n")
    assert card.fields["hours_used"] is not None
    assert card.metadata == {}
    assert card.problems[0].startswith("line ")


def test_bytes_that_are_not_utf8_shift_no_span() -> None:
    raw = b"---\na: \xff\xe9 \xc3\xa9\nco2_eq_emissions:   7\n---\n"
    card = read_card(raw)
    entry = card.yaml.emissions()
    assert entry is not None
    assert raw[entry[1].start : entry[1].end] == b"7"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"<!-- footprint:begin schema=1 -->\n", "without its beginning or end"),
        (b"<!-- footprint:end -->\n", "without its beginning or end"),
        (b"<!-- footprint:begin a=b -->\n<!-- footprint:end -->\n" * 2, "second one"),
    ],
)
def test_a_broken_block_is_refused(lines: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_card(b"# T\n" + lines)
    assert caught.value.line is not None


def test_bad_files(tmp_path: Path) -> None:
    big = tmp_path / "big.md"
    big.write_bytes(b"x" * 5_000_001)
    binary = tmp_path / "binary.md"
    binary.write_bytes(b"\x89PNG\0\0")
    for path, words in (
        (tmp_path / "none.md", "no such file"),
        (tmp_path, "is a folder"),
        (big, "larger than 5 MB"),
        (binary, "binary"),
    ):
        with pytest.raises(CardError, match=words):
            read_card(path)


def test_any_card_is_read() -> None:
    for path in shared("cards"):
        card = read_card(path)
        assert set(card.fields) == set(FIELD_NAMES)
        assert all(evidence.value in evidence.text or len(evidence.text) >= 400 for evidence in card.evidence)
        assert all(0 < evidence.line <= len(card.document.lines) for evidence in card.evidence)


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(CardError, match="more than 250,000 lines"):
        read_card(b"\n" * 300_000)


def test_hostile_shapes_end() -> None:
    """An unclosed comment on each line, backticks, stars, a line without end: what would hang if it were not linear."""
    heading = b"# Environmental Impact\n"
    for piece in (
        heading,
        b" ",
        b"<!-- x\n",
        b"`" * 50 + b"\n",
        b"**a" * 5,
        b"- **" + b"a" * 80 + b"\n",
        b"8 x ",
        b"[",
        b"1 A100 40 ",
        b"a: ",
        b"**" + b" " * 390 + b":x\n",
        b"<b>" + b" " * 390 + b":x\n",
        b"__" + b"_ " * 190 + b":x\n",
        b"_" * 380 + b":x\n",
        b"1 A100 " + b"(" * 40_000 + b"\n",
    ):
        read_card(b"# T\n" + piece * (400_000 // len(piece))).evidence  # noqa: B018 - asked for, for its own sake


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Hardware: 1 pod TPU v3-256 = 32 nodes of TPU VM v3-8 (8 TPU per node)", ["TPU v3-256"]),
        ("It was trained on a GeForce GTX TITAN X 12 GB GPU.", ["GeForce GTX TITAN X 12 GB GPU"]),
        ("Trained on 3 Titan RTX for two days", ["3 Titan RTX", "two days"]),
        ("Latency per classification (A100 GPU, 512 tokens): 5 ms", []),
        ("It can be deployed on a single AWS g5 instance in resource-constrained settings.", []),
        ("Trained on 8 A100 GPUs with an inference server beside it.", ["8 A100 GPUs"]),
    ],
)
def test_evidence_of_making_not_of_using(sentence: str, found: list[str]) -> None:
    card = read_card(f"# T\n\n{sentence}\n".encode())
    assert [evidence.value for evidence in card.evidence] == found


@pytest.mark.parametrize("raw", [b"", b"\n", b"a", b"a\n", b"a\n\n", b"\n\na", b"a\nb"])
def test_lines_are_the_same_with_any_line_end(raw: bytes) -> None:
    plain = [raw[line.start : line.end] for line in scan(raw).lines]
    for eol in (b"\r\n", b"\r"):
        other = raw.replace(b"\n", eol)
        assert [other[line.start : line.end] for line in scan(other).lines] == plain
