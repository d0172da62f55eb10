"""What Citus refuses of a statement, or carries out otherwise than PostgreSQL does, read in its analysed form.

Source: what a cluster of Citus 14 did with every statement of the program, and the checks of its planner
(multi_router_planner.c: ModifyPartialQuerySupported, MasterIrreducibleExpression). They hold for tables that Citus
knows: those of books, reference tables, and tables that stay behind with a foreign key to those ("Citus local").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from tests.store.node_tree import Node, walk

from tallystick.db import distribution

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_UPDATE: Final = 2
_INSERT: Final = 3
_DELETE: Final = 4
_SUBQUERY: Final = 1  # RTE_SUBQUERY
_CTE: Final = 6  # RTE_CTE
_MATERIALIZED: Final = "1"  # CTEMaterializeAlways
_ONE_VALUE: Final = "4"  # EXPR_SUBLINK: (SELECT …) as a value
_RECORD: Final = 2249  # the type of a row without a name
_FUNCTION: Final[Mapping[str, str]] = {
    "FUNCEXPR": "funcid",
    "OPEXPR": "opfuncid",
    "DISTINCTEXPR": "opfuncid",
    "NULLIFEXPR": "opfuncid",
    "SCALARARRAYOPEXPR": "opfuncid",
}


class Place(Enum):
    """Where the rows of a table are."""

    BOOKS = "with their books"
    EVERYWHERE = "on every machine"
    ATTACHED = "on the coordinator, with a foreign key to a table of which every machine has a copy"
    HERE = "on the coordinator, unknown to Citus"


@dataclass(frozen=True)
class Catalogue:
    """What the database knows of tables and functions, by their numbers."""

    places: Mapping[int, Place]
    volatility: Mapping[int, str]
    """Functions that are not immutable: stable or volatile."""
    of_types: Mapping[int, frozenset[int]]
    """Input and output functions of types."""
    names: Mapping[int, str]

    def is_managed(self, relid: int) -> bool:
        return self.places.get(relid, Place.HERE) is not Place.HERE


async def catalogue(connection: Connection) -> Catalogue:
    functions = await connection.fetch("SELECT oid, proname, provolatile::text AS kind FROM pg_proc")
    types = await connection.fetch("SELECT oid, typinput::oid AS read, typoutput::oid AS written FROM pg_type")
    numbers = await tables(connection)
    return Catalogue(
        {numbers[name]: place for name, place in (await places(connection)).items()},
        {row["oid"]: {"s": "stable", "v": "volatile"}[row["kind"]] for row in functions if row["kind"] != "i"},
        {row["oid"]: frozenset((row["read"], row["written"])) for row in types},
        {row["oid"]: row["proname"] for row in functions},
    )


async def tables(database: Database) -> dict[str, int]:
    """The tables of the schema, and their numbers."""
    rows = await database.fetch(
        "SELECT relname, oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return {row["relname"]: row["oid"] for row in rows}


async def places(database: Database) -> dict[str, Place]:
    """Where every table is. What hangs together with a reference table by foreign keys is attached."""
    books = set(await distribution.tables_of_books(database))
    everywhere = set(distribution.REFERENCE_TABLES)
    keys = await database.fetch(
        "SELECT conrelid::regclass::text AS one, confrelid::regclass::text AS other FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    attached: set[str] = set()
    while True:
        known = everywhere | attached
        found = {key[a] for key in keys for a, b in (("one", "other"), ("other", "one")) if key[b] in known}
        if found <= known:
            break
        attached |= found - everywhere
    return {name: _place(name, books, everywhere, attached) for name in await tables(database)}


def _place(name: str, books: set[str], everywhere: set[str], attached: set[str]) -> Place:
    if name in books:
        return Place.BOOKS
    if name in everywhere:
        return Place.EVERYWHERE
    return Place.ATTACHED if name in attached else Place.HERE


def refused(statement: Node, known: Catalogue) -> list[str]:
    """What of an analysed statement Citus would not carry out as PostgreSQL does; nothing if it has no table of it."""
    if not any(known.is_managed(relid) for relid in _tables(statement)):
        return []
    found: list[str] = []
    for query in walk(statement):
        if query.name == "QUERY":
            found += _records(query, statement)
            if query.number("commandType") in {_UPDATE, _INSERT, _DELETE}:
                found += _change(query, known)
    return list(dict.fromkeys(found))


def _tables(*nodes: Node | None) -> Iterator[int]:
    return (node.number("relid") for node in walk(*nodes) if node.name == "RANGETBLENTRY" and node.text("relid"))


def _change(query: Node, known: Catalogue) -> Iterator[str]:
    target = query.nodes("rtable")[query.number("resultRelation") - 1].number("relid")
    if not known.is_managed(target):
        yield from _looks_elsewhere(query, known)
        return
    conflict = query.node("onConflict")
    where = query.node("jointree")
    values = query.nodes("targetList") if query.number("commandType") == _UPDATE else []
    again = conflict.nodes("onConflictSet") if conflict is not None else []
    conditions = [where] if query.number("commandType") != _INSERT else []
    yield from _computed([*values, *again, *conditions], known)
    if conflict is not None:
        for node in walk(conflict.node("onConflictWhere"), conflict.node("arbiterWhere")):
            yield from (f"{name} in ON CONFLICT … WHERE" for name in _mutable(node, known))
    for node in walk(*query.nodes("returningList")):
        yield from (f"{name} in RETURNING" for name in _mutable(node, known))
    if known.places[target] is Place.EVERYWHERE and query.number("commandType") == _UPDATE:
        yield from (
            "an array's element by a column: the server crashes"
            for node in walk(*values)
            if node.name == "SUBSCRIPTINGREF"
            and any(inside.name == "VAR" for inside in walk(*node.nodes("refupperindexpr")))
        )


def _computed(nodes: list[Node | None], known: Catalogue) -> Iterator[str]:
    """Values and conditions of a change: what the coordinator computes once, it cannot compute for each row."""
    for node in walk(*nodes):
        inside = list(walk(node))
        if node.name in {"CASEEXPR", "COALESCEEXPR"}:
            names = sorted({name for one in inside for name in _mutable(one, known)})
            yield from (f"{name} within {node.name.removesuffix('EXPR')}" for name in names)
        elif any(one.name == "VAR" for one in inside):
            yield from (f"{name} of a column: stable" for name in _mutable(node, known, "stable"))
        yield from (f"{name}: volatile" for name in _mutable(node, known, "volatile"))


def _mutable(node: Node, known: Catalogue, kind: str = "") -> Iterator[str]:
    """The functions that a node itself calls and that are not immutable."""
    called: frozenset[int] = frozenset({node.number(_FUNCTION[node.name])} if node.name in _FUNCTION else ())
    if node.name == "COERCEVIAIO":
        argument = node.nodes("arg")[0]
        called = known.of_types[node.number("resulttype")] | known.of_types.get(_type_of(argument), frozenset())
    if node.name in {"SQLVALUEFUNCTION", "NEXTVALUEEXPR"} and kind != "volatile":
        yield node.name
    for number in sorted(called):
        if number in known.volatility and kind in {"", known.volatility[number]}:
            yield known.names[number]


def _type_of(node: Node) -> int:
    """The type of an expression, as far as its own node says it; 0 where it does not."""
    said = ("vartype", "paramtype", "consttype", "funcresulttype", "opresulttype", "resulttype")
    return next((node.number(field) for field in said if node.text(field)), 0)


def _looks_elsewhere(query: Node, known: Catalogue) -> Iterator[str]:
    """A table that Citus does not know is changed by a value from one that it knows: it looks for both there."""
    for node in walk(query):
        is_value = node.name == "SUBLINK" and node.text("subLinkType") == _ONE_VALUE
        if is_value and any(known.is_managed(relid) for relid in _tables(node.node("subselect"))):
            yield "= (SELECT …) of a table that is known to Citus, where one is changed that is not"


def _records(query: Node, statement: Node) -> Iterator[str]:
    """Whole rows of what has no type with a name: made on another machine, their columns are called f1, f2, …"""
    sources = query.nodes("rtable")
    for node in walk(*query.nodes("targetList"), query.node("jointree"), into_queries=False):
        if node.name == "VAR" and node.text("varattno") == "0" and node.number("vartype") == _RECORD:
            source = sources[node.number("varno") - 1]
            if source.number("rtekind") == _SUBQUERY or (
                source.number("rtekind") == _CTE and not _gathered(source.text("ctename"), statement)
            ):
                yield "a whole row of a query"


def _gathered(name: str, statement: Node) -> bool:
    return any(
        node.name == "COMMONTABLEEXPR"
        and node.text("ctename") == name
        and node.text("ctematerialized") == _MATERIALIZED
        for node in walk(statement)
    )
