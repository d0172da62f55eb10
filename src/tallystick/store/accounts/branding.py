"""How a seller looks on the hosted pages, besides its picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.domain.ids import PartyId

_SQL: Final = load_statements("branding.sql", __package__)


@dataclass(frozen=True, slots=True)
class Branding:
    """What a seller chose; None: nothing. `accent` is ``#17594a``, `support_link` an https or mailto address."""

    display_name: str | None = None
    accent: str | None = None
    support_link: str | None = None


async def find(database: Database, party_id: PartyId) -> Branding:
    """What this seller chose; nothing where it never chose."""
    row = await database.fetchrow(_SQL["find"], party_id)
    return Branding() if row is None else Branding(row["display_name"], row["accent"], row["support_link"])


async def save(database: Database, party_id: PartyId, branding: Branding, now: datetime) -> None:
    """Keep what this seller chose, instead of what it chose before."""
    await database.execute(_SQL["save"], party_id, branding.display_name, branding.accent, branding.support_link, now)
