"""Reads a statement as Citus's router does: which tables are not restricted to the one book that it names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import sqlglot
from sqlglot import exp

KEY = "book_id"
BOOK = "$1"


class _Equal:
    """Which columns and values a query says are equal: a union-find; what is equal has one root."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, name: str) -> str:
        parent = self._parents.setdefault(name, name)
        return name if parent == name else self.root(parent)

    def join(self, one: str, other: str) -> None:
        self._parents[self.root(one)] = self.root(other)


def tables_of(sql: str) -> set[str]:
    """The tables that a statement names, without those that it makes itself (WITH)."""
    tree = sqlglot.parse_one(sql, dialect="postgres")
    made = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table) if table.name} - made


def unpinned(sql: str, distributed: Collection[str], owners: Collection[str] = ("book",)) -> list[str]:
    """The distributed tables of a statement that it does not hold to book $1, each place of each query on its own.

    Pinned is what is equal to $1 by conditions that are all true at once: AND, JOIN … ON, USING. What a LEFT JOIN says
    holds for the side that may be missing, never for the other one. `owners` are reference tables with the key in
    them, by which a pin may pass. Inserts give $1 as the key. Raises sqlglot.ParseError.
    """
    tree = sqlglot.parse_one(sql, dialect="postgres")
    if not isinstance(tree, exp.Query | exp.Insert | exp.Update | exp.Delete):
        return [tree.key.upper()]
    made = {cte.alias for cte in tree.find_all(exp.CTE)}
    found = [f"WITH {name} hides a table" for name in sorted(made & set(distributed))]
    for query in tree.find_all(exp.Select, exp.Update, exp.Delete, exp.Insert):
        if isinstance(query, exp.Insert):
            found += _unpinned_insert(query, distributed)
        else:
            found += _unpinned_query(query, set(distributed) - made, owners)
    return found


def _unpinned_insert(insert: exp.Insert, distributed: Collection[str]) -> list[str]:
    schema = insert.this
    table = schema.find(exp.Table)
    if table is None or table.name not in distributed:
        return []
    columns = [column.name for column in schema.expressions] if isinstance(schema, exp.Schema) else []
    source = insert.expression
    if KEY in columns and isinstance(source, exp.Select):
        given = source.expressions[columns.index(KEY)]  # nothing before it is a star: the key leads every table
        if columns.index(KEY) == 0 and given.sql("postgres") == BOOK:
            return []
    return [f"INSERT INTO {table.name}"]


def _unpinned_query(query: exp.Expr, distributed: Collection[str], owners: Collection[str]) -> list[str]:
    equal = _Equal()
    sources = {table.alias_or_name: table.name for table in _own_tables(query)}
    keyed = [alias for alias, name in sources.items() if name in distributed or name in owners]
    joins = list(_own_joins(query))
    outer = [join for join in joins if join.side]
    for one, other in _equations(_always_true(query, [join for join in joins if not join.side]), keyed):
        equal.join(one, other)
    for join in joins:
        if not join.side and (before := _merged_with(join, keyed)):
            equal.join(before, join.this.alias_or_name)
    for join in outer:
        joined = join.this.alias_or_name
        if join.side == "LEFT" and any(
            equal.root(other) == equal.root(BOOK) for other in _said_of(joined, join, keyed)
        ):
            equal.join(joined, BOOK)
    return [
        f"{name} AS {alias}"
        for alias, name in sources.items()
        if name in distributed and equal.root(alias) != equal.root(BOOK)
    ]


def _said_of(joined: str, join: exp.Join, keyed: list[str]) -> Iterator[str]:
    """The columns that the key of a joined table equals, where there is a row of it."""
    for one, other in _equations(_all_of(join.args["on"]) if join.args.get("on") is not None else (), keyed):
        if joined in {one, other}:
            yield other if one == joined else one
    if before := _merged_with(join, keyed):
        yield before


def _merged_with(join: exp.Join, keyed: list[str]) -> str | None:
    """A source before this one, whose key is one column with this one's: JOIN … USING."""
    joined = join.this.alias_or_name
    using = any(column.name == KEY for column in join.args.get("using") or ())
    return keyed[0] if using and joined in keyed[1:] else None


def _equations(conditions: Iterable[exp.Expr], keyed: list[str]) -> Iterator[tuple[str, str]]:
    """Which keys, or $1, conditions say are equal."""
    for condition in conditions:
        if isinstance(condition, exp.EQ):
            one, other = (_side(side, keyed) for side in (condition.left, condition.right))
            if one is not None and other is not None:
                yield one, other


def _side(side: exp.Expr, keyed: list[str]) -> str | None:
    """A side of an equation: $1, or the source whose key it is; None for everything else."""
    if isinstance(side, exp.Parameter) and side.sql("postgres") == BOOK:
        return BOOK
    if isinstance(side, exp.Column) and side.name == KEY:
        if side.table:
            return side.table
        return keyed[0] if len(keyed) == 1 else None
    return None


def _own_tables(query: exp.Expr) -> Iterator[exp.Table]:
    for part in _parts(query):
        for table in part.find_all(exp.Table):
            if table.name and table.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert) is query:
                yield table


def _own_joins(query: exp.Expr) -> Iterator[exp.Join]:
    for join in query.find_all(exp.Join):
        if join.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert) is query:
            yield join


def conditions_of(query: exp.Expr) -> Iterator[exp.Expr]:
    """What must all be true of a query's rows: WHERE and ON, without those of queries inside it."""
    yield from _always_true(query, _own_joins(query))


def _always_true(query: exp.Expr, joins: Iterable[exp.Join]) -> Iterator[exp.Expr]:
    """Its WHERE, and the ON of these joins."""
    where = query.args.get("where")
    if where is not None:
        yield from _all_of(where.this)
    for join in joins:
        if join.args.get("on") is not None:
            yield from _all_of(join.args["on"])


def _all_of(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that must all hold: an OR is one of them, and says nothing of its parts."""
    if isinstance(condition, exp.And):
        yield from _all_of(condition.left)
        yield from _all_of(condition.right)
    elif isinstance(condition, exp.Paren):
        yield from _all_of(condition.this)
    else:
        yield condition


def _parts(query: exp.Expr) -> Iterator[exp.Expr]:
    """Where a query names its tables: target, FROM, USING and joins, not its WITH."""
    for name, value in query.args.items():
        if name not in {"with_", "with"}:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, exp.Expr):
                    yield part
