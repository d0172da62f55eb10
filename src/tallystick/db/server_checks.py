"""How a PostgreSQL server is set up, as far as our promises rest on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Pool

_SQL: Final = load_statements("server_checks.sql", __package__)

OLDEST_MAJOR: Final = 15


@dataclass(frozen=True, slots=True)
class ServerSetup:
    """What a server says of itself. `connections`: how many it lets in; `version`: such as 150004."""

    version: int
    connections: int
    fsync: str
    full_page_writes: str
    synchronous_commit: str

    @property
    def problems(self) -> list[str]:
        """What breaks a promise, and what to do."""
        major = self.version // 10_000
        found = [
            f"{name} is off: payments that were answered are lost with a power cut; set it to on"
            for name in ("fsync", "full_page_writes", "synchronous_commit")
            if getattr(self, name) == "off"
        ]
        return found if major >= OLDEST_MAJOR else [f"it is {major}, {OLDEST_MAJOR} or newer is needed", *found]


async def setup_of(pool: Pool) -> ServerSetup:
    """What the server says now. Raises what the database does."""
    row = await pool.fetchrow(_SQL["server_setup"])
    if row is None:
        raise TypeError("the server did not say how it is set up")
    return ServerSetup(**dict(row))
