"""A question in Spark's words, step by step.

Spark writes a common table expression anew wherever it is used: a question of thirty, each used twice, is never planned to the
end. So each becomes a view, made once; one that reads itself becomes what it begins with, and what follows from new rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from footprint.errors import ConfigError

if TYPE_CHECKING:
    from sqlglot import exp

_PREFIX: Final = "footprint_step_"


class Step(NamedTuple):
    """A view to be made.

    Attributes:
        name: of the view.
        sql: its SELECT; of a step that reads itself, what it begins with.
        is_kept: whether several others use it.
        again: what follows from the rows that `name` has, to be asked for as long as there are new ones; None: it does not
            read itself.
    """

    name: str
    sql: str
    is_kept: bool
    again: str | None = None


class Plan(NamedTuple):
    """Steps in their order, and the last SELECT."""

    steps: list[Step]
    last: str


def plan_of(sql: str) -> Plan:
    """A question in DuckDB's words as steps in Spark's.

    Raises:
        ConfigError: if sqlglot is not installed.
    """
    try:
        from sqlglot import exp, parse_one
    except ModuleNotFoundError:
        raise ConfigError('a ledger on Spark needs sqlglot: pip install "footprint[spark]"') from None
    tree = parse_one(sql, read="duckdb")
    clause = tree.args.get("with_") or tree.args.get("with")
    if clause is None:
        return Plan([], str(tree.sql(dialect="spark")))
    uses = dict.fromkeys((one.alias for one in clause.expressions), 0)
    for table in tree.find_all(exp.Table):
        if table.name in uses and not table.db:
            # A step that reads itself is asked for over and over, and so is what it reads.
            uses[table.name] += 2 if clause.args.get("recursive") else 1
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(f"{_PREFIX}{table.name}"))
    clause.pop()
    steps = [_step(one, is_kept=uses[one.alias] > 1) for one in clause.expressions]
    return Plan(steps, str(tree.sql(dialect="spark")))


def _step(one: exp.CTE, *, is_kept: bool) -> Step:
    from sqlglot import exp

    name = f"{_PREFIX}{one.alias}"
    parts = _parts(one.this)
    again = [part for part in parts if any(table.name == name for table in part.find_all(exp.Table))]
    if not again:
        return Step(name, str(one.this.sql(dialect="spark")), is_kept)
    first, follow = (
        " UNION ALL ".join(str(part.sql(dialect="spark")) for part in some)
        for some in ([part for part in parts if part not in again], again)
    )
    return Step(name, first, is_kept, follow)


def _parts(query: exp.Query) -> list[exp.Query]:
    """The SELECTs of a union."""
    from sqlglot import exp

    return [*_parts(query.left), *_parts(query.right)] if isinstance(query, exp.Union) else [query]
