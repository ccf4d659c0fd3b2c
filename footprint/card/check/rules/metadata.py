"""Rules on the front matter's `co2_eq_emissions`."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.card.check.registry import Subject, rule
from footprint.model import Finding


@rule("front-matter-unseen", "error", "front matter that the Hub does not see")
def front_matter_unseen(subject: Subject) -> Iterator[Finding]:
    """The Hub reads front matter only between two lines of three dashes at the very beginning of the file.

    With a space after the opening dashes, or in a code fence, it reads none of it: licence, tags and emissions are lost.
    """
    if subject.card.document.unseen_front_matter:
        yield Finding(
            code="front-matter-unseen",
            severity="error",
            line=1,
            message="the Hub does not see this front matter",
            fix="begin the file with a line of exactly three dashes",
        )
