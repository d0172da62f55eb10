"""The schema of the database: which migrations it has had, and giving it those that it lacks.

A migration is a plain SQL file `migrations/NNNN_name.sql`, never edited once released. The number of the last one that
a database has had is the only row of its table `alembic_version`. All that are lacking run in one transaction: all of
them or none (docs/decisions/016-migrations-are-plain-sql.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import asyncpg

from tallystick.db import privileges
from tallystick.db.named_checks import with_named_checks
from tallystick.db.sql_script import split_script

if TYPE_CHECKING:
    from tallystick.db.connections import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"
FILES: Final[Mapping[str, Path]] = {path.name[:4]: path for path in sorted(MIGRATIONS.glob("*.sql"))}
"""The files by their numbers, in order."""
OLDEST: Final = min(FILES)
LOCK: Final = 0x7A11_571C_0001
"""A number of our own among the advisory locks of the database: processes that migrate take turns by it."""

# The table of the library that ran migrations before: databases made then have it, and go on with it.
_CREATE_VERSION_TABLE: Final = (
    "CREATE TABLE alembic_version"
    " (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)

# Not to_regclass: after waiting for the process that makes the table, it would answer "none" from the cache of before.
_HAS_VERSION_TABLE: Final = (
    "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'alembic_version' AND pg_table_is_visible(oid))"
)

# What processes that know no migration from this one on would not understand: done in a new database, which they never
# open, and when it is said that none is left.
_UNDERSTOOD_SINCE: Final = "0054"
_FINISHING: Final = (
    "ALTER TABLE book ALTER COLUMN one_row_payments SET DEFAULT true",
    "UPDATE book SET one_row_payments = true WHERE NOT one_row_payments",
    "DROP INDEX IF EXISTS transaction_token",  # transaction_of_token has what is left of it
)
_OLDER_PROCESSES: Final = (
    "SELECT DISTINCT kind, process_id FROM pulse"
    " WHERE at > now() - interval '1 minute' AND coalesce(newest_migration, '') < $1"
)

_PATIENCE_MILLISECONDS: Final = 2_000
"""How long a change waits for a table: more than the second after which PostgreSQL has an autovacuum make way for it,
less than payments, which wait behind it, wait for a lock."""

_PAUSE_SECONDS: Final = 2.0
_TRIES: Final = 450
"""For half an hour."""

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_Made = TypeVar("_Made")


class MigrationError(Exception):
    """The schema cannot be brought up to date: a newer program made it, or our role may not change it."""


class EmptyDatabaseError(Exception):
    """The database has no schema, and was not to get one."""


async def migrate(dsn: str) -> list[str]:
    """Give the database the migrations that it lacks, oldest first, and the role for work its rights.

    Returns the numbers. Processes that call this at once take turns, and the later ones find nothing to do.
    Raises MigrationError: also where the database cannot hold all texts. asyncpg.PostgresError: nothing was changed.
    """
    try:
        return await _migrate(dsn)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(
            f"the database role may not change the schema ({error}); let TALLYSTICK_OWNER_DATABASE_URL name the one "
            "that owns it, or run as that one: tallystick migrate"
        ) from None


async def _migrate(dsn: str) -> list[str]:
    async with _connected(dsn) as connection:
        if not await _lacking(connection) and not await privileges.plan(connection):
            return []  # by far the most common case, and it waits for nobody
        return await _in_one_commit(connection, partial(_apply_what_is_lacking, connection))


async def _apply_what_is_lacking(connection: _Connection) -> list[str]:
    lacking = await _lacking(connection)
    for number in lacking:
        # One by one: of several in one message, Citus refuses those on a distributed table.
        for statement in statements_of(number):
            await connection.execute(statement)
    if lacking:
        await _note(connection, lacking[-1])
    if lacking and lacking[0] == OLDEST:
        await _finish(connection)
    for statement in await privileges.plan(connection):
        await connection.execute(statement)
    return lacking


async def _in_one_commit(connection: _Connection, change: Callable[[], Awaitable[_Made]]) -> _Made:
    """Change the schema while nobody else does: all of it or nothing. Raises MigrationError.

    A change of a table has to wait for whoever reads it, a proof or a dump for many minutes, and whoever comes to the
    table meanwhile waits behind the change: that would be every payment. So it gives up after a moment, lets them pass,
    and begins anew, until it meets nobody.
    """
    for _ in range(_TRIES):
        try:
            async with connection.transaction(isolation="read_committed"):
                # Held until the commit. Who waited here reads the version afterwards and finds the work done.
                await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                # Citus takes changes of several tables and types in one commit over one connection to each machine
                # only; to a server without it this is a name like any other.
                await connection.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
                await connection.execute(f"SET LOCAL lock_timeout TO '{_PATIENCE_MILLISECONDS}ms'")
                return await change()
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_PAUSE_SECONDS)
    raise MigrationError(
        "a table that has to change was in use whenever this was tried, for half an hour, by a dump perhaps: "
        "nothing was changed; run it again when that is done"
    )


async def finish(dsn: str) -> None:
    """Begin what processes of the release before would not understand; to be called when none is left.

    Doing it again changes nothing. Raises MigrationError: migrations are lacking, so that whatever runs is older, or a
    process of an earlier release was heard from. Commands have no heartbeat: of these it is believed.
    """
    async with _connected(dsn) as connection:
        await _in_one_commit(connection, partial(_finish_when_alone, connection))


async def _finish_when_alone(connection: _Connection) -> None:
    if await _lacking(connection):
        raise MigrationError("the database is behind: migrate it, and start every process anew before this")
    if older := [row["kind"] for row in await connection.fetch(_OLDER_PROCESSES, _UNDERSTOOD_SINCE)]:
        raise MigrationError(
            f"processes of an earlier release were heard from in the last minute ({', '.join(sorted(older))}): "
            "end them, wait a minute, and run this again"
        )
    await _finish(connection)


async def is_finished(database: Database) -> bool:
    """Whether nothing is kept as earlier releases need it any more: `finish`."""
    return bool(await database.fetchval("SELECT NOT EXISTS (SELECT FROM book WHERE NOT one_row_payments)"))


async def _finish(connection: _Connection) -> None:
    for statement in _FINISHING:
        await connection.execute(statement)


async def migrate_if_empty(dsn: str, *, create: bool = True) -> None:
    """Give an empty database its schema. Raises MigrationError: it has one, of an older version or of a newer one.

    EmptyDatabaseError: it has none, and is not to get one, where `create` is not set.
    """
    lacking = await pending(dsn)
    if lacking and lacking[0] == OLDEST:
        if not create:
            raise EmptyDatabaseError
        await migrate(dsn)
    elif lacking:
        raise MigrationError("the database is of an older version; stop what runs on it, then: tallystick migrate")


async def pending(dsn: str) -> list[str]:
    """The numbers of the migrations that the database lacks, oldest first; changes nothing.

    Raises MigrationError, asyncpg.PostgresError.
    """
    async with _connected(dsn) as connection:
        return await _lacking(connection)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[_Connection]:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "tallystick migrate"})
    try:
        yield connection
    finally:
        await connection.close()


async def _lacking(connection: _Connection) -> list[str]:
    if not await connection.fetchval(_HAS_VERSION_TABLE):
        if (encoding := await connection.fetchval("SHOW server_encoding")) != "UTF8":
            raise MigrationError(f"the database has the encoding {encoding}; create one with ENCODING 'UTF8'")
        return list(FILES)
    versions: list[str] = [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    unknown = ", ".join(sorted(set(versions) - set(FILES)))
    if unknown:
        raise MigrationError(
            f"the database was migrated by a newer version of Tallystick than this one (to {unknown}); "
            "install that version"
        )
    return [number for number in FILES if number > max(versions, default="")]


def statements_of(number: str) -> list[str]:
    """What is sent for a migration, one command at a time."""
    return [
        sent for statement in split_script(FILES[number].read_text("utf-8")) for sent in with_named_checks(statement)
    ]


async def _note(connection: _Connection, number: str) -> None:
    """Write down that this migration is the last that the database has had."""
    if not await connection.fetchval(_HAS_VERSION_TABLE):
        await connection.execute(_CREATE_VERSION_TABLE)
    if await connection.execute("UPDATE alembic_version SET version_num = $1", number) == "UPDATE 0":
        await connection.execute("INSERT INTO alembic_version VALUES ($1)", number)
