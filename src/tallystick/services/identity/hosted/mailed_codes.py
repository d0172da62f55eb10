"""A code from a letter instead of a password, in a visit to the hosted pages.

It is for buyers without an account, or without a password; by the setting `mailed_codes` for others, too.
Whoever asks sees the same for every address, as fast: only the mailbox learns whether there is an account, and whether
it takes codes. A code belongs to the visit in which it was asked for, and to the form that asks for it: overheard, it
is of no use elsewhere. An account that opens so has no password; its owner chooses one by a link, whenever they like.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses, attempts, email_templates, mail, second_factor, sign_in
from tallystick.services.identity.reauthentication import ask_for_code
from tallystick.store.accounts import mailed_proofs, parties
from tallystick.store.accounts.mailed_proofs import MailedProof
from tallystick.store.accounts.parties import EmailTakenError
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.identity.visitors import Visitor
    from tallystick.store.accounts.parties import Party

FORGOTTEN_PATH: Final = "/account/forgotten"
LIFE: Final = timedelta(minutes=15)

TOO_MANY: Final = marked(
    "Many codes were asked for from your network lately. Wait an hour, or sign in with a password."
)


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """A letter was sent to `email`, if it may be; its code and the ticket sign in, in the same visit."""

    ticket: str
    email: str


def are_taken(service: Service) -> bool:
    """Whether the settings let anybody go on with a mailed code."""
    return service.settings.mailed_codes != "nobody"


async def ask(service: Service, visit_id: str, email: str, visitor: Visitor) -> CodeAsked:
    """Send a code, where this address may be signed in to with one. Raises FormError: no address, or too many asked."""
    loop = asyncio.get_running_loop()
    earliest = loop.time() + sign_in.FAILURE_SECONDS
    email = email.strip()
    if not sign_in.is_email(email) or not sign_in.is_name(_name_of(email)):
        raise FormError({"email": _("Type your e-mail address, such as name@example.com.")})
    if not await attempts.allowed(service, attempts.CODE_REQUESTS, visitor.client):
        raise FormError({"email": _(TOO_MANY)})
    asked = await _send(service, visit_id, email)
    await asyncio.sleep(earliest - loop.time())
    return asked


async def _send(service: Service, visit_id: str, email: str) -> CodeAsked:
    owner = await parties.find_by_email(service.pool, email)
    takes_code = owner is None or await _takes_code(service, owner)
    sent = await attempts.allowed(service, attempts.CODE_LETTERS, parties.normal_email(email))
    made, now = addresses.make_secrets(service), service.clock()
    bound = addresses.digest_of_code(service, _bound(visit_id, made.ticket), made.code)
    proof = MailedProof(
        ticket=made.ticket,
        purpose="enter",
        party_id=None,  # who it is, is looked up when the code comes; so nobody else's asking ends a code
        email=parties.normal_email(email),
        created_at=now,
        expires_at=now + LIFE,
        code_digest=bound if takes_code and sent else None,  # no letter, no code
    )
    await mailed_proofs.create(service.pool, proof)
    if sent:
        refused = email_templates.code_opens_nothing(mail.address_of(service, FORGOTTEN_PATH))
        await mail.post(service, email, email_templates.enter_with_code(made.code) if takes_code else refused)
    return CodeAsked(made.ticket, email)


async def enter(service: Service, visit_id: str, ticket: str, code: str, visitor: Visitor) -> Party:
    """Who typed the code of their letter; the account opens, where there is none yet.

    Wrong codes count as wrong passwords of the client, and for the address. Raises FormError; CodeNeededError: the
    account has an app, whose code is asked for besides.
    """
    loop = asyncio.get_running_loop()
    earliest = loop.time() + sign_in.FAILURE_SECONDS
    party = await _owner(service, visit_id, ticket, code, visitor)
    if party is None:
        await asyncio.sleep(earliest - loop.time())
        raise FormError({"code": _(addresses.WRONG_CODE)})
    await ask_for_code(service, party)
    return party


async def _owner(service: Service, visit_id: str, ticket: str, code: str, visitor: Visitor) -> Party | None:
    if not are_taken(service) or not await attempts.allowed(service, attempts.FAILED_SIGN_INS, visitor.client):
        return None
    proof = await addresses.use_code(service, "enter", ticket, code, bound_to=_bound(visit_id, ticket))
    if proof is None:
        return None
    await attempts.take_back(service, attempts.FAILED_SIGN_INS, visitor.client)
    party = await parties.find_by_email(service.pool, proof.email) or await _open(service, proof.email)
    return party if await _takes_code(service, party) else None


async def _open(service: Service, email: str) -> Party:
    """An account without a password, its address verified. Of two codes for one address at once, both get the same."""
    now = service.clock()
    try:
        async with service.pool.acquire() as connection, connection.transaction():
            party = await parties.create_personal(connection, email, _name_of(email), None, now)
            return await parties.set_standing(connection, party.party_id, now, email_verified=True)
    except EmailTakenError:
        opened = await parties.find_by_email(service.pool, email)
        if opened is None:
            raise
        return opened


async def _takes_code(service: Service, party: Party) -> bool:
    """Whether the mailbox alone may sign in to this account, as far as its password goes.

    Never where the address is not verified: somebody else may have opened the account, and would stay in it by their
    password. Never for businesses, or where the settings want a second factor of their owners, or of operators.
    """
    if party.kind != "personal" or party.status == "closed" or not party.email_verified:
        return False
    if party.password_hash is not None and service.settings.mailed_codes != "buyers":
        return False
    return not await second_factor.is_required(service, party)


def _bound(visit_id: str, ticket: str) -> str:
    """What a code counts with: a form's ticket in its visit. Neither has a blank."""
    return f"{ticket} of visit {visit_id}"


def _name_of(email: str) -> str:
    """What sellers call somebody who has given no name: what stands before the @; they see the address anyway."""
    return email.strip().partition("@")[0]
