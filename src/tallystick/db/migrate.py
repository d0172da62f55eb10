"""The schema of the database: which migrations it has had, and giving it those that it lacks.

A migration is a plain SQL file in `migrations/versions/` with a small Python file beside it that names it and its
predecessor; neither is edited once released. All that are lacking run in one transaction: all of them or none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import asyncpg

MIGRATIONS: Final = Path(__file__).parent / "migrations"
NEWEST: Final = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("*.sql"))
"""The number of the last migration, with which the names of its files begin."""
OLDEST: Final = "0001"


class MigrationError(Exception):
    """The schema cannot be brought up to date: it was made by a newer version of the program than this one."""


async def migrate(dsn: str) -> list[str]:
    """Give the database the migrations that it lacks, oldest first; return their numbers.

    Processes that call this at once take turns, and the later ones find nothing to do. Within one process, migrate one
    database after the other.
    Raises MigrationError: also where the database cannot hold all texts. asyncpg.PostgresError: nothing was changed.
    """
    if await _is_current(dsn):
        return []
    from tallystick.db.upgrade import upgrade  # noqa: PLC0415 - Alembic is half of what a start has to load

    return await upgrade(dsn)


async def migrate_if_empty(dsn: str) -> None:
    """Give an empty database its schema. Raises MigrationError: it has one, of an older version or of a newer one."""
    lacking = await pending(dsn)
    if lacking and lacking[0] == OLDEST:
        await migrate(dsn)
    elif lacking:
        raise MigrationError("the database is of an older version; stop what runs on it, then: tallystick migrate")


async def pending(dsn: str) -> list[str]:
    """The numbers of the migrations that the database lacks, oldest first; changes nothing.

    Raises MigrationError, asyncpg.PostgresError.
    """
    if await _is_current(dsn):
        return []
    from tallystick.db.upgrade import lacking  # noqa: PLC0415 - as above

    return await lacking(dsn)


async def _is_current(dsn: str) -> bool:
    """Whether the last migration was the last one that the database had: by far the most common case."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "tallystick migrate"})
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            if (encoding := await connection.fetchval("SHOW server_encoding")) != "UTF8":
                raise MigrationError(f"the database has the encoding {encoding}; create one with ENCODING 'UTF8'")
            return False
        return [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")] == [NEWEST]
    finally:
        await connection.close()
