"""The questions, one SQL file each: DuckDB's words, which PostgreSQL and Spark are given in their own.

A file is one SELECT, or a building block: common table expressions. Its first lines name the building blocks that stand before
it: `-- after: clocks, union`. In braces stand what a question is asked with: `{keys}` and its like. Values are escaped literals,
and keys are checked against what there is, so that no name of a run, a label or a user becomes SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from footprint.errors import ConfigError, unknown_choice
from footprint.model import Attribution

KEYS: Final = (
    "account", "name", "project", "team", "user", "model", "hardware", "provider", "region", "zone", "month", "outcome", "kind",
    "host", "component",
)  # fmt: skip
"""What can be grouped by, besides `label:KEY`; `component` is a device's, all others a run's."""
_DAY_US: Final = 86_400_000_000
_LENGTHS_US: Final = {"hour": 3_600_000_000, "day": _DAY_US}
BUCKETS: Final = ("hour", "day", "month")
LABEL: Final = "label:"

_HERE: Final = Path(__file__).parent
_AFTER: Final = re.compile(r"^-- after: (.+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"^--.*\n", re.MULTILINE)
_PLACE: Final = re.compile(r"\{([a-z_]+)(?::([^{}]+))?\}")
_WITH: Final = re.compile(r"WITH\s+(RECURSIVE\s+)?")
_LABEL_KEY: Final = re.compile(r"[A-Za-z0-9_.:/@ -]{1,200}")


def question(
    name: str,
    *,
    by: Sequence[str] = (),
    since_us: int | None = None,
    until_us: int | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    attribution: Attribution = "share",
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
        bucket: of time, one of `BUCKETS`.
        up: of a lineage, what came before; else what came after.
        more: what else the question asks for in braces; text becomes a literal.

    Raises:
        ConfigError: if there is no such key.
    """
    expressions = [key_expression(key) for key in by]
    given = {
        "keys": _listed(f"{expression} AS key_{i}" for i, expression in enumerate(expressions, 1)),
        "key_names": _listed(f"key_{i}" for i in range(1, len(by) + 1)),
        "group": f"GROUP BY {', '.join(f'key_{i}' for i in range(1, len(by) + 1))}" if by else "",
        "order": f"ORDER BY {', '.join(f'key_{i} NULLS LAST' for i in range(1, len(by) + 1))}" if by else "",
        "order_after": "".join(f", key_{i} NULLS LAST" for i in range(1, len(by) + 1)),
        "next": "l.elder_kind, l.elder" if up else "l.kind, l.name",
        "link": "l.kind = m.kind AND l.name = m.name" if up else "l.elder_kind = m.kind AND l.elder = m.name",
        "component": "component, " if "component" in by else "",
        "component_group": ", component" if "component" in by else "",
        "chosen": _chosen(since_us, until_us, where or {}),
        "held": "d.held_ratio IS NULL OR d.held_ratio <> 0" if attribution == "share" else "TRUE",
        # Where footprints are summed, what is in no sum takes nothing from what is.
        "taking": f"r.factor_key NOT IN ({literal(more['unknown'])})" if "unknown" in more else "TRUE",
        **{key: literal(value) for key, value in more.items()},
    }
    # In one pass: a name may hold braces, too.
    return _PLACE.sub(
        lambda place: given[place[1]] if place[2] is None else _in_time(place[1], place[2], bucket), _assembled(name)
    )


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


def _chosen(since_us: int | None, until_us: int | None, where: Mapping[str, Sequence[str]]) -> str:
    conditions = []
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
        conditions.append(f"{key_expression(key)} IN ({', '.join(map(literal, values))})")
    return " AND ".join(conditions) or "TRUE"


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
    day = f"(({expression}) // {_DAY_US} + 719468)"
    of_era = f"({day} % 146097)"
    year_of_era = f"(({of_era} - {of_era} // 1460 + {of_era} // 36524 - {of_era} // 146096) // 365)"
    of_year = f"({of_era} - 365 * {year_of_era} - {year_of_era} // 4 + {year_of_era} // 100)"
    return f"(12 * (400 * ({day} // 146097) + {year_of_era}) + (5 * {of_year} + 2) // 153)"


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
