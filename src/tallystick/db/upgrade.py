"""Alembic at work, for `tallystick.db.migrate`, which loads this only where there is something to do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from tallystick.db.migrate import MIGRATIONS, MigrationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

LOCK: Final = 0x7A11_571C_0001  # a number of our own among the advisory locks of the database


async def upgrade(dsn: str) -> list[str]:
    """Give the database the migrations that it lacks; return their numbers. Raises MigrationError and so on."""
    applied: list[str] = []
    async with _connect(dsn) as connection:
        await connection.run_sync(_upgrade, applied)
    return applied


async def lacking(dsn: str) -> list[str]:
    """The numbers of the migrations that the database lacks, oldest first. Raises MigrationError and so on."""
    async with _connect(dsn) as connection:
        return await connection.run_sync(_lacking)


@asynccontextmanager
async def _connect(dsn: str) -> AsyncIterator[AsyncConnection]:
    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(dsn, server_settings={"application_name": "tallystick migrate"})

    # asyncpg reads the address, so that every form it takes works here too (sockets, several hosts, TLS).
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        driver = error.orig.__cause__ if error.orig is not None else None
        if isinstance(driver, asyncpg.PostgresError):
            raise driver from None  # in PostgreSQL's own words, without the whole statement
        raise
    finally:
        await engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # Alembic interpolates
    return config


def _upgrade(connection: Connection, applied: list[str]) -> None:
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["applied"] = applied
    try:
        with connection.begin():
            # Held until the commit, and taken before Alembic, whose context is one for the whole process. Who waited
            # here reads the version table afterwards and finds the work done.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            # Citus takes changes of several tables and types in one commit over one connection to each machine only; to
            # a server without it this is a name like any other.
            connection.exec_driver_sql("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
            command.upgrade(config, "head")
    except CommandError as error:
        raise MigrationError(_newer(error)) from error


def _lacking(connection: Connection) -> list[str]:
    scripts = ScriptDirectory.from_config(_config())
    present = MigrationContext.configure(connection).get_current_heads()
    try:
        lacking = [script.revision for script in scripts.iterate_revisions("head", present or "base")]
    except RevisionError as error:
        raise MigrationError(_newer(error)) from error
    return lacking[::-1]


def _newer(error: Exception) -> str:
    return f"the database was migrated by a newer version of Tallystick than this one ({error}); install that version"
