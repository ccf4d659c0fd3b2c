"""Tables of a card: the cells' spans and texts, in Markdown and in HTML, and what is no table."""

from __future__ import annotations

import pytest

from footprint.card.parts.document import scan
from footprint.card.parts.tables import find_tables, readable


def rows(text: str) -> list[list[str]]:
    (table,) = find_tables(scan(text.encode()))
    return [[cell.text for cell in row] for row in table.rows]


def spans(raw: bytes) -> list[list[bytes]]:
    (table,) = find_tables(scan(raw))
    return [[raw[cell.start : cell.end] for cell in row] for row in table.rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("| a | b |\n|---|:-:|\n| 1 | 2 |\n", [["a", "b"], ["1", "2"]]),
        ("a | b\n--|--\n1 | 2\nend", [["a", "b"], ["1", "2"]]),
        ("text above\n| a | b |\n|---|---|\n| 1 |\n", [["a", "b"], ["1"]]),
        ("> | a | b |\n> |---|---|\n> | 1 | 2 |\n", [["a", "b"], ["1", "2"]]),
        ("||b|\n|---|---|\n|1||\n", [["", "b"], ["1", ""]]),
        ("| a\\|b | `c` |\n|-|-|\n| [d](https://x.org/y_(z)) | **e** |\n", [["a|b", "c"], ["d", "e"]]),
        ("| a | b |\n| 1 | 2 |\n", [["a", "b"], ["1", "2"]]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n|---|---|\n| 3 | 4 |\n", [["a", "b"], ["1", "2"], ["3", "4"]]),
        ("|CO<sub>2</sub>|10<sup>-4</sup>|\n|-|-|\n|5&nbsp;kg|539<sup>1</sup>|", [["CO2", "10^-4"], ["5 kg", "539^1"]]),
        ("<table><tr><td>a<td>b<tr><td>1<td> 2\n</table>", [["a", "b"], ["1", "2"]]),
        (
            "<table>\n<thead><tr><th><b>a</b></th><th>b</th></tr></thead>\n<tr>\n<td>1\n</td><td></td></tr></table>",
            [["a", "b"], ["1", ""]],
        ),
        (
            '<TABLE border="1"><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr><tr><td colspan="2">d</td></tr></TABLE>',
            [["a", "b"], ["a", "c"], ["d", "d"]],
        ),
        ("<table><tr><td>a <!-- <td>no</td> --></td><td>b</td></tr></table>", [["a", "b"]]),
        ("<table><tr><td>a<table><tr><td>x</td></tr></table></td><td>b</td></tr></table>", [["ax", "b"]]),
        ("<table><tr><td>1 &lt; 2<br>kg</td></tr></table>", [["1 < 2 kg"]]),
    ],
)
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_tables(text: str, expected: list[list[str]], eol: str) -> None:
    assert rows(text.replace("\n", eol)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a | b\n",
        "| a | b |\n",
        "| a | b |\n|---|\n| 1 | 2 |\n",
        "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n",
        "<!--\n| a | b |\n|---|---|\n| 1 | 2 |\n-->\n",
        "---\na: |\n  | a | b |\n  |---|---|\n---\n",
        "Title\n-----\n\ntext",
        "```html\n<table><tr><td>a</td></tr></table>\n```\n",
        "<table><tr><td>never closed",
        "<table></table>",
        "| a |\n| b |\n",
    ],
)
def test_what_is_no_table(text: str) -> None:
    assert find_tables(scan(text.encode())) == ()


def test_spans_are_those_of_the_contents() -> None:
    raw = "| é **a** | b \\| c |\n|--|--|\n|  |漢|\n".encode()
    assert spans(raw) == [["é **a**".encode(), b"b \\| c"], [b"", "漢".encode()]]
    raw = b"<table><tr><td>\n  <strong>4 kg</strong>\n</td><td>  </td></tr></table>"
    assert spans(raw) == [[b"<strong>4 kg</strong>", b""]]


def test_an_empty_cell_is_a_place_inside_it() -> None:
    raw = b"| a |  |\n|--|--|\n| b ||\n"
    (table,) = find_tables(scan(raw))
    assert [raw[: row[1].start] for row in table.rows] == [b"| a | ", b"| a |  |\n|--|--|\n| b |"]


def test_a_cell_over_several_rows_is_one_cell() -> None:
    raw = b"<table><tr><td rowspan=3>5</td><td>a</td></tr><tr><td>b</td></tr><tr><td>c</td></tr></table>"
    (table,) = find_tables(scan(raw))
    assert len({row[0] for row in table.rows}) == 1


def test_only_tables_that_begin_in_the_lines_asked_for() -> None:
    document = scan(b"|a|b|\n|-|-|\n|1|2|\n\n|c|d|\n|-|-|\n|3|4|\n\n<table><tr><td>x</td></tr></table>\n")
    assert [table.first for table in find_tables(document)] == [0, 4, 8]
    assert [table.first for table in find_tables(document, range(3, 8))] == [4]
    assert [table.first for table in find_tables(document, range(8, 9))] == [8]
    assert find_tables(document, range(0)) == ()


@pytest.mark.parametrize(
    "piece",
    ["|a|", "<table><tr>", "<td colspan=50>", "<td rowspan=50>", "|-", "<!-- ", "<table <!--", "[", "<", "\\", "&", "*a "],
)
def test_hostile_tables_end(piece: str) -> None:
    line = "# T\n<table><tr><td>x" + piece * (200_000 // len(piece))
    find_tables(scan(line.encode()))
    find_tables(scan(f"{line}\n</table>\n|a|b|\n|-|-|\n|{piece * 50_000}|x|\n".encode()))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("**a** *b*", "a *b*"),
        ("*all of it*", "all of it"),
        ("***a***", "a"),
        ("a\\*", "a*"),
        ("![alt](x.png)", "alt"),
        ("0*", "0*"),
        ("5 * 3", "5 * 3"),
    ],
)
def test_readable(content: str, expected: str) -> None:
    assert readable(content.encode()) == expected
