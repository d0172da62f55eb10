"""Inviting people to a seller's staff. Whether an address has an account is told to nobody: all get the same letter."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts, first_proof, mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.identity.sign_in import is_email
from tallystick.services.operations import audit
from tallystick.services.operations.audit import Actor
from tallystick.store.accounts import invitations, staff
from tallystick.store.accounts.invitations import Invitation
from tallystick.store.accounts.parties import normal_email

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.seller.staff import StaffRole
    from tallystick.store.accounts.parties import Party

__all__ = ["LIFE", "PATH", "Invitation", "accept", "find", "invite", "of_business", "take_back"]

LIFE: Final = timedelta(days=7)
PATH: Final = "/console/invitations"


async def invite(
    service: Service, inviter: Party, business: Party, email: str, role: StaffRole, *, environment: str | None = None
) -> str:
    """Invite whoever has this address, by a letter. Gives the address that the letter holds. Raises FormError.

    `environment`: of the page on which it was done, for the audit log; staff works in both.
    """
    email = normal_email(email)
    if not is_email(email):
        raise FormError({"email": "Type an e-mail address, such as name@example.com."})
    if any(post.person_email == email for post in await staff.people_of(service.pool, business.party_id)):
        raise FormError({"email": "This person is of the staff already."})
    if not await attempts.allowed(service, attempts.INVITATIONS, str(business.party_id)):
        raise FormError({"email": "Many people were invited lately. Wait an hour."})
    if not await attempts.allowed(service, attempts.LETTERS, email):
        raise FormError({"email": "Several letters were sent to this address already. Wait an hour."})
    secret, now = secrets.token_urlsafe(24), service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await invitations.save(connection, secret, business.party_id, email, role, inviter.party_id, now, now + LIFE)
        await audit.record(
            connection,
            Actor.person(inviter),
            "staff.invite",
            email,
            business_id=business.party_id,
            environment=environment,
            details={"role": role.value},
            at=now,
        )
    url = mail.address_of(service, f"{PATH}/{secret}")
    await mail.post(service, email, _letter(business.name, inviter.name, role, url))
    return url


def _letter(business: str, inviter: str, role: str, url: str) -> Letter:
    return Letter(
        f"{inviter} invites you to {business}",
        f"{inviter} would like you to work in the console of {business}, as {role}.\n\n"
        f"Open this link within seven days to accept:\n{url}\n\n"
        "If you do not know them, you need not do anything.\n",
    )


async def take_back(
    service: Service, actor: Actor, business_id: PartyId, email: str, *, environment: str | None = None
) -> bool:
    """Take an invitation back; False, and nothing is written down, when there was none (any more).

    `environment`: as for `invite`.
    """
    async with service.pool.acquire() as connection, connection.transaction():
        if not await invitations.end(connection, business_id, email):
            return False
        await audit.record(
            connection,
            actor,
            "staff.uninvite",
            email,
            business_id=business_id,
            environment=environment,
            at=service.clock(),
        )
    return True


async def find(service: Service, secret: str) -> Invitation | None:
    """The invitation behind a link that still counts."""
    return await invitations.find(service.pool, secret, service.clock())


async def of_business(service: Service, business_id: PartyId) -> list[Invitation]:
    """A seller's invitations that still count, the oldest first."""
    return await invitations.of_business(service.pool, business_id, service.clock())


async def accept(service: Service, invitation: Invitation, person: Party) -> Party:
    """Join the staff; gives the person, who may have to be signed in anew.

    The link was sent to the address, so it proves the address, and what was in an account never verified ends: a
    seller's console opens to nobody else. Where no mail leaves, inviters hand the link on themselves, and it proves
    nothing. Raises FormError: the invitation is another person's, or was taken back meanwhile.
    """
    if person.email != invitation.email or person.kind != "personal":
        raise FormError(
            {"accept": f"This invitation is for {invitation.email}. Sign in with the account of that address."}
        )
    if service.settings.smtp_url is not None:
        person = await first_proof.take_over(service, person)
    async with service.pool.acquire() as connection, connection.transaction():
        if not await invitations.end(connection, invitation.business_id, invitation.email):
            raise FormError({"accept": "This invitation was taken back."})
        now = service.clock()
        await staff.add(connection, invitation.business_id, person.party_id, invitation.role, now)
        await audit.record(
            connection,
            Actor.person(person),
            "staff.join",
            person.email,
            business_id=invitation.business_id,
            details={"role": invitation.role},
            at=now,
        )
    return person
