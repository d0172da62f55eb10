"""A new password for somebody who forgot theirs: by a link to their address, which works once and for an hour.

Nobody but the mailbox learns whether an address has an account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses, attempts, email_templates, first_proof, mail, second_factor, sign_in
from tallystick.services.identity import passkeys as identity_passkeys
from tallystick.store.accounts import mailed_proofs, parties, passkeys
from tallystick.store.accounts.mailed_proofs import MailedProof
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party
    from tallystick.store.accounts.passkeys import Passkey

RESET_PATH: Final = "/account/reset"
LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ResetOwner:
    """Whose account a link is for. `passkeys`: what else signs in to it, and may end with the old password.

    Where a second factor is required, none may: the mailbox alone opens no console and no operator's page.
    """

    party: Party
    passkeys: Sequence[Passkey]


class LinkSpentError(Exception):
    """The link was used, or is too old, or never was one."""


async def ask(service: Service, email: str, client: str | None, way_on: str) -> None:
    """Send a link, if this is the address of somebody who may sign in with a password. Raises FormError: no address.

    `way_on`: the path at which they want to go on afterwards.
    """
    loop = asyncio.get_running_loop()
    earliest = loop.time() + sign_in.FAILURE_SECONDS
    email = email.strip()
    if not sign_in.is_email(email):
        raise FormError({"email": _("Type your e-mail address, such as name@example.com.")})
    if await attempts.allowed(service, attempts.FORGOTTEN, client):
        party = await parties.find_by_email(service.pool, email)
        if party is not None and _may_have_password(party):
            await _send_link(service, party, way_on)
    await asyncio.sleep(earliest - loop.time())


def _may_have_password(party: Party) -> bool:
    """Sellers that cannot sign in get no first password by mail; buyers without one signed in by mailed codes."""
    return party.status != "closed" and (party.password_hash is not None or party.kind == "personal")


async def _send_link(service: Service, party: Party, way_on: str) -> None:
    if not await attempts.allowed(service, attempts.RESET_LETTERS, party.email):
        return
    made, now = addresses.make_secrets(service), service.clock()
    proof = MailedProof(
        ticket=made.ticket,
        purpose="reset",
        party_id=party.party_id,
        email=party.email,
        created_at=now,
        expires_at=now + LIFE,
        link_digest=made.link_digest,
    )
    await mailed_proofs.create(service.pool, proof)
    url = mail.address_of(service, RESET_PATH, key=made.link, next=way_on)
    await mail.post(service, party.email, email_templates.new_password(url))


async def owner_of(service: Service, link: str) -> ResetOwner:
    """Whose password the link replaces, and what else opens their account. Raises LinkSpentError."""
    digest = addresses.digest_of_link(link)
    party = await _owner(service, await mailed_proofs.find_link(service.pool, "reset", digest, service.clock()))
    kept = await second_factor.is_required(service, party)
    return ResetOwner(party, [] if kept else await passkeys.of_party(service.pool, party.party_id))


async def choose_password(
    service: Service, link: str, password: str, *, client: str | None = None, removed: Collection[str] = ()
) -> Party:
    """Use the link up: another password, all browsers signed out, the address verified.

    `removed`: passkeys that end with it, as `passkeys.name_in_forms` names them. Where nobody had proved the address
    before, all of them end, and what else was left in the account: first_proof.py. Raises FormError: not with this
    password, the link still works; BusyError: so it does; LinkSpentError.
    """
    digest = addresses.digest_of_link(link)
    owner = await owner_of(service, link)
    party, removable = owner.party, {identity_passkeys.name_in_forms(one) for one in owner.passkeys}
    if problem := sign_in.password_problem(password, party.email, party.name):
        raise FormError({"password": problem})
    password_hash = await sign_in.hash_password(service, password, client)
    await _owner(service, await mailed_proofs.use_link(service.pool, "reset", digest, service.clock()))
    await sign_in.replace_password(service, party, password_hash)
    for named in removable.intersection(removed):
        await identity_passkeys.remove(service, party, named)
    return await first_proof.take_over(service, party)


async def _owner(service: Service, proof: MailedProof | None) -> Party:
    party = None if proof is None or proof.party_id is None else await parties.find(service.pool, proof.party_id)
    if proof is None or party is None or party.email != proof.email:
        raise LinkSpentError
    return party
