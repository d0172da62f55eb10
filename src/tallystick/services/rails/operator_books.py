"""The operator's own books of an environment: one, or several parts that add up to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.operations import audit
from tallystick.store.ledger import create_book
from tallystick.store.records import heartbeats

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Connection
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

_UNDERSTOOD_SINCE: Final = "0056"
"""The migration without which a process takes any of the parts for the only one."""


_HEARD_FROM: Final = timedelta(minutes=1)


class OlderProcessesError(Exception):
    """Processes of an earlier release were heard from, which would mirror real money in any of the parts."""


async def split(service: Service, actor: Actor, environment: str, count: int) -> int:
    """Have the operator's book in as many parts; how many there are. As many as before: nothing is written down.

    Raises ValueError: there are more already, and they are never joined; OlderProcessesError. Commands have no
    heartbeat: of these it is believed that none is of an earlier release.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        before = max(1, len(await create_book.operator_parts(connection, environment)))
        if count > before:
            await _check_processes(connection, now)
        parts = len(await create_book.split_operator_book(connection, environment, count, now))
        if parts > before:
            details = {"before": before, "now": parts}
            await audit.record(
                connection, actor, "operator.split", environment, environment=environment, details=details, at=now
            )
    return parts


async def _check_processes(connection: Connection, now: datetime) -> None:
    recent = await heartbeats.since(connection, now - _HEARD_FROM)
    if older := sorted({pulse.kind for pulse in recent if (pulse.newest_migration or "") < _UNDERSTOOD_SINCE}):
        raise OlderProcessesError(
            f"processes of an earlier release were heard from just now ({', '.join(older)}): "
            "end them, wait a minute, and run this again"
        )
