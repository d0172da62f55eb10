"""Connections to PostgreSQL, and transactions that are run again when the database asks for it."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import asyncpg
import msgspec

from tallystick.db.connections import BROKEN
from tallystick.db.sent_rows import write_rows_compiled
from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tallystick.db.connections import Connection, Pool

_SQL: Final = load_statements("database.sql", __package__)

STATEMENT_CACHE_SIZE: Final = 512  # prepared statements that a connection keeps: all of ours, several times over
CONNECT_TIMEOUT_SECONDS: Final = 30
DEFAULT_PORT: Final = 5432
LOCK_TIMEOUT_MS: Final = 5_000  # lock_timeout: much longer than any commit of ours holds a row lock
CALL_SECONDS: Final = 15.0
"""The budget of a call: whatever it does, it has an answer after that time. docs/operating.md promises it."""
ANSWER_TIMEOUT_SECONDS: Final = 7.0
"""For a statement of the money path: more than waiting for a lock and carrying it out on a busy machine can take, and
so little that a second try over a new connection is within the budget of the call."""
PAUSE_TIMEOUT_MS: Final = 300_000
MONEY_PAUSE_TIMEOUT_MS: Final = 4_000
"""For a transaction of the money path between two statements: less than others wait for what it has locked."""

_SILENT_SECONDS: Final = 10
_PROBES: Final = 3
_PROBE_SECONDS: Final = 5
ATTEMPTS: Final = 8
PATIENCE_SECONDS: Final = 60.0
"""How long a process that starts waits for a database that has died meanwhile; it was there a moment before."""
FIRST_PAUSE_SECONDS: Final = 0.005  # doubled with each attempt (backoff), with jitter
JSONB_VERSION: Final = b"\x01"  # the one version of jsonb's binary form there is

# The transaction was rolled back because of a serialization failure or a deadlock; running it again is safe.
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
    """Connect once, to say in words why the database cannot be used. Raises NoDatabaseError; it has no password."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS)
        await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer in time"
        raise NoDatabaseError(f"the database{place_of(dsn)} cannot be used: {reason}") from None


def place_of(dsn: str) -> str:
    """Where a database is, for messages: " at HOST:PORT", or "" where the address says neither; never a password."""
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        return ""
    return f" at {host}:{port}" if host else ""


async def until_it_answers(work: Callable[[], Awaitable[Answer]], patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """Do something at the start of a process; again, while the database has just died and is being started anew.

    Raises what the last try did.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_seconds
    while True:
        try:
            return await work()
        except (*BROKEN, OSError) as error:
            if loop.time() >= until:
                raise
            logger.info("the database is gone while this process starts, trying again: %r", error)
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 40)


async def open_pool(  # noqa: PLR0913 - one keyword for each thing that differs
    dsn: str,
    *,
    max_size: int,
    application_name: str = "tallystick",
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    answer_timeout_seconds: float | None = None,
    pause_timeout_ms: int = PAUSE_TIMEOUT_MS,
    plan_once: bool = False,
    row_types: Sequence[str] = (),
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> Pool:
    """Open up to `max_size` connections to `dsn` (TCP or socket), the first of them now.

    A statement that waits longer than `lock_timeout_ms` for a lock fails with LockNotAvailableError; one that is not
    answered within `answer_timeout_seconds`, if given, fails with TimeoutError. When the server's machine disappears
    without closing its connections, TCP keepalive breaks them after half a minute.
    `pause_timeout_ms`: how long a transaction may be idle before the server ends it with its connection. A process that
    is stopped or cut off in the middle of one would otherwise hold its locks for hours.
    `plan_once`: for few statements that run very often: each is planned once for all its arguments. The server would
    plan those that take arrays anew each time, which costs more than to carry them out. Not on Citus.
    `row_types`: names of those of which arrays are sent so often that compiled code should write them.
    Sessions speak UTC; `jsonb` columns are Python values by way of msgspec.
    Raises OSError, asyncpg.PostgresError: the server is not there, or does not let us in.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        timeout=connect_timeout_seconds,
        command_timeout=answer_timeout_seconds,
        statement_cache_size=STATEMENT_CACHE_SIZE,
        init=partial(_prepare, plan_once=plan_once, row_types=row_types),
        reset=_skip_reset,
        server_settings={
            "application_name": application_name,
            "timezone": "UTC",
            "lock_timeout": str(lock_timeout_ms),
            "idle_in_transaction_session_timeout": str(pause_timeout_ms),
            # Citus hides shards from the catalogue, by a view so slow that the driver would need seconds to learn of a
            # row type. To a server without it this is a name like any other.
            "citus.override_table_visibility": "off",
        },
    )


async def prepare_connection(connection: Connection) -> None:
    """Teach a new connection to read and write `jsonb` as Python values, and to notice when its server is gone."""
    _enable_keepalive(connection)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _enable_keepalive(connection: Connection) -> None:
    """Turn on TCP keepalive: after a while without traffic the system probes, and breaks a connection without answers.

    A machine that loses power or network closes no connection; without probes, a read from it would wait for ever.
    """
    raw = cast("Any", connection)._transport.get_extra_info("socket")  # noqa: SLF001 - the driver has no other way
    if raw.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    longest_ms = (_SILENT_SECONDS + _PROBES * _PROBE_SECONDS) * 1000
    for name, value in (
        ("TCP_KEEPIDLE", _SILENT_SECONDS),
        ("TCP_KEEPALIVE", _SILENT_SECONDS),  # the same on macOS
        ("TCP_KEEPINTVL", _PROBE_SECONDS),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", longest_ms),  # Linux only: for data sent and not acknowledged
    ):
        if (option := getattr(socket, name, None)) is not None:
            raw.setsockopt(socket.IPPROTO_TCP, option, value)


async def plan_statements_once(connection: Connection) -> None:
    """Have each statement of a connection planned once for all arguments, except where Citus plans them.

    Citus chooses the shard while it plans, by the book's number: it has no generic plan for all books, and refuses a
    session that forces one ("could not create distributed plan"). Left alone, it plans anew by itself.
    """
    await connection.execute(_PLANNING)
    await connection.execute(_SQL["plan_once"])


async def plan_each_time(connection: Connection) -> None:
    """Have each statement of a transaction planned for the arguments that it has.

    For one whose plan for all arguments, which the server changes to after a few executions, is much worse than it
    believes.
    """
    await connection.execute(_SQL["plan_each_time"])


async def forget_plans(connection: Connection) -> None:
    """Have each statement of a connection planned anew: tables are larger than when that was done."""
    await connection.execute(_SQL["forget_plans"])


async def _prepare(connection: Connection, *, plan_once: bool, row_types: Sequence[str]) -> None:
    await prepare_connection(connection)
    if plan_once:
        await plan_statements_once(connection)
    if row_types:
        await write_rows_compiled(connection, row_types)


async def _skip_reset(_connection: Connection) -> None:
    """No reset between two uses: nothing here changes a session's settings or leaves an advisory lock in it.

    The four statements of the pool's own reset, in a round trip after each use, would find nothing to do. The driver
    still rolls back a transaction that was left open.
    """


async def ping(pool: Pool, timeout_seconds: float) -> None:
    """Run a trivial statement. Raises OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError."""
    await pool.fetchval(_SQL["ping"], timeout=timeout_seconds)


async def in_transaction(
    pool: Pool, work: Callable[[Connection], Awaitable[Answer]], *, attempts: int = ATTEMPTS
) -> Answer:
    """Run `work` in one transaction and commit it; retry with backoff after a serialization failure or a deadlock.

    `work` may run several times, so it changes nothing but the database. Its exceptions roll back and go through.
    Raises asyncpg.SerializationError, asyncpg.DeadlockDetectedError: it failed so `attempts` times.
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


async def gather_statistics(pool: Pool) -> None:
    """Let the planner know what is in all tables. Only as their owner."""
    await pool.execute(_SQL["gather_statistics"])
