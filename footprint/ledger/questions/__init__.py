"""The questions, one SQL file each: DuckDB's words, which PostgreSQL and Spark are given in their own.

A file is one SELECT, or a building block: common table expressions. Its first lines name the building blocks that stand before
it: `-- after: clocks, union`. In braces stand what a question is asked with: `{keys}` and its like. Values are escaped literals,
and keys are checked against what there is, so that no name of a run, a label or a user becomes SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from footprint.errors import ConfigError, unknown_choice
from footprint.model import Attribution

KEYS: Final = (
    "account", "name", "project", "team", "user", "model", "hardware", "provider", "region", "zone", "month", "outcome", "kind",
    "host", "component",
)  # fmt: skip
"""What can be grouped by, besides `label:KEY`; `component` is a device's, all others a run's."""
_DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LENGTHS_US: Final = {"hour": 3_600_000_000, "day": _DAY_US}
BUCKETS: Final = ("hour", "day", "month")
LABEL: Final = "label:"
DAY: Final = "@day"
"""The day of a run's start, counted from 1970: for reports, which name it."""

_HERE: Final = Path(__file__).parent
_AFTER: Final = re.compile(r"^-- after: (.+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"^--.*\n", re.MULTILINE)
_PLACE: Final = re.compile(r"\{([a-z_]+)(?::([^{}]+))?\}")
_WITH: Final = re.compile(r"WITH\s+(RECURSIVE\s+)?")
_STEP: Final = re.compile(r"^([a-z_0-9]+) AS \($\n(.*?)^\)", re.MULTILINE | re.DOTALL)
_SET: Final = re.compile(r"!?\]?[^\]]*\]")
_ASKED: Final[dict[str, Any]] = {
    "by": (), "since_us": None, "until_us": None, "where": None, "named": None, "attribution": "share", "up": True,
}  # fmt: skip
_LABEL_KEY: Final = re.compile(r"[A-Za-z0-9_.:/@ -]{1,200}")


class Words(str):
    """SQL of our own making that a question is asked with as it stands: no name of anything is in it but as a literal."""

    __slots__ = ()


def question(
    name: str,
    *,
    by: Sequence[str] = (),
    since_us: int | None = None,
    until_us: int | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    attribution: Attribution = "share",
    named: str | None = None,
    bucket: str = "day",
    up: bool = True,
    **more: str | float,
) -> str:
    """One question as SQL in DuckDB's words, ready to run.

    Args:
        name: the file in this folder, without its ending.
        by: what the rows are grouped by: names of `KEYS`, or `label:KEY`; their columns are `key_1`, `key_2` …, null where it
            is not known.
        since_us: only runs that started then or later, microseconds since 1970 UTC.
        until_us: only runs that started before then.
        where: only runs whose key (of `KEYS` or `label:KEY`) has one of these values.
        attribution: `share`: a device that a run never held is none of its; `machine`: all that it read counts.
        named: only runs whose name is like this pattern of SQL, in which ^ takes a sign for itself (see `like_of`).
        bucket: of time, one of `BUCKETS`.
        up: of a lineage, what came before; else what came after.
        more: what else the question asks for in braces; text becomes a literal, `Words` stay.

    Raises:
        ConfigError: if there is no such key.
    """
    given = _given(
        by=by, since_us=since_us, until_us=until_us, where=where, named=named, attribution=attribution, up=up, more=more
    )
    return _filled(_assembled(name), given, bucket)


def steps(name: str, **asked: Any) -> tuple[dict[str, str], str]:
    """A question in steps, for an engine that keeps what it found: the building blocks by their names, and what is asked of them.

    Args:
        name: the file in this folder, without its ending.
        asked: see `question`.

    Raises:
        ConfigError: if there is no such key.
    """
    # Cut before anything is put in: a value may look like the end of a block.
    blocks: list[str] = []
    last = _gathered(name, blocks)
    bucket = asked.pop("bucket", "day")
    stated = {key: asked.pop(key) for key in tuple(asked) if key in _ASKED}
    given = _given(**{**_ASKED, **stated}, more=asked)
    parts = {part[1]: part[2] for block in blocks for part in _STEP.finditer(f"{block}\n")}
    return {part: _filled(text, given, bucket) for part, text in parts.items()}, _filled(last, given, bucket)


def _given(
    *,
    by: Sequence[str],
    since_us: int | None,
    until_us: int | None,
    where: Mapping[str, Sequence[str]] | None,
    named: str | None,
    attribution: Attribution,
    up: bool,
    more: Mapping[str, str | float],
) -> dict[str, str]:
    """What stands in the places of a question."""
    expressions = [key_expression(key) for key in by]
    return {
        "keys": _listed(f"{expression} AS key_{i}" for i, expression in enumerate(expressions, 1)),
        "key_names": _listed(f"key_{i}" for i in range(1, len(by) + 1)),
        "group": f"GROUP BY {', '.join(f'key_{i}' for i in range(1, len(by) + 1))}" if by else "",
        "order": f"ORDER BY {', '.join(f'key_{i} NULLS LAST' for i in range(1, len(by) + 1))}" if by else "",
        "order_after": "".join(f", key_{i} NULLS LAST" for i in range(1, len(by) + 1)),
        "next": "l.elder_kind, l.elder" if up else "l.kind, l.name",
        "link": "l.kind = m.kind AND l.name = m.name" if up else "l.elder_kind = m.kind AND l.elder = m.name",
        "component": "component, " if "component" in by else "",
        "component_group": ", component" if "component" in by else "",
        "chosen": _chosen(since_us, until_us, where or {}, named),
        "held": "d.held_ratio IS NULL OR d.held_ratio <> 0" if attribution == "share" else "TRUE",
        # Where footprints are summed, what is in no sum takes nothing from what is.
        "taking": f"r.factor_key NOT IN ({literal(more['unknown'])})" if "unknown" in more else "TRUE",
        # What an accelerator draws at its lowest is what it draws while it idles.
        "seen": "TRUE",
        **{key: value if isinstance(value, Words) else literal(value) for key, value in more.items()},
    }


def _filled(text: str, given: Mapping[str, str], bucket: str) -> str:
    """A text with what stands in its places, in one pass: a name may hold braces, too."""
    return _PLACE.sub(lambda place: given[place[1]] if place[2] is None else _in_time(place[1], place[2], bucket), text)


def like_of(glob: str) -> str:
    """A glob as a pattern of SQL's LIKE with ^ before what is no sign of it; a set (`[a-z]`) becomes any one sign."""
    found, rest = "", glob
    while rest:
        one, rest = rest[0], rest[1:]
        if one == "[" and (end := _SET.match(rest)):
            found, rest = f"{found}_", rest[end.end() :]
        else:
            found += {"*": "%", "?": "_"}.get(one) or (f"^{one}" if one in "%_^" else one)
    return found


def key_expression(key: str, runs: str = "r", devices: str = "p") -> str:
    """The SQL expression of a key: of the runs by the name `r`, or the devices `d`.

    Raises:
        ConfigError: if there is none of that name, with the nearest that there is.
    """
    if key.startswith(LABEL):
        label = key.removeprefix(LABEL)
        if not _LABEL_KEY.fullmatch(label):
            raise ConfigError(f"{key!r} is no label that a ledger can be asked by: letters, digits, spaces and _.:/@- only")
        path = literal(f'$."{label}"')
        return f"json_extract_string({runs}.labels, {path})"
    if key == "component":
        return f"{devices}.component"
    if key == DAY:
        return f"CAST({runs}.started_us // {_DAY_US} AS VARCHAR)"
    if key not in {*KEYS, "id"}:
        raise unknown_choice("key", key, (*KEYS, f"{LABEL}KEY"))
    return f'{runs}."{key}"'


def literal(value: str | float | None) -> str:
    """A value as a literal that all three engines read alike; NUL, which PostgreSQL's text cannot hold, is nothing's name."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + value.replace("\0", "\ufffd").replace("'", "''") + "'"


def _chosen(since_us: int | None, until_us: int | None, where: Mapping[str, Sequence[str]], named: str | None) -> str:
    conditions = []
    if named is not None:
        conditions.append(f"r.name LIKE {literal(named)} ESCAPE '^'")
    if since_us is not None:
        conditions.append(f"r.started_us >= {int(since_us)}")
    if until_us is not None:
        conditions.append(f"r.started_us < {int(until_us)}")
    for key, values in where.items():
        if not values:
            conditions.append("FALSE")
            continue
        if key == "component":
            raise ConfigError("runs have no component: ask by it, and take its row")
        if key == "day":
            begins = [day for value in values if (day := _day_us(value)) is not None]
            days = " OR ".join(f"(r.started_us >= {begin} AND r.started_us < {begin + _DAY_US})" for begin in begins)
            conditions.append(f"({days or 'FALSE'})")
            continue
        expression = key_expression(key)
        # Nothing is what a run states that does not say.
        expression = f"COALESCE({expression}, '')" if "" in values else expression
        conditions.append(f"{expression} IN ({', '.join(map(literal, values))})")
    return " AND ".join(conditions) or "TRUE"


def _day_us(stated: str) -> int | None:
    """The begin of a day like 2026-11-03, microseconds since 1970 UTC; None of what is none."""
    try:
        return (date.fromisoformat(stated).toordinal() - _EPOCH) * _DAY_US
    except ValueError:
        return None


def _in_time(what: str, expression: str, bucket: str) -> str:
    """The number of the bucket that a time lies in (`bucket`), or the begin of the bucket of a number (`edge`), both in UTC.

    The calendar is counted from March on, so that the leap day is the last of a year (H. Hinnant, chrono-compatible low-level
    date algorithms); engines have each their own functions of dates, but whole numbers in common.
    """
    if bucket in _LENGTHS_US:
        length_us = _LENGTHS_US[bucket]
        return f"(({expression}) // {length_us})" if what == "bucket" else f"(({expression}) * {length_us})"
    if bucket not in BUCKETS:
        raise unknown_choice("bucket", bucket, BUCKETS)
    if what == "edge":
        year, month = f"(({expression}) // 12)", f"(({expression}) % 12)"
        days = f"(365 * {year} + {year} // 4 - {year} // 100 + {year} // 400 + (153 * {month} + 2) // 5 - 719468)"
        return f"({days} * {_DAY_US})"
    # Of a day: four times it and three, its century, and the same of its day in the century, of which each stands in few places:
    # an engine works out an expression as often as it is written.
    of_days = f"(4 * (({expression}) // {_DAY_US} + 719468) + 3)"
    in_century = f"({of_days} % 146097 // 4 * 4 + 3)"
    return f"(1200 * ({of_days} // 146097) + 12 * ({in_century} // 1461) + (5 * ({in_century} % 1461 // 4) + 2) // 153)"


def _listed(parts: Iterable[str]) -> str:
    """Parts of a list of columns, each with a comma after it, so that none at all is right, too."""
    return "".join(f"{part}, " for part in parts)


@cache
def _assembled(name: str) -> str:
    """A question after its building blocks."""
    blocks: list[str] = []
    text = _gathered(name, blocks)
    if not blocks:
        return text
    own = _WITH.match(text)
    recursive = own[1] or "" if own else ""
    return f"WITH {recursive}{', '.join(blocks)}{', ' if own else ' '}{text[own.end() :] if own else text}"


def _gathered(name: str, blocks: list[str]) -> str:
    whole = (_HERE / f"{name}.sql").read_text(encoding="utf-8")
    for after in _AFTER.findall(whole):
        for block in map(str.strip, after.split(",")):
            text = _gathered(block, blocks)
            if text not in blocks:
                blocks.append(text)
    return _COMMENT.sub("", whole).strip().rstrip(";,")
