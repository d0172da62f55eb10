"""What a person agreed to, as they saw it: kept before the authorization is made, shown to both sides later.

The form that agrees carries a digest of the words on its page. Words that changed in the meantime, for whatever
reason, do not match it, and the page is shown again; so what is kept is what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from tallystick.domain.ids import token_kind_and_book
from tallystick.services.consent.answers import authorization_ids
from tallystick.services.consent.choices import encode_choices
from tallystick.store.records import evidence
from tallystick.store.records.evidence import Evidence

if TYPE_CHECKING:
    from tallystick.domain.decide.outgoing.redemption import Redemption
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.consent.choices import BuyerChoices
    from tallystick.services.consent.visits import Visit
    from tallystick.services.context import Service
    from tallystick.services.identity.reauthentication import Means
    from tallystick.store.accounts.parties import Party


@dataclass(frozen=True, slots=True)
class Wording:
    """All that a confirmation page says of what is agreed to, in the language in which it was shown.

    `summary`: all of it in a sentence; `lines`: what the amount is made of; `source`: the means of payment, empty where
    nothing is paid; `reason`: what the seller says of it, cleaned HTML. `redemption`: what the words promise about
    paying back a prepaid balance, for the program to keep.
    """

    seller: str
    label: str
    figure: str
    summary: str
    source_label: str
    source: str
    address: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    promises: tuple[str, ...]
    reason: str
    heading: str
    closing: str
    button: str
    language: str
    environment: str
    redemption: Redemption | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Somebody agrees: to which words, having proved who they are when and how, from which client."""

    wording: Wording
    digest: bytes
    proved_at: datetime
    proved_by: Means
    client: str | None
    user_agent: str


def digest_of(party_id: PartyId, choices: BuyerChoices, wording: Wording) -> bytes:
    """A digest of who saw which words, with which choices."""
    seen = [party_id, sorted(encode_choices(choices).items()), _kept(wording)]
    return sha256(msgspec.json.encode(seen)).digest()


def _kept(wording: Wording) -> dict[str, Any]:
    """As it is kept: without a word about balances where there is none, as before there was one."""
    kept: dict[str, Any] = msgspec.to_builtins(wording)
    if wording.redemption is None:
        del kept["redemption"]
    return kept


async def keep(service: Service, visit: Visit, person: Party, agreement: Agreement, book_time: datetime) -> None:
    """Keep what was agreed to, for each authorization that the visit's answer names, beside it in its book."""
    client = None if agreement.client is None else service.vault.digest(agreement.client, "client of an agreement")
    agreed = [
        Evidence(
            book_id=token_kind_and_book(an_id)[1],
            authorization_id=an_id,
            party_id=person.party_id,
            visit_id=visit.visit_id,
            wording=_kept(agreement.wording),
            digest=agreement.digest,
            agreed_at=service.clock(),
            book_time=book_time,
            proved_at=agreement.proved_at,
            proved_by=agreement.proved_by.value,
            client_digest=client,
            user_agent=agreement.user_agent,
        )
        for an_id in authorization_ids(visit.answer)
    ]
    await evidence.keep(service.pool, agreed)


async def of_authorization(service: Service, book_id: BookId, authorization_id: str) -> Evidence | None:
    """What was agreed to for an authorization of this book; None for those from before this was kept.

    `authorization_id` is the instrument's id, or the token's where there is no instrument.
    """
    return await evidence.find(service.pool, book_id, authorization_id)
