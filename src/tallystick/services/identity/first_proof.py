"""The first time that somebody shows that an account's address is theirs.

Anybody can open an account with the address of others, and leave in it a passkey that signs in, or a consent that is
charged. So where the mailbox alone speaks for its owner (a link for a new password, an invitation), what was there
before ends. Who is signed in when they type the code, or open the link, has password or passkey and the mailbox: they
opened the account, and nothing of theirs ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.commands import CancelToken
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.accounts import parties, passkeys, payment_methods, personal_data, second_factors, web_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.domain.ids import BookId, PartyId, TokenId
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party

_MAX_ROUNDS: Final = 5  # of looking for what a request that was under way has added meanwhile

_log = structlog.get_logger(__name__)


async def confirm(service: Service, party: Party) -> Party:
    """Mark the address as verified: shown by somebody who is signed in to the account."""
    async with service.pool.acquire() as connection:
        return await parties.set_standing(connection, party.party_id, service.clock(), email_verified=True)


async def take_over(service: Service, party: Party) -> Party:
    """Mark the address as verified: shown by the mailbox alone. What was in an account never verified ends.

    First the ways in, so that nothing is added while the rest is done; then every token, through the books, of which
    sellers are told; the address counts as verified last, so that doing it again goes on where it stopped. Raises
    Refused: what the books refuse otherwise.
    """
    if party.email_verified:
        return party
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await parties.sign_out_everywhere(connection, party.party_id)
        await web_sessions.end_of_party(connection, party.party_id)
        await passkeys.remove_all(connection, party.party_id)
        await second_factors.remove(connection, party.party_id)
        await payment_methods.remove_all(connection, party.party_id, now)
    for _round in range(_MAX_ROUNDS):
        living = await personal_data.living_tokens(service.pool, party.party_id)
        if not living:
            break
        await cancel_all(service, party.party_id, living)
        _log.info("consents_ended_before_first_proof", party_id=party.party_id, tokens=len(living))
    return await confirm(service, party)


async def cancel_all(service: Service, party_id: PartyId, living: Sequence[tuple[BookId, TokenId]]) -> None:
    """Cancel tokens in the name of their giver; what is cancelled already stays so. Raises Refused."""
    for book_id, token_id in living:
        outcome = await service.committer.perform(book_id, CancelToken(token_id, by=party_id))
        if isinstance(outcome, Refused) and outcome.refusal is not Refusal.TokenNotActive:
            raise outcome
