"""The front matter in every shape: what is filled, what stays, and what is told with its line."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.card import FillPlan, fill, read_card
from footprint.card.parts.columns import is_plain
from footprint.card.parts.document import scan
from footprint.card.parts.metadata import KEY, other_entries, read_metadata, same_others
from footprint.card.parts.nodes import meaning, parse
from footprint.errors import CardError
from tests.card.laws import check_laws
from tests.card.samples import nothing_known, run_content

REST = b"# T\n\n## Environmental Impact\n\n- **Hours used:** TBD\n"


def a_card(front: bytes) -> bytes:
    return b"---\n" + front + b"\n---\n" + REST


def filled(front: bytes, *, overwrite: bool = False) -> tuple[FillPlan, str]:
    """The plan, and the front matter after it."""
    plan = check_laws(a_card(front), run_content(), overwrite=overwrite)
    found = scan(plan.after).front_matter
    assert found is not None
    return plan, plan.after[found.start : found.end].decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (
            b"co2_eq_emissions:\n- emissions: TBD\n- source: x",
            "co2_eq_emissions:\n  emissions: 153000\n  source: x\n  training_type: ",
        ),
        (
            b"co2_eq_emissions:\n  - source: x # mine\n  - gpus: [1,\n      2]\n\n  - emissions:\nb: c",
            "co2_eq_emissions:\n    source: x # mine\n    gpus: [1,\n      2]\n\n    emissions: 153000\n    training_type: ",
        ),
        (b"co2_eq_emissions:\n- source: x", "co2_eq_emissions:\n  source: x\n  emissions: 153000\n"),
        (b"co2_eq_emissions: TBD   # later\nb: c", "co2_eq_emissions:    # later\n  emissions: 153000\n"),
        (b"co2_eq_emissions:   null\nb: c", "co2_eq_emissions:\n  emissions: 153000\n"),
        (b"{license: mit, tags: [a, b]}", ', co2_eq_emissions: {emissions: 153000, source: "measured'),
        (b"{license: mit, co2_eq_emissions: TBD, tags: []}", ", co2_eq_emissions: {emissions: 153000, source: "),
        (b"{\n  license: mit\n}", 'license: mit, co2_eq_emissions: {emissions: 153000, source: "measured'),
        (b"# only a remark", "# only a remark\nco2_eq_emissions:\n  emissions: 153000\n"),
        (b"'license': mit\n\"co2_eq_emissions\": ~", '"co2_eq_emissions":\n  emissions: 153000\n'),
        (b"a: &x {p: 1}\nb: *x\nc: {<<: *x}", "c: {<<: *x}\nco2_eq_emissions:\n  emissions: 153000\n"),
        (b"base: &b {p: 1}\nq:\n  <<: *b\nco2_eq_emissions:\n  emissions: N/A", "  emissions: 153000\n  source: "),
        (b"license: mit\nlicense: mit", "license: mit\nlicense: mit\nco2_eq_emissions:\n  emissions: 153000\n"),
        ("tags:\n- 漢字 # é\nco2_eq_emissions: {emissions: TBD, ü: 1}".encode(), "{emissions: 153000, ü: 1, source: "),
        (b"a: \xff\xe9\nco2_eq_emissions: TBD", "co2_eq_emissions:\n  emissions: 153000\n"),
        (b"a: |\n  text\n\n# of b\nb: >-\n  more\n", "# of b\nb: >-\n  more\n"),
    ],
)
def test_what_is_free_is_filled(front: bytes, expected: str) -> None:
    plan, text = filled(front)
    assert expected in text
    assert read_card(plan.after).metadata[KEY]["emissions"] == 153000


def test_a_key_that_stands_twice_is_told() -> None:
    plan, _ = filled(b"license: mit\nlicense: apache-2.0")
    assert any("'license' stands twice (line 3)" in note for note in plan.notes)
    assert read_card(a_card(b"a: 1\nb: 2\na: 3")).problems == ("line 4: the key 'a' stands twice in the front matter",)


TIED = [
    (b"a: 1\nco2_eq_emissions: 5\nb: 2\nco2_eq_emissions: 6", 5, "stands twice"),
    (b"co2_eq_emissions:\n  emissions: 5\n  emissions: 6", 4, "stands twice"),
    (b"a: &x 5\nco2_eq_emissions: *x", 3, "an anchor, an alias"),
    (b"co2_eq_emissions: &x\n  emissions: TBD\na: *x", 2, "an anchor, an alias"),
    (b"a: &x {source: y}\nco2_eq_emissions:\n  <<: *x\n  emissions: TBD", 4, "a merged key"),
    (b"co2_eq_emissions: !!float 5", 2, "a tag"),
]


@pytest.mark.parametrize(("front", "line", "words"), TIED)
def test_an_entry_that_is_tied_is_left_alone_with_its_line(front: bytes, line: int, words: str) -> None:
    plan, text = filled(front)
    assert text.encode() == front
    assert [(kept.field, kept.line) for kept in plan.kept] == [(KEY, line)]
    assert words in plan.kept[0].reason
    assert b"- **Hours used:** 100 h" in plan.after, "the body is filled all the same"
    with pytest.raises(CardError, match=words) as caught:
        fill(read_card(a_card(front)), run_content(), overwrite=True)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("front", "found"),
    [
        (b"a: &x 5\nco2_eq_emissions: *x", 5),
        (b"a: &x {source: y, emissions: 1}\nco2_eq_emissions:\n  <<: *x\n  emissions: 7", {"source": "y", "emissions": 7}),
        (b"co2_eq_emissions: *nowhere", None),
        (b"co2_eq_emissions: {emissions: 1.50, on_cloud: 'no', at: 12:30:45}", {"emissions": 1.5, "on_cloud": "no", "at": 45045}),
    ],
)
def test_values_as_they_are_read(front: bytes, found: object) -> None:
    card = read_card(a_card(front))
    assert card.metadata.get(KEY) == found


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"--- \nlicense: mit\n---\n", 1, "white space follows"),
        (b"\n```yaml\n---\nlicense: mit\n---\n```\n", 3, "a code fence"),
        (b"---\nlicense: mit\n...\n# T\n", 1, "ends with dots"),
        (b"\x1c\n---\na: b\n---\n# T\n", 2, "a control character"),
        (b"\n\n---\nlicense: mit\n# T\n", 3, "never closes"),
        (b"# T\n\n---\n# of the card\nlicense: mit\n---\n", 3, "text stands before it"),
        (b"<!-- x -->\r\n---\r\ntags:\r\n- a\r\n---\r\n", 2, "text stands before it"),
    ],
)
def test_front_matter_that_the_hub_does_not_see_is_told_and_left(raw: bytes, line: int, words: str) -> None:
    card = read_card(raw)
    assert card.document.front_matter is None
    assert card.document.unseen_front_matter
    assert card.problems[0].startswith(f"line {line}: ")
    assert words in card.problems[0]
    plan = check_laws(raw, run_content())
    assert KEY.encode() not in plan.after.replace(plan.after[plan.after.index(b"<!-- footprint") :], b"")
    assert any(words in note for note in plan.notes)


@pytest.mark.parametrize("space", ["\u00a0", "\ufeff", "\u2003\n", "\u3000", "\n \u2028"])
def test_front_matter_after_any_white_space_of_javascript_is_seen(space: str) -> None:
    assert scan(space.encode() + b"---\na: b\n---\n").front_matter is not None


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (b"a: [b\nc", "not valid YAML"),
        (b"license: mit\n\ttags: x", "not valid YAML"),
        (b"date: 2020-13-45", "cannot be read"),
        (b"a: *none", "not valid YAML"),
        (b"a: b\n--- c", "two YAML documents"),
        (b"- a\n- b", "not a block of keys"),
        (b"{{ card_data }}", "not valid YAML"),
        (b"{% if x %}", "not valid YAML"),
        (b"a: \x07", "not valid YAML"),
        (b'tags: [en(?"x"]', "not valid YAML"),
    ],
)
def test_front_matter_that_cannot_be_read_is_told_and_the_body_filled(front: bytes, words: str) -> None:
    plan = check_laws(a_card(front), run_content())
    assert front in plan.after
    assert any(words in note for note in plan.notes)
    assert b"- **Hours used:** 100 h" in plan.after


def test_what_we_wrote_in_a_list_that_became_a_mapping_is_ours() -> None:
    plan, _ = filled(b"co2_eq_emissions:\n- emissions: TBD\n- source: x")
    again = check_laws(plan.after, nothing_known())
    assert b"co2_eq_emissions:\n  source: x\n---" in again.after


PIECES = st.sampled_from(
    """
    license: mit|tags:|- a|- b: c|  - d|  e: f|g: !|h: >-|  text||# remark|  # remark|i: 'j|k'|l: "m|n: o"|p: [q,|r]|s: {t: u|}
    |v: &w x|y: *w|? z|: aa|bb:|cc: dd # ee|'ff': gg|- - hh|ii:   |jj: !+|    kk|ll: mm: nn|oo: pp #qq|!!str rr: ss|%TAG|...
    |tt:~  uu:~  - vv|w w: x|é: ü|xx: é|yy: 2020-01-01|yz: 2020-13-01|zz: !!int 5|co2_eq_emissions: 5|  emissions: 6
    |co2_eq_emissions:|a:\tb|ab: [c(?"d"]|- ? e
    """.strip()
    .replace("\n    |", "|")
    .replace("\n", "")
    .replace("!+", "\0+")
    .replace(": !|", ": \0|")
    .split("|")
).map(lambda piece: piece.replace("\0", "|").replace("~", "\n"))


@settings(max_examples=600, deadline=None)
@given(lines=st.lists(PIECES, min_size=1, max_size=9), eol=st.sampled_from(["\n", "\r\n"]))
def test_entries_that_parse_alone_parse_so_in_their_place(lines: list[str], eol: str) -> None:
    """The claim on which the proof of a fill rests: read one by one, the entries are those of the whole."""
    front = eol.join(lines).encode()
    document = scan(b"---\n" + front + b"\n---\n")
    if document.front_matter is None or document.front_matter.end < 4 + len(front):
        return
    found = read_metadata(document)
    if not found.alone:
        return
    root = parse(front)
    assert root is not None
    assert [entry.key for entry in found.entries] == [key.text for key, _ in root.entries]
    for entry, (key, value) in zip(found.entries, root.entries, strict=True):
        alone = parse(document.raw[entry.start : entry.end])
        assert alone is not None
        assert [(meaning(key), meaning(value))] == [(meaning(k), meaning(v)) for k, v in alone.entries]
    assert isinstance(yaml.safe_load(front.decode()), dict)
    if found.ours is not None:
        assert [meaning(node) for node in found.ours] == [meaning(node) for node in root.find(KEY) or ()]


@settings(max_examples=300, deadline=None)
@given(first=st.lists(PIECES, min_size=1, max_size=6), second=st.lists(PIECES, min_size=1, max_size=6))
def test_what_is_taken_for_the_same_is_the_same(first: list[str], second: list[str]) -> None:
    found = []
    for lines in (first, second, [*first, *second]):
        try:
            found.append(read_metadata(scan(b"---\n" + "\n".join(lines).encode() + b"\n---\n")))
        except CardError:
            return
    for before in found:
        for after in found:
            if before.problem is None and after.problem is None:
                assert same_others(before, after) == (other_entries(before) == other_entries(after))


NESTED = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.lists(st.sampled_from(["- ", "-  "]), max_size=2),
        st.sampled_from(
            ["a:", "b: c", "d:  1.50", "e", "f g", "-0", "h: -3", "", "i: 010", "j:k", "l : m", "n: o: p", "2020-01-01", "q: - r"]
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=1500, deadline=None)
@given(lines=NESTED, eol=st.sampled_from(["\n", "\r\n"]))
def test_what_is_taken_for_plain_without_a_parser_is_a_mapping(lines: list[tuple[int, list[str], str]], eol: str) -> None:
    text = "top:" + eol + eol.join(" " * indent + "".join(dashes) + said for indent, dashes, said in lines)
    if is_plain(text.encode()):
        assert isinstance(yaml.safe_load(text), dict)
        root = parse(text.encode())
        assert root is not None
        assert len(root.entries) == len([line for line in text.splitlines() if line[:1].strip(" -")])


@pytest.mark.parametrize(
    "text",
    [
        "a: b",
        "tags:\n- a\n- b c\n",
        "tags:\n  - a\n\n  - 1.5\n",
        (
            "model-index:\n- name: x\n  results:\n  - task:\n      type: t\n    metrics:\n"
            "    - type: m\n      value: 41.25\n    - type: n\n- name: y\n"
        ),
        "a:\n- - b\n  - c\n- d:\n",
    ],
)
def test_plain_metadata_needs_no_parser(text: str) -> None:
    assert is_plain(text.encode())
    assert is_plain(text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    "text",
    ["a: b\n  c", "a: b\n  c: d", "- a", "a:\n  b: c\n d: e", "a:\n- b\n  c", "a: 2020-13-45", "a: b # c", "a:\tb", "a: 'b'"],
)
def test_what_only_a_parser_can_tell(text: str) -> None:
    assert not is_plain(text.encode())


@pytest.mark.parametrize(
    ("raw", "index"),
    [
        (b"# T\n\n```\ncode", 2),
        (b"# T\n```\ncode\n```", None),
        (b"# T\n<!-- a\nb", 1),
        (b"# T\n<!-- a\n-->", None),
        (b"<pre>\nx\n", 0),
        (b"a <pre>\n<PRE>\nx</pre>\n <script src=x>", 3),
        (b"<!doctype", 0),
        (b"<prefix\n<?x?>\n", None),
        (b"> ```\n> a\nb", None),
        (b"- ```\n  a\nb\n", None),
        (b"- ```\n  a\n", 0),
    ],
)
def test_what_hides_the_rest_of_a_card(raw: bytes, index: int | None) -> None:
    assert scan(raw).left_open == index
