"""One database over several machines, by Citus: each book lives on one of them, all of it together.

What follows was written from the documentation of Citus 12 and 13, from its issues, and from what a cluster of Citus 14
did. Only the plan and the refusals are tested on every run: docs/scaling.md says what that leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from tallystick.db.connections import Connection, Database, Pool
from tallystick.db.database import LOCK_TIMEOUT_MS, PAUSE_TIMEOUT_MS
from tallystick.db.privileges import WORK
from tallystick.db.statements import load_statements

_SQL: Final = load_statements("distribution.sql", __package__)

REFERENCE_TABLES: Final = ("party", "book", "payment_method", "access_key")
"""Read together with the tables of books, written rarely: every machine has a copy.

All other tables without a book_id stay on the coordinator: nothing joins them with a book.
"""

SESSIONS: Final[Mapping[str, str]] = {
    "idle_in_transaction_session_timeout": f"{PAUSE_TIMEOUT_MS}ms",
    "lc_messages": "C",
    "lock_timeout": f"{LOCK_TIMEOUT_MS}ms",
}
"""What sessions on the other machines have to have. The service sets it for its own sessions, and Citus opens those
there without it: only what belongs to the role gets there. In other languages than that of "C", duplicates.py would not
know what it is told."""

_OF_THE_COORDINATOR: Final = frozenset({"host", "port", "target_session_attrs"})
"""Parts of its address that say which machine it is."""

_FIRST: Final = "account"
"""The table with which the other tables of books are co-located."""


class NoClusterError(Exception):
    """The server cannot distribute anything; the message tells what is missing."""


class Node(NamedTuple):
    """A machine of the cluster, by the address at which the others reach it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of the plan, and what it is for."""

    purpose: str
    statement: str


async def extension_available(database: Database) -> bool:
    """Whether the server has Citus to offer to its databases."""
    return bool(await database.fetchval(_SQL["extension_available"]))


async def tables_of_books(database: Database) -> list[str]:
    """The tables that are distributed, by name."""
    return [row["relname"] for row in await database.fetch(_SQL["tables_of_books"])]


async def obstacles(database: Database) -> list[str]:
    """What of the schema Citus would refuse, or could only serve slowly: nothing, in a released version."""
    rows = await database.fetch(_SQL["obstacles"], await tables_of_books(database), [*REFERENCE_TABLES])
    return [row[0] for row in rows]


async def plan(database: Database) -> list[Step]:
    """What `distribute` would do, in its order; nothing where all is done already. Each step is one command.

    What sessions there have to have goes first, then tables move. Foreign keys are taken off for that and put back at
    the end: with them in place Citus cannot turn a table with an identity column into a reference table, nor distribute
    a table that others refer to. Row types are made anew: Citus copies to the other machines only types that are made
    after its installation. The room that a table took here is given back when it has moved; never that of a reference
    table, of which this machine has a copy, and from which the command would reach other tables.
    """
    return [*await _settings(database), *await _moves(database)]


async def _settings(database: Database) -> list[Step]:
    rows = await database.fetch(_SQL["lacking_settings"], WORK, [*SESSIONS], [*SESSIONS.values()])
    return [Step(f"sessions of {row['role']} on every machine", row["statement"]) for row in rows]


async def _moves(database: Database) -> list[Step]:
    books = await tables_of_books(database)
    placed = await _placed(database)
    moving = [name for name in (*REFERENCE_TABLES, *books) if name not in placed]
    if not moving:
        return []
    keys = await database.fetch(
        _SQL["foreign_keys"],
        [name for name in books if name in moving],
        [name for name in REFERENCE_TABLES if name in moving],
    )
    types = [] if _FIRST in placed else await database.fetch(_SQL["types"])
    first = [] if _FIRST in placed else [_FIRST]
    beside = [name for name in books if name in moving and name != _FIRST]
    return [
        *(
            step
            for row in types
            for step in (
                Step(f"{row['name']} anew", f"DROP TYPE {row['name']}"),
                Step(f"{row['name']} on every machine", f"CREATE TYPE {row['name']} AS ({row['columns']})"),
            )
        ),
        *(
            Step(f"take off {row['owner']}'s foreign key", f"ALTER TABLE {row['owner']} DROP CONSTRAINT {row['name']}")
            for row in keys
        ),
        *(
            Step(f"a copy of {name} on every machine", f"SELECT create_reference_table('{name}')")
            for name in REFERENCE_TABLES
            if name in moving
        ),
        *(
            Step(f"{name} by book", f"SELECT create_distributed_table('{name}', 'book_id', colocate_with => 'none')")
            for name in first
        ),
        *(
            Step(
                f"{name} by book, beside {_FIRST}",
                f"SELECT create_distributed_table('{name}', 'book_id', colocate_with => '{_FIRST}')",
            )
            for name in beside
        ),
        *(
            Step(
                f"give back the room that {name} took here",
                f"SELECT truncate_local_data_after_distributing_table('{name}')",
            )
            for name in (*first, *beside)
        ),
        *(
            Step(
                f"put back {row['owner']}'s foreign key",
                f"ALTER TABLE {row['owner']} ADD CONSTRAINT {row['name']} {row['definition']}",
            )
            for row in keys
        ),
    ]


async def distribute(pool: Pool) -> list[Step]:
    """Carry the plan out; what moves in one transaction: all of it or nothing. What the tables hold moves with them.

    What is done already is left alone, so run it again after a new version that brings new tables.
    Raises NoClusterError, asyncpg.PostgresError.
    """
    if not await extension_available(pool):
        raise NoClusterError(
            "this PostgreSQL server has no Citus extension: install it, name it in shared_preload_libraries,"
            " start the server again"
        )
    async with pool.acquire() as connection:
        try:
            await connection.execute(_SQL["create_extension"])
        except asyncpg.PostgresError as error:
            raise NoClusterError(f"the Citus extension cannot be switched on in this database: {error}") from error
        await _check_coordinator(connection)
        settings = await _settings(connection)
        for step in settings:
            await connection.execute(step.statement)
        async with connection.transaction():
            await take_one_connection(connection)
            moves = await _moves(connection)
            for step in moves:
                await connection.execute(step.statement)
    return [*settings, *moves]


async def take_one_connection(connection: Connection) -> None:
    """Have Citus take one connection to each machine for all of this transaction: to be called at its beginning.

    Without it, what several books were changed by is not seen by a change of a reference table, which is refused then.
    To a server without Citus this is a setting without a meaning.
    """
    await connection.execute(_SQL["one_connection"])


async def nodes_of(database: Database, book_ids: Sequence[int]) -> dict[int, Node]:
    """The machine on which each of some books is."""
    rows = await database.fetch(_SQL["nodes_of_books"], book_ids)
    return {row["book_id"]: Node(row["host"], row["port"]) for row in rows}


def address_of(dsn: str, node: Node) -> str:
    """The address of a machine's database: that of the coordinator's `dsn`, with another host and port."""
    parts = urlsplit(dsn)
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{node.host}]" if ":" in node.host else node.host
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _OF_THE_COORDINATOR]
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{node.port}", query=urlencode(kept)))


async def rebalance(database: Database) -> None:
    """Begin to move shards until every machine has its part; books stay usable; it goes on in the background.

    Raises NoClusterError, asyncpg.PostgresError: such as a rebalance that is under way already.
    """
    if not await is_distributed(database):
        raise NoClusterError("nothing is distributed yet; run: tallystick db distribute")
    await database.execute(_SQL["rebalance"])


async def _check_coordinator(connection: Connection) -> None:
    """Tables that stay behind refer to reference tables, so the coordinator must be one of the machines with a copy."""
    nodes = await connection.fetch(_SQL["nodes"])
    if nodes and not any(node["coordinator"] for node in nodes):
        raise NoClusterError(
            "the coordinator is no member of its own cluster yet; run once:"
            " SELECT citus_set_coordinator_host('its name for the other machines')"
        )


async def _placed(database: Database) -> set[str]:
    if not await _has_extension(database):
        return set()
    return {row["name"] for row in await database.fetch(_SQL["placed"])}


async def is_distributed(database: Database) -> bool:
    """Whether the tables of books are spread over the machines of a cluster."""
    return _FIRST in await _placed(database)


async def _has_extension(database: Database) -> bool:
    return bool(await database.fetchval(_SQL["has_extension"]))
