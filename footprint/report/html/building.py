"""What every page of ours is built with: templates, data that is inert, and a policy that forbids the network.

Names are hostile until proven otherwise. jinja2 escapes whatever stands in the page; JSON is written so that no `<`, `>`, `&`
or line separator is left in it, so that nothing in it can end its script element; scripts run only by their SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import jinja2
import msgspec
from markupsafe import Markup

from footprint import text
from footprint.report import lines, words
from footprint.report.figures import GRADE_COLOURS
from footprint.report.figures.bars import PALETTE, FigureData
from footprint.report.html import plotly_js
from footprint.report.html.compiled import Compiled
from footprint.report.html.plotly_js import Assets

MARKER: Final = '<meta name="generator" content="footprint">'
"""What a page of ours is known by: see `is_ours`."""

LIMIT_BYTES: Final = 5_200_000
WARNINGS: Final = 30
_HEAD_BYTES: Final = 2_000
_DIGITS: Final = 5
_STRING: Final = 200
# Of every page: its theme, its figures, its tables.
_SCRIPTS: Final = ("theme.js", "figures.js", "tables.js")
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


def _sentence(phrase: str) -> str:
    """A phrase as the beginning of a sentence; jinja's own `capitalize` makes a litre of an `L` an `l`."""
    return phrase[:1].upper() + phrase[1:]


def policy(*scripts: str, allowed: str = "") -> str:
    """The content security policy: nothing from anywhere, these scripts, and the styles that plotly sets on its elements.

    Args:
        scripts: the texts of the scripts that may run.
        allowed: the one address from which a script may come, if any may.
    """
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts]
    return (
        f"default-src 'none'; script-src {' '.join([*hashes, allowed]).rstrip()}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
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


def shell(
    drawings: Mapping[str, FigureData],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    assets: Assets = "inline",
) -> dict[str, Any]:
    """What `base.html.j2` needs of a page, whatever stands in it: its figures, its scripts and its styles.

    Args:
        drawings: by the id of a `.plot` element (or by its `data-drawing`) what is drawn in it, in light colours: a page turns
            those into dark ones by `bars.PALETTE`.
        styles: files of the templates' folder, after `base.css`.
        scripts: files of the templates' folder, after the common ones; all are one script and see each other's names.
        assets: where plotly.js is: `inline` packed in the page, `cdn` at its publisher's, `folder` beside the page.
    """
    script = '(() => {\n"use strict";\n' + "\n".join(asset(name) for name in (*_SCRIPTS, *scripts)) + "})();\n"
    place = {"inline": "", "cdn": plotly_js.address, "folder": plotly_js.file_name}[assets]
    needed = bool(drawings)
    allowed = (plotly_js.address() if assets == "cdn" else "'self'" if assets == "folder" else "") if needed else ""
    known = (script, plotly_js.source()) if needed and assets == "inline" else (script,)
    return {
        "style": Markup("\n".join(asset(name) for name in ("base.css", *styles))),  # noqa: S704 - our own files
        "script": Markup(script),  # noqa: S704 - our own files
        "policy": policy(*known, allowed=allowed),
        "drawings": safe_json({"palette": PALETTE, "figures": thin(drawings)}),
        "plotly_packed": Markup(plotly_js.packed()) if needed and assets == "inline" else "",  # noqa: S704 - base64
        "plotly_at": place() if needed and callable(place) else "",
        "plotly_integrity": plotly_js.integrity() if needed and assets == "cdn" else "",
        "marker": Markup(MARKER),  # noqa: S704 - our own
    }


def page(template: str, shell: Mapping[str, Any], **values: Any) -> str:
    """A page: a template that extends `base.html.j2`, with what `shell` made and values of its own."""
    return environment().get_template(template).render(**shell, **values)


def thin(value: Any) -> Any:
    """The same figures with numbers of five significant digits, which is a tenth of a pixel, and names as they are."""
    if isinstance(value, float):
        return text.significant(value, _DIGITS)
    if isinstance(value, Mapping):
        return {key: thin(one) for key, one in value.items()}
    return [thin(one) for one in value] if isinstance(value, list | tuple) else value


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
        bytecode_cache=Compiled("escaped, strict, blocks trimmed and stripped"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"words": words, "lines": lines, "text": text, "shown_warnings": WARNINGS, "grade_colours": GRADE_COLOURS}
    made.filters |= {"clean": text.clean, "code": _code, "sentence": _sentence, "quoted": shlex.quote}
    return made
