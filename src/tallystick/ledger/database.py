"""Connections to PostgreSQL, and transactions that are run again when the database asks for it."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tallystick.ledger.connections import Connection, Pool

STATEMENT_CACHE_SIZE: Final = 512  # prepared statements that a connection keeps: all of ours, several times over
CONNECT_TIMEOUT_SECONDS: Final = 30
DEFAULT_PORT: Final = 5432
LOCK_TIMEOUT_MS: Final = 5_000  # much longer than any commit of ours holds a row
ATTEMPTS: Final = 8
FIRST_PAUSE_SECONDS: Final = 0.005  # doubled with each attempt, and spread so that rivals do not meet again
JSONB_VERSION: Final = b"\x01"  # the one version of jsonb's binary form there is

# Of several transactions that met, this one had to give way: nothing of it happened, and it may simply be run again.
GAVE_WAY: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)

_PLANNING: Final = "; ".join(
    f"SET {way} = off" for way in ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit")
)
"""For statements that find a few rows by their keys, from arrays: the one plan that is always good, also where a table
is still so small that another seems as good. It changes rows in the order of an array or an index, and in no other."""

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


class NoDatabaseError(Exception):
    """The configured database cannot be used; the message tells where it should be, and what is in the way."""


async def check_reachable(dsn: str) -> None:
    """Connect once, so that what is in the way is said in words. Raises NoDatabaseError; its text has no password."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS)
        await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer in time"
        raise NoDatabaseError(f"the database{_place(dsn)} cannot be used: {reason}") from None


def _place(dsn: str) -> str:
    """Where a URL of a database leads, in words, without who we are there."""
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        return ""
    return f" at {host}:{port}" if host else ""


async def open_pool(
    dsn: str,
    *,
    max_size: int,
    application_name: str = "tallystick",
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    plan_once: bool = False,
) -> Pool:
    """Open up to `max_size` connections to `dsn` (TCP or socket), the first of them now.

    A statement waits `lock_timeout_ms` for rows that somebody else holds, then it fails with LockNotAvailableError.
    `plan_once`: for few statements that run very often: each is planned once for all its arguments. The server would
    plan those that take arrays anew each time, which costs more than to carry them out. Not on Citus.
    Sessions speak UTC; `jsonb` columns are Python values by way of msgspec.
    Raises OSError, asyncpg.PostgresError: the server is not there, or does not let us in.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_SECONDS,
        statement_cache_size=STATEMENT_CACHE_SIZE,
        init=_prepare_to_plan_once if plan_once else prepare_connection,
        reset=_nothing_to_reset,
        server_settings={
            "application_name": application_name,
            "timezone": "UTC",
            "lock_timeout": str(lock_timeout_ms),
        },
    )


async def prepare_connection(connection: Connection) -> None:
    """Teach a new connection to read and write `jsonb` as Python values."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


async def plan_statements_once(connection: Connection) -> None:
    """Have each statement of a connection planned once for all arguments, except where Citus plans them.

    Citus finds the machine of a book while it plans, by the book's number: it has no plan for all books, and a session
    that insists on one is refused ("could not create distributed plan"). Left alone, it plans anew by itself.
    """
    await connection.execute(_PLANNING)
    await connection.execute(
        "SELECT set_config('plan_cache_mode', 'force_generic_plan', false)"
        " WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
    )


async def _prepare_to_plan_once(connection: Connection) -> None:
    await prepare_connection(connection)
    await plan_statements_once(connection)


async def _nothing_to_reset(_connection: Connection) -> None:
    """Leave the session as it is: nobody changes its settings or leaves a lock in it.

    The four statements of the pool's own reset, in a round trip after each use, would find nothing to do. The driver
    still rolls back a transaction that was left open.
    """


async def in_transaction(
    pool: Pool, work: Callable[[Connection], Awaitable[Answer]], *, attempts: int = ATTEMPTS
) -> Answer:
    """Run `work` in one transaction and commit it; run it again when it met another one and had to give way.

    `work` may run several times, so it changes nothing but the database. Its exceptions roll back and go through.
    Raises asyncpg.SerializationError, asyncpg.DeadlockDetectedError: it gave way `attempts` times.
    """
    for attempt in range(1, attempts + 1):
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await work(connection)
        except GAVE_WAY as error:
            if attempt == attempts:
                raise
            logger.info("transaction gave way, attempt %d of %d: %s", attempt, attempts, error)
            longest = FIRST_PAUSE_SECONDS * 2**attempt
            await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spreads rivals, guards nothing
    raise ValueError(f"attempts must be at least 1, not {attempts}")


def _encode_jsonb(value: object) -> bytes:
    return JSONB_VERSION + msgspec.json.encode(value)


def _decode_jsonb(data: bytes) -> object:
    if data[:1] != JSONB_VERSION:
        raise ValueError(f"jsonb of unknown version {data[0]}")
    return msgspec.json.decode(memoryview(data)[1:])
