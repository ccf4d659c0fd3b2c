"""What every page of ours is built with: templates, data that is inert, and a policy that forbids the network.

Names are hostile until proven otherwise. jinja2 escapes whatever stands in the page; JSON is written so that no `<`, `>`, `&`
or line separator is left in it, so that nothing in it can end its script element; scripts run only by their SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import jinja2
import msgspec
from markupsafe import Markup

from footprint import text
from footprint.report import words
from footprint.report.figures import GRADE_COLOURS

MARKER: Final = '<meta name="generator" content="footprint">'
"""What a page of ours is known by: see `is_ours`."""

LIMIT_BYTES: Final = 5_200_000
WARNINGS: Final = 30
_HEAD_BYTES: Final = 2_000
_DIGITS: Final = 5
_STRING: Final = 200
# What HTML reads, what ends a line of a script, and what turns text around for whoever looks at the source.
_UNSAFE: Final = {
    char: f"\\u{ord(char):04x}"
    for char in "<>&\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
}


def is_ours(head: bytes) -> bool:
    """Whether a file that begins so is a page of ours, and may be replaced by a newer one."""
    return MARKER.encode() in head[:_HEAD_BYTES]


def safe_json(value: Any) -> Markup:
    """JSON that may stand in a script element whatever its strings contain."""
    encoded = msgspec.json.encode(value).decode()
    # JSON has these only within strings, where an escape means the same.
    for char, escape in _UNSAFE.items():
        encoded = encoded.replace(char, escape)
    return Markup(encoded)  # noqa: S704 - nothing that HTML reads is left in it


def _code(phrase: str) -> Markup:
    """A phrase of ours whose `backticked` words are code."""
    pieces = phrase.split("`")
    return Markup().join(Markup("<code>{}</code>").format(one) if index % 2 else one for index, one in enumerate(pieces))


def policy(*scripts: str) -> str:
    """The content security policy: nothing from anywhere, these scripts, and the styles that plotly sets on its elements."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def short(value: Any) -> Any:
    """The same data with five significant digits and names cut: what is embedded is for reading, and a page has a size."""
    if isinstance(value, str):
        return value if len(value) <= _STRING else value[: _STRING - 1] + "…"
    if isinstance(value, float):
        return text.significant(value, _DIGITS)
    if isinstance(value, Mapping):
        return {short(key): short(one) for key, one in value.items()}
    return [short(one) for one in value] if isinstance(value, list | tuple) else value


@cache
def plotly() -> str:
    """plotly.js as the plotly package ships it (MIT); its licence is in its first lines."""
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def asset(name: str) -> str:
    """A template, style or script of ours, as it stands."""
    return resources.files("footprint.report.html").joinpath("templates", name).read_text(encoding="utf-8")


def _template(name: str) -> str:
    """A template without its indentation, which would be a tenth of a page of many runs."""
    return "\n".join(line.strip() for line in asset(name).splitlines())


@cache
def environment() -> jinja2.Environment:
    """What templates are rendered with: names are escaped, and a name that a template does not know is an error."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"words": words, "text": text, "shown_warnings": WARNINGS, "grade_colours": GRADE_COLOURS}
    made.filters |= {"clean": text.clean, "code": _code}
    return made
