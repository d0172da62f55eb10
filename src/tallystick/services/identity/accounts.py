"""Who is signed in, and the language that they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import Party

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service

__all__ = ["Party", "choose_language", "of_session"]


async def of_session(service: Service, party_id: PartyId, session_round: int) -> Party | None:
    """The account of somebody who signed in in that round of theirs; None when it is gone or the round is over."""
    party = await parties.find(service.pool, party_id)
    return party if party is not None and party.session_round == session_round else None


async def choose_language(service: Service, party: Party, language: str) -> None:
    """Remember the language that somebody reads, by its code: for their pages and for mail to them."""
    await parties.choose_language(service.pool, party.party_id, language)
