"""Opening a personal account on the hosted pages.

Where settings ask for verified addresses, an account opens with the code from a letter, and everything up to there is
the same whether or not the address has an account: only its mailbox learns. Where they do not, a buyer's first visit
does not stop for a letter, so in the end one can tell whether an account was opened; the limits on sign-ups from one
client make that a slow way to learn, and the owner of a taken address hears of each try.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses, attempts, email_templates, mail, sign_in
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
CODE_LIFE: Final = timedelta(hours=1)

TOO_MANY: Final = marked(
    "Many accounts were opened from your network lately. Wait an hour, or sign in if you have one."
)
NOT_OPENED: Final = marked("No account was opened. If you have been here before, sign in or choose a new password.")


@dataclass(frozen=True, slots=True)
class PendingSignUp:
    """A letter was sent to `email`; its code and the ticket open the account."""

    ticket: str
    email: str


async def begin(service: Service, name: str, email: str, password: str, visitor: Visitor) -> Party | PendingSignUp:
    """Open an account, or ask for the code that opens it. Raises FormError, BusyError.

    Somebody who forgot that they have been here, and types the right password, is simply let in.
    """
    name, email = sign_in.check_new_account(name, email, password)
    if not await attempts.allowed(service, attempts.SIGN_UPS, visitor.client):
        raise FormError({"email": _(TOO_MANY)})
    if service.settings.require_verified_email:
        return await _ask_for_code(service, name, email, password, visitor.client)
    try:
        party = await sign_in.open_personal(service, name, email, password, visitor.client)
    except EmailTakenError:
        return await _let_in(service, email, password, visitor)
    await addresses.send_proof(service, party)
    return party


async def _let_in(service: Service, email: str, password: str, visitor: Visitor) -> Party:
    try:
        return await sign_in.sign_in(service, email, password, visitor)
    except FormError:
        if await attempts.allowed(service, attempts.LETTERS, email):
            taken = email_templates.address_is_taken(mail.address_of(service, FORGOTTEN_PATH))
            await mail.post(service, email, taken)
        raise FormError({"email": _(NOT_OPENED)}) from None


async def _ask_for_code(service: Service, name: str, email: str, password: str, client: str | None) -> PendingSignUp:
    password_hash = await sign_in.hash_password(service, password, client)
    owner = await parties.find_by_email(service.pool, email)
    sent = await attempts.allowed(service, attempts.LETTERS, email)
    made, now = addresses.make_secrets(service), service.clock()
    proof = MailedProof(
        ticket=made.ticket,
        purpose="open",
        party_id=None,
        email=parties.normal_email(email),
        created_at=now,
        expires_at=now + CODE_LIFE,
        code_digest=made.code_digest if owner is None and sent else None,  # no letter, no code
        name=name,
        password_hash=password_hash,
    )
    await mailed_proofs.create(service.pool, proof)
    if sent:
        taken = email_templates.address_is_taken(mail.address_of(service, FORGOTTEN_PATH))
        await mail.post(service, email, taken if owner is not None else email_templates.open_account(made.code))
    return PendingSignUp(made.ticket, email)


async def finish(service: Service, ticket: str, code: str) -> Party:
    """Open the account that waits for this code, its address verified. Raises FormError."""
    now = service.clock()
    proof = await addresses.use_code(service, "open", ticket, code)
    if proof is None or proof.name is None or proof.password_hash is None:
        raise FormError({"code": _(addresses.WRONG_CODE)})
    try:
        async with service.pool.acquire() as connection, connection.transaction():
            party = await parties.create_personal(connection, proof.email, proof.name, proof.password_hash, now)
            return await parties.set_standing(connection, party.party_id, now, email_verified=True)
    except EmailTakenError:  # opened meanwhile with the code of another letter
        raise FormError({"code": _(NOT_OPENED)}) from None
