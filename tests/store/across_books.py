"""Reads a statement over several books as Citus's planner does: what of it the planner would refuse.

Source: Citus, "SQL Support and Workarounds", and its planner's own checks for subqueries. A statement that names one
book runs as it is on that book's machine (pinned.py). Any other runs on all machines at once, or in parts that are
gathered on the coordinator.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import sqlglot
from sqlglot import exp
from tests.store.pinned import KEY, conditions_of, unpinned

BLOCKS = (exp.Select, exp.Update, exp.Delete)


class Route(Enum):
    """Where a statement runs."""

    HERE = "on the coordinator, or on any machine: it names no table of books"
    ROUTER = "on the machine of the one book that it names"
    PARALLEL = "on all machines at once, or in such parts"


class Kind(Enum):
    """Where the rows of something that a query reads are."""

    BOOKS = "with their books"
    EVERYWHERE = "the same on every machine: reference tables, functions, gathered results"
    HERE = "on the coordinator"


@dataclass(frozen=True)
class Schema:
    """Which tables are where."""

    of_books: Collection[str]
    everywhere: Collection[str]


@dataclass
class _Reader:
    schema: Schema
    tree: exp.Expr
    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ctes: Mapping[str, exp.CTE] = {cte.alias: cte for cte in self.tree.find_all(exp.CTE)}
        names = [table.name for table in self.tree.find_all(exp.Table)]
        self.gathered = {
            name for name, cte in self.ctes.items() if cte.args.get("materialized") or names.count(name) > 1
        }

    def read(self) -> list[str]:
        if any(self.tree.find_all(exp.Lock)):
            self.found.append("FOR UPDATE")
        if any(with_.args.get("recursive") for with_ in self.tree.find_all(exp.With)):
            self.found.append("WITH RECURSIVE")
        if isinstance(self.tree, exp.Update | exp.Delete) and any(
            table.name in self.schema.everywhere for table in self.tree.find_all(exp.Table)
        ):
            self.found.append("rows of several books changed by what reference tables say")
        for block in self.tree.find_all(*BLOCKS):
            self._read(block)
        return self.found

    def _read(self, block: exp.Expr) -> None:
        sources = dict(self._sources(block))
        kinds = {alias: self._kind(source) for alias, source in sources.items()}
        books = [alias for alias, kind in kinds.items() if kind is Kind.BOOKS]
        if books and Kind.HERE in kinds.values():
            self.found.append(f"{self._where(block)}: tables of books beside tables that stay behind")
        self._check_joins(block, kinds)
        together = _together(
            block, [alias for alias, source in sources.items() if self._is_table(source, kinds[alias])]
        )
        if len({together[alias] for alias in books}) > 1:
            self.found.append(f"{self._where(block)}: {', '.join(books)} are not joined by {KEY}")
        if books and any(column.find(exp.Select) for column in block.expressions):
            self.found.append(f"{self._where(block)}: a query among the columns")
        outer = self._asked_by(block, sources)
        if outer is not None and books:
            self._check_correlated(block, books, outer)

    def _check_joins(self, block: exp.Expr, kinds: Mapping[str, Kind]) -> None:
        before = [kinds[alias] for alias in self._first(block)]
        for join in block.args.get("joins") or ():
            kind = kinds[join.this.alias_or_name]
            full, left = join.side == "FULL", join.side == "LEFT"
            others_everywhere = all(one is Kind.EVERYWHERE for one in before)
            if left and kind is Kind.BOOKS and others_everywhere:
                self.found.append(f"{self._where(block)}: {join.this.alias_or_name} at the inner side of a LEFT JOIN")
            if full and (kind is Kind.BOOKS) == others_everywhere:
                self.found.append(f"{self._where(block)}: FULL JOIN of unlike sides")
            before.append(kind)

    def _check_correlated(self, block: exp.Expr, books: list[str], outer: exp.Expr) -> None:
        """A correlated subquery must stay with its row's book."""
        where = self._where(block)
        if block.args.get("limit") or block.args.get("offset"):
            self.found.append(f"{where}: LIMIT for each row of another query")
        if not block.args.get("group") and any(_own(block, exp.AggFunc)):
            self.found.append(f"{where}: an aggregate for each row of another query")
        asking = [alias for alias, one in self._sources(outer) if self._kind(one) is Kind.BOOKS]
        pairs = {frozenset(_keys(one)) for one in conditions_of(block)}
        if not any(frozenset((mine, theirs)) in pairs for mine in books for theirs in asking):
            self.found.append(f"{where}: asked for each row of another query, but not by its {KEY}")

    def _sources(self, block: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
        target = block.args.get("this") if isinstance(block, exp.Update | exp.Delete) else None
        first = block.args.get("from_") or block.args.get("from")
        parts = [target, first.this if first is not None else None, *(block.args.get("using") or ())]
        parts += [join.this for join in block.args.get("joins") or ()]
        for part in parts:
            if part is not None:
                yield part.alias_or_name, part
                for join in part.args.get("joins") or ():
                    yield join.this.alias_or_name, join.this

    def _first(self, block: exp.Expr) -> list[str]:
        joined = {join.this.alias_or_name for join in block.args.get("joins") or ()}
        return [alias for alias, _ in self._sources(block) if alias not in joined]

    def _kind(self, source: exp.Expr) -> Kind:
        if isinstance(source, exp.Table) and source.name:
            if source.name in self.ctes:
                body = self.ctes[source.name].this
                return Kind.EVERYWHERE if source.name in self.gathered else self._kind_of_query(body)
            if source.name in self.schema.of_books:
                return Kind.BOOKS
            return Kind.EVERYWHERE if source.name in self.schema.everywhere else Kind.HERE
        if isinstance(source, exp.Lateral | exp.Subquery) and isinstance(source.this, exp.Query):
            return self._kind_of_query(source.this)
        return Kind.EVERYWHERE  # a function, or values

    def _is_table(self, source: exp.Expr, kind: Kind) -> bool:
        """Whether a source can tie others together by its key: books, or a reference table; nothing gathered."""
        return kind is Kind.BOOKS or (isinstance(source, exp.Table) and source.name in self.schema.everywhere)

    def _kind_of_query(self, query: exp.Expr) -> Kind:
        """With the books, if it returns each row's book and every machine can answer for its own; else gathered.

        What a FULL JOIN returns as its key is a new value, of either side: the planner does not see that it is the key.
        """
        if isinstance(query, exp.Subquery):
            return self._kind_of_query(query.this)
        if isinstance(query, exp.Union):
            sides = {self._kind_of_query(query.left), self._kind_of_query(query.right)}
            return Kind.BOOKS if sides == {Kind.BOOKS} and not query.args.get("limit") else Kind.EVERYWHERE
        if not isinstance(query, exp.Select):
            return Kind.EVERYWHERE  # EXCEPT and the like
        kinds = {self._kind(source) for _, source in self._sources(query)}
        if Kind.BOOKS not in kinds or query.args.get("limit") or query.args.get("offset"):
            return Kind.EVERYWHERE
        if any(join.side == "FULL" for join in query.args.get("joins") or ()):
            return Kind.EVERYWHERE
        group = query.args.get("group")
        keyed = any(_is_key(one) for one in query.expressions)
        if group is not None:
            keyed = keyed and any(_is_key(one) for one in group.expressions)
        return Kind.BOOKS if keyed else Kind.EVERYWHERE

    def _asked_by(self, block: exp.Expr, sources: Mapping[str, exp.Expr]) -> exp.Expr | None:
        """The query around this one, if this one names columns of it."""
        outer = block.find_ancestor(*BLOCKS)
        if outer is None or block.find_ancestor(exp.CTE) is not outer.find_ancestor(exp.CTE):
            return None
        around = {alias for alias, _ in self._sources(outer)} - sources.keys()
        return outer if any(column.table in around for column in block.find_all(exp.Column)) else None

    def _where(self, block: exp.Expr) -> str:
        cte = block.find_ancestor(exp.CTE)
        return "at the end" if cte is None else f"in {cte.alias}"


def route(sql: str, schema: Schema) -> tuple[Route, list[str]]:
    """Where a statement runs, and what of it would be refused there. Raises sqlglot.ParseError."""
    tree = sqlglot.parse_one(sql, dialect="postgres")
    made = {cte.alias for cte in tree.find_all(exp.CTE)}
    if not ({table.name for table in tree.find_all(exp.Table)} - made) & set(schema.of_books):
        return Route.HERE, []
    if not unpinned(sql, schema.of_books):
        return Route.ROUTER, []
    return Route.PARALLEL, _Reader(schema, tree).read()


def _together(block: exp.Expr, aliases: list[str]) -> dict[str, str]:
    """For each source, one name that it shares with all that are of the same book."""
    names = {alias: alias for alias in aliases}

    def join(one: str, other: str) -> None:
        if one in names and other in names:
            gone = names[one]
            names.update({alias: names[other] for alias, name in names.items() if name == gone})

    for condition in conditions_of(block):
        sides = _keys(condition)
        if len(sides) == 2:
            join(*sides)
    joins = block.args.get("joins") or []
    for number, one in enumerate(joins):
        if any(column.name == KEY for column in one.args.get("using") or ()):
            for alias in aliases[: aliases.index(one.this.alias_or_name)] if one.this.alias_or_name in aliases else ():
                join(one.this.alias_or_name, alias)
                if number == 0:
                    break
    return names


def _keys(condition: exp.Expr) -> list[str]:
    """The sources whose keys an equation names."""
    if not isinstance(condition, exp.EQ):
        return []
    return [side.table for side in (condition.left, condition.right) if _is_key(side) and isinstance(side, exp.Column)]


def _is_key(one: exp.Expr) -> bool:
    return one.alias_or_name == KEY or one.is_star


def _own(block: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """What stands in the query itself, not in one inside it."""
    return (one for one in block.find_all(kind) if one.find_ancestor(*BLOCKS) is block)
