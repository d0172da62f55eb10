"""Whether an e-mail address is its account's: shown by a link or a short code that was sent there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts, email_templates, first_proof, mail
from tallystick.store.accounts import mailed_proofs
from tallystick.store.accounts.mailed_proofs import MailedProof
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.mailed_proofs import Purpose
    from tallystick.store.accounts.parties import Party

VERIFY_PATH: Final = "/account/verify"
LIFE: Final = timedelta(hours=24)
CODE_DIGITS: Final = 8

WRONG_CODE: Final = marked(
    "This is not the code, or it works no longer. Type the code of the last letter, or ask for another."
)
TOO_MANY_LETTERS: Final = marked("Several letters were sent already. Look for them, or wait an hour.")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a letter says, and the digests that are kept of it."""

    ticket: str
    link: str
    link_digest: bytes
    code: str
    code_digest: bytes


def make_secrets(service: Service) -> Secrets:
    """A fresh link and a fresh code."""
    ticket, link = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    return Secrets(ticket, link, digest_of_link(link), code, digest_of_code(service, ticket, code))


def digest_of_link(link: str) -> bytes:
    """A link is long and random: a plain digest tells nothing of it."""
    return sha256(link.encode()).digest()


def digest_of_code(service: Service, ticket: str, code: str) -> bytes:
    """A code is short: its digest needs a key, and the ticket that it belongs to. Blanks in it do not count."""
    return service.vault.digest("".join(code.split()), f"code for {ticket}")


async def send_proof(service: Service, party: Party) -> bool:
    """Send link and code to a party's address; False when there were too many letters lately."""
    if not await attempts.allowed(service, attempts.LETTERS, party.email):
        return False
    made, now = make_secrets(service), service.clock()
    proof = MailedProof(
        ticket=made.ticket,
        purpose="verify",
        party_id=party.party_id,
        email=party.email,
        created_at=now,
        expires_at=now + LIFE,
        link_digest=made.link_digest,
        code_digest=made.code_digest,
    )
    await mailed_proofs.create(service.pool, proof)
    url = mail.address_of(service, VERIFY_PATH, key=made.link)
    await mail.post(service, party.email, email_templates.verify_address(url, made.code))
    return True


async def send_again(service: Service, party: Party) -> None:
    """Send another link and code. Raises FormError: there were too many letters lately."""
    if not await send_proof(service, party):
        raise FormError({"code": _(TOO_MANY_LETTERS)})


async def link_works(service: Service, purpose: Purpose, link: str) -> bool:
    """Whether a link would do what it is for. Looking does not use it: programs look at the links in mail, too."""
    found = await mailed_proofs.find_link(service.pool, purpose, digest_of_link(link), service.clock())
    return found is not None


async def verify_by_link(service: Service, party: Party, link: str) -> bool:
    """Whether the link proved the address of the party that is signed in; it does so once.

    Only for them: somebody else may have opened the account, and whoever got the letter did not choose its password.
    """
    digest, now = digest_of_link(link), service.clock()
    proof = await mailed_proofs.find_link(service.pool, "verify", digest, now)
    if proof is None or not _is_of(proof, party):
        return False
    if await mailed_proofs.use_link(service.pool, "verify", digest, now) is None:
        return False
    await first_proof.confirm(service, party)
    return True


async def verify_by_code(service: Service, party: Party, code: str) -> None:
    """Prove a party's address with the code of the last letter to it. Raises FormError."""
    ticket = await mailed_proofs.open_ticket(service.pool, "verify", party.party_id, service.clock())
    proof = None if ticket is None else await use_code(service, "verify", ticket, code)
    if proof is None or not _is_of(proof, party):
        raise FormError({"code": _(WRONG_CODE)})
    await first_proof.confirm(service, party)


async def use_code(
    service: Service, purpose: Purpose, ticket: str, code: str, *, bound_to: str | None = None
) -> MailedProof | None:
    """Use a letter's code up; None where it is wrong, or too many for its address were lately.

    `bound_to`: what its digest was made with, where that is more than the ticket.
    """
    now = service.clock()
    email = await mailed_proofs.email_of(service.pool, purpose, ticket, now)
    if email is None or not await attempts.allowed(service, attempts.WRONG_CODES, email):
        return None
    digest = digest_of_code(service, bound_to or ticket, code)
    proof = await mailed_proofs.use_code(service.pool, purpose, ticket, digest, now)
    if proof is not None:
        await attempts.take_back(service, attempts.WRONG_CODES, email)
    return proof


def _is_of(proof: MailedProof, party: Party) -> bool:
    return proof.party_id == party.party_id and proof.email == party.email
