"""A statement as PostgreSQL's own analysis leaves it, which is what an extension's planner is handed.

The text of a statement does not tell which function an operator or a cast is. PostgreSQL keeps the analysed form of a
function's body, and shows it: `pg_proc.prosqlbody`, written by its outfuncs.c as `{NAME :field value …}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import uuid4

if TYPE_CHECKING:
    from tallystick.db.connections import Connection

_TOKEN: Final = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+")

Value: TypeAlias = "Node | str | list[Value]"


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its name, and its fields, each with all that stands after it."""

    name: str
    fields: dict[str, list[Value]]

    def node(self, field: str) -> Node | None:
        """The node in a field; None where there is none."""
        return next((value for value in self.fields.get(field, ()) if isinstance(value, Node)), None)

    def nodes(self, field: str) -> list[Node]:
        """The nodes in a field that holds a list."""
        return [value for value in _flat(self.fields.get(field, [])) if isinstance(value, Node)]

    def text(self, field: str) -> str:
        """The plain value of a field; "" where there is none."""
        return next((value for value in self.fields.get(field, ()) if isinstance(value, str)), "")

    def number(self, field: str) -> int:
        """The number in a field; 0 where there is none."""
        return int(self.text(field) or 0)


def _flat(values: list[Value]) -> Iterator[Node | str]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def children(node: Node) -> Iterator[Node]:
    for field in node.fields:
        yield from node.nodes(field)


def walk(*nodes: Node | None, into_queries: bool = True) -> Iterator[Node]:
    """Nodes with all that is in them; where not `into_queries`, a query inside is named and not entered."""
    for node in nodes:
        if node is None:
            continue
        yield node
        if into_queries or node.name != "QUERY":
            yield from walk(*children(node), into_queries=into_queries)


def parse(text: str) -> list[Node]:
    """The nodes of a text at its outermost level. Raises IndexError, KeyError: it is none of outfuncs.c's."""
    tokens = _TOKEN.findall(text)[::-1]
    values: list[Value] = []
    while tokens:
        values.append(_value(tokens))
    return [node for node in _flat(values) if isinstance(node, Node)]


def _value(tokens: list[str]) -> Value:
    token = tokens.pop()
    if token == "(":
        values: list[Value] = []
        while tokens[-1] != ")":
            values.append(_value(tokens))
        tokens.pop()
        return values
    if token != "{":
        return token
    node = Node(tokens.pop(), {})
    field: list[Value] = []
    while tokens[-1] != "}":
        if tokens[-1].startswith(":"):
            field = node.fields.setdefault(tokens.pop()[1:], [])
        else:
            field.append(_value(tokens))
    tokens.pop()
    return node


async def analysed(connection: Connection, statement: str) -> Node:
    """The query of a statement, after analysis. Within a transaction that is rolled back: it leaves a function.

    Raises asyncpg.PostgresError: it is none of SELECT, INSERT, UPDATE, DELETE.
    """
    prepared = await connection.prepare(statement)
    types = ", ".join(
        f"{parameter.schema}.{parameter.name}" if parameter.kind != "array" else parameter.name
        for parameter in prepared.get_parameters()
    )
    name = f"analysed_{uuid4().hex}"
    await connection.execute(f"CREATE FUNCTION pg_temp.{name}({types}) RETURNS void BEGIN ATOMIC {statement}\n; END")
    body = await connection.fetchval("SELECT prosqlbody FROM pg_proc WHERE proname = $1", name)
    return parse(body)[0]
