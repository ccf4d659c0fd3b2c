"""Rules on what a template left in a card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import short
from footprint.card.parts.document import plain
from footprint.card.read import Card
from footprint.model import Finding

# Variables of the templates that the Hub's own tools fill: a card that names one in braces was never rendered.
_VARIABLES: Final = frozenset(
    (
        "model_id", "model_name", "model_summary", "model_description", "developers", "funded_by", "shared_by", "model_type",
        "language", "license", "base_model", "repo", "paper", "demo", "direct_use", "downstream_use", "out_of_scope_use",
        "bias_risks_limitations", "bias_recommendations", "get_started_code", "training_data", "preprocessing", "training_regime",
        "speeds_sizes_times", "testing_data", "testing_factors", "testing_metrics", "results", "results_summary",
        "model_examination", "hardware_type", "hours_used", "cloud_provider", "cloud_region", "co2_emitted", "model_specs",
        "compute_infrastructure", "hardware_requirements", "hardware", "software", "citation_bibtex", "citation_apa", "glossary",
        "more_information", "model_card_authors", "model_card_contact", "card_data",
    )
)  # fmt: skip
# `{{ name }}`, `{{ name | default(…) }}`; blanks are bounded, so that a line of braces costs no more than its length.
_EXPRESSION: Final = re.compile(
    rb"\{\{-?[ \t]{0,9}([A-Za-z_]\w{0,60})(?:[ \t]{0,9}(\|[ \t]{0,9}default\b)[^{}\r\n]{0,400})?[ \t]{0,9}-?\}\}"
)
_CODE: Final = re.compile(rb"`[^`\r\n]{0,400}`")
_LINES_SHOWN: Final = 5


@rule("template-unrendered", "warning", "a template that was never rendered")
def template_unrendered(subject: Subject) -> Iterator[Finding]:
    """A value such as `{{ hours_used | default("[More Information Needed]", true) }}` is what a tool should have replaced.

    Names of the Hub's own templates count, and whatever has a `default`; code, which may show a prompt's template, does not.
    One finding a card: its first line, and how many there are.
    """
    found = list(_expressions(subject.card))
    if not found:
        return
    lines = list(dict.fromkeys(line for line, _ in found))
    listed = ", ".join(map(str, lines[:_LINES_SHOWN])) + (", …" if len(lines) > _LINES_SHOWN else "")
    where = f"lines {listed}" if len(lines) > 1 else f"line {listed}"
    yield Finding(
        code="template-unrendered",
        severity="warning",
        line=found[0][0],
        message=f"{len(found)} of a template's variables were never replaced ({where})",
        stated=short(found[0][1]),
        fix="put what is known in their place, or render the template again",
    )


def _expressions(card: Card) -> Iterator[tuple[int, str]]:
    """Line and text of each expression that is left, in the order of the card; the front matter is looked at as well."""
    document = card.document
    if b"{{" not in document.raw:
        return
    front = document.front_matter
    for index, line in enumerate(document.lines):
        in_front = front is not None and line.start < front.end
        end = line.end if in_front else line.shown
        if document.raw.find(b"{{", line.start, end) < 0:
            continue
        text = document.raw[line.start : end]
        text = text if in_front else _CODE.sub(lambda code: b" " * len(code[0]), text)
        for expression in _EXPRESSION.finditer(text):
            if expression[2] or plain(expression[1]) in _VARIABLES:
                yield card.source.number(index), plain(expression[0])
