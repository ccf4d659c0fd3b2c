"""Small cards, each of which once broke a law that now holds: what the fuzz found, cut down to what matters."""

from __future__ import annotations

import pytest

from footprint.card import fill, read_card
from footprint.card.parts.document import scan
from footprint.errors import CardError
from tests.card.laws import check_laws, check_reading, check_sequences
from tests.card.samples import nothing_known, other_content, run_content

BOM = b"\xef\xbb\xbf"
CARDS = {
    "a fence after a byte order mark": BOM + b"```\n\n",
    "a fence after a byte order mark, and dashes": BOM + b"```\n---\nlicense:",
    "a section after a byte order mark": BOM + b"# Environmental Impact\n- **Hours used:** TBD\n",
    "fields after a byte order mark": BOM + b"- Hours used: TBD\n- Hardware Type: TBD\n- Cloud Provider: TBD\n",
    "a comment after a byte order mark": BOM + b"<!-- a -->\r\n# T",
    "nothing but a byte order mark": BOM,
    "dashes indented as code close no fence": b"```\n    ```",
    "an item's text below a blank line": b"Cloud Provider:\nCompute Region:\nCarbon Emitted:\n- o\n\n  y",
    "an item below the last field": b"# Environmental Impact\n- *co2 emission*:\nco2_emission:\n - m",
    "a lone carriage return at the end": b"d\n=\nL\r",
    "line ends of three kinds": b"a\r-\n\n.\r",
    "cells beyond the head's": b"|=\n-|\nCarbono emitido||\nProvedor nuvem||\nHoras usadas|n",
    "fewer cells than the head's": b"GPU|Training Time|CO2\n-|-|-\nT|",
    "a heading in an item whose text goes on without indentation": b"# Environmental Impact\n- s\n2\n  # M",
    "items indented as code": b"\t- \n    - *emission*:TBD\n    - *training time*:",
    "a heading in an item": b"# Impacto ambiental\n- hardware:\n  # n",
}
# What a Markdown reader takes for one paragraph, and a person for several fields: no place is safe for another.
REFUSED = {
    "a field below the last field": b"**co2 emission**:\n - *emission*:\n*training time*:",
    "an underline below an item": b"Compute Region:\nCarbon Emitted:\n+ Hardware Typ:\n#n\nT\n=",
}


@pytest.mark.parametrize("name", CARDS)
def test_laws_hold(name: str) -> None:
    raw = CARDS[name]
    check_reading(raw)
    for content in (run_content(), other_content(), run_content(None), nothing_known(), run_content(kind="inference")):
        check_laws(raw, content)
    check_sequences(raw, run_content(), other_content(), nothing_known(), run_content(kind="inference"))


def test_the_first_lines_text_begins_after_a_byte_order_mark() -> None:
    for rest in (b"# T\nx\n", b"# T\r\nx", b"# T\rx", b"# T", b"```\nx", b""):
        plain, marked = scan(rest), scan(BOM + rest)
        assert [heading.text for heading in marked.headings] == [heading.text for heading in plain.headings]
        assert [marked.text(i) for i in range(len(marked.starts))] == [plain.text(i) for i in range(len(plain.starts))]
        assert marked.covered == plain.covered


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_that_would_read_on_into_the_next_line_is_refused(name: str) -> None:
    with pytest.raises(CardError, match="would read back as"):
        fill(read_card(REFUSED[name]), run_content())
