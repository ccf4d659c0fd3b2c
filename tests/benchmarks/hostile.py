"""Cards that were made to hurt a reader: large, deep, or of what makes a careless expression go back and forth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple


class Hostile(NamedTuple):
    """A card of any size, the size at which it is tried, and whether it is to be refused in a second."""

    card: Callable[[int], bytes]
    size: int
    is_refused: bool = False


_SECTION: Final = b"## Environmental Impact\n\n- **Hours used:** TBD\n- **Carbon Emitted:** TBD\n"
_TABLE: Final = b"## Environmental Impact\n\n| a | b |\n|---|---|\n"


def _front(inside: bytes) -> bytes:
    return b"---\n" + inside + b"\n---\n# T\n\n" + _SECTION


def _bomb(size: int) -> bytes:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, size)]
    return _front(b"\n".join(lines))


def _merge_bomb(size: int) -> bytes:
    lines = [b"a0: &a0 {x: 1}"]
    lines += [b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, size)]
    return _front(b"\n".join(lines))


def _groups(size: int) -> bytes:
    lines = b"".join(b"- **Hours used:** %d\n- **Carbon Emitted:** TBD\n\n" % n for n in range(size))
    return b"# T\n\n## Environmental Impact\n\n" + lines


HOSTILE: Final[dict[str, Hostile]] = {
    "front matter of 1.3 MB": Hostile(lambda n: _front(b"\n".join(b"key_%d: value %d" % (k, k) for k in range(n))), 62_000, True),
    "an alias bomb": Hostile(_bomb, 40, True),
    "a bomb of merge keys": Hostile(_merge_bomb, 40, True),
    "quoted entries": Hostile(lambda n: _front(b"\n".join(b'k_%d: "v %d"' % (k, k) for k in range(n))), 28_000),
    "aliases without end": Hostile(lambda n: _front(b"a: &x 1\n" + b"\n".join(b"b%d: *x" % k for k in range(n))), 28_000),
    "questions in brackets": Hostile(lambda n: _front(b"w:\n" + b'- "[what %d?]"\n' % 1 * n), 28_000),
    "lists nested 3,000 deep": Hostile(lambda n: _front(b"x: " + b"[" * n + b"]" * n), 3_000, True),
    "mappings nested 3,000 deep": Hostile(lambda n: _front(b"x: " + b"{a: " * n + b"}" * n), 3_000, True),
    "blocks nested 3,000 deep": Hostile(lambda n: _front(b"\n".join(b" " * k + b"a:" for k in range(n))), 3_000, True),
    "a long scalar": Hostile(lambda n: _front(b"x: '" + b"a''" * n + b"'"), 160_000),
    "front matter that never closes": Hostile(lambda n: b"---\n" + b"a: b\n" * n, 240_000),
    "front matter of dashes": Hostile(lambda n: b"---\n" + b"--\n" * n + b"# T", 200_000),
    "one line": Hostile(lambda n: b"# T\n" + b"**a" * n, 1_600_000),
    "a line of colons": Hostile(lambda n: b"# T\n" + b"**Hours:" * n, 600_000),
    "a line of brackets": Hostile(lambda n: b"# T\n" + b"[" * n + b"](" * n, 1_600_000),
    "a line of table cells": Hostile(lambda n: b"| a | b |\n|---|---|\n" + b"|x" * n, 2_400_000),
    "rows of a table": Hostile(lambda n: _TABLE + b"| Hours used | TBD |\n" * n, 200_000),
    "columns of a table": Hostile(
        lambda n: b"## Environmental Impact\n\n" + b"|a" * n + b"|\n" + b"|-" * n + b"|\n" + b"|5" * n, 800_000
    ),
    "HTML tables that open": Hostile(lambda n: b"## Environmental Impact\n\n" + b"<table><tr><td>" * n, 300_000),
    "lines of HTML tables that open": Hostile(lambda n: b"## Environmental Impact\n\n" + b"<table>\n<tr><td>\n" * n, 120_000),
    "tags that open": Hostile(lambda n: b"# T\n" + b"<a href='" * n, 500_000),
    "comments that open": Hostile(lambda n: b"<!-- a\n" * n, 240_000),
    "comments that open and close": Hostile(lambda n: b"<!-- a -->\n" * n, 240_000),
    "fences": Hostile(lambda n: b"```\n" * n, 240_000),
    "fences, each longer": Hostile(lambda n: b"".join(b"`" * (3 + k) + b"\n" for k in range(n)), 3_000),
    "headings": Hostile(lambda n: b"## Environmental Impact\n" * n, 200_000),
    "headings, each deeper": Hostile(lambda n: b"# Carbon\n## Environmental Impact\n### Hours\n" * n, 70_000),
    "underlined headings": Hostile(lambda n: b"Environmental Impact\n---\n" * n, 110_000),
    "groups of fields": Hostile(_groups, 60_000),
    "named groups of fields": Hostile(
        lambda n: b"## Environmental Impact\n" + b"### M\n- Hours used: 1\n- GPU Type: 2\n" * n, 70_000
    ),
    "nested quotes": Hostile(lambda n: (b"> " * 2_000 + b"- **Hours used:** 1\n") * n, 1_000),
    "nested lists": Hostile(
        lambda n: b"## Environmental Impact\n" + b"".join(b" " * k + b"- Hours: 1\n" for k in range(n)), 2_500
    ),
    "list items that go on": Hostile(
        lambda n: b"## Environmental Impact\n\n- **Hours used:** TBD\n" + b"  and more\n" * n, 230_000
    ),
    "blank lines": Hostile(lambda n: b"# T\n" + b"\n" * n + _SECTION, 240_000),
    "blanks in a line": Hostile(lambda n: b"# T\n- **Hours used:**" + b" " * n + b"x", 4_900_000),
    "hours and hardware": Hostile(lambda n: b"# T\n" + b"Trained on 8 A100 GPUs for 5 hours and 3.2 kWh, 5 kg CO2. " * n, 80_000),
    "lines of hours and hardware": Hostile(lambda n: b"# T\n" + b"Trained on 8 A100 GPUs for 5 hours: 5 kg CO2.\n\n" * n, 80_000),
    "digits": Hostile(lambda n: b"# T\ntrained for " + b"1" * n + b" hours on " + b"1," * n + b" GPUs", 1_500_000),
    "dots": Hostile(lambda n: b"# T\n" + b"a. " * n, 1_600_000),
    "blocks of ours that open": Hostile(lambda n: b"<!-- footprint:begin schema=1 -->\n" * n, 140_000),
    "blocks of ours": Hostile(lambda n: b"<!-- footprint:begin schema=1 -->\n<!-- footprint:end -->\n" * n, 70_000),
    "lone carriage returns": Hostile(lambda n: b"# T\n" + b"a\r" * n + _SECTION, 200_000),
    "a diff": Hostile(lambda n: b"@@ -1,1 +1,9 @@\n" + b"+ - **Hours used:** TBD\n" * n, 200_000),
    "pipes": Hostile(lambda n: b"|\n" * n, 240_000),
    "a page's bullets": Hostile(lambda n: b"Environmental Impact\n" + "• Hours used: 5\n".encode() * n, 200_000),
    "keys that are lists": Hostile(lambda n: _front(b"co2_eq_emissions:\n" + b"- emissions: 5\n" * n), 30_000),
}
