"""When access keys were last used: noted for each call in memory, written now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("key_uses.sql", __package__)

PRECISION: Final = timedelta(minutes=1)
"""A key that is used all the time is written at most this often, by each process."""


@dataclass(slots=True)
class KeyUses:
    """What one process saw. A process that dies forgets about a minute of it."""

    _seen: dict[str, datetime] = field(default_factory=dict)
    _written: dict[str, datetime] = field(default_factory=dict)

    def note(self, access_key_id: str, at: datetime) -> None:
        """A call was signed with this key. In memory only, since every call does it."""
        self._seen[access_key_id] = at

    async def write(self, database: Database) -> None:
        """Write the uses that are newer than what is written by PRECISION or more."""
        due = {key: at for key, at in self._seen.items() if self._due(key, at)}
        if not due:
            return
        await database.execute(_SQL["write"], list(due), list(due.values()))
        self._written |= due

    def _due(self, access_key_id: str, at: datetime) -> bool:
        written = self._written.get(access_key_id)
        return written is None or at - written >= PRECISION


async def last_uses(database: Database, party_id: PartyId) -> Mapping[str, datetime]:
    """When each key of a party was last used, those that ever were."""
    rows = await database.fetch(_SQL["last_uses"], party_id)
    return {row["access_key_id"]: row["used_at"] for row in rows}
