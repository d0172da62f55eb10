"""Inviting people to a seller's staff. Whether an address has an account is told to nobody: all get the same letter."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.identity.sign_in import is_email
from tallystick.store.accounts import invitations, staff
from tallystick.store.accounts.parties import normal_email

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.seller.staff import Role
    from tallystick.store.accounts.invitations import Invitation
    from tallystick.store.accounts.parties import Party

LIFE: Final = timedelta(days=7)
PATH: Final = "/console/invitations"


async def invite(service: Service, business: Party, inviter: Party, email: str, role: Role) -> str:
    """Invite whoever has this address, by a letter. Gives the address that the letter holds. Raises FormError."""
    email = normal_email(email)
    if not is_email(email):
        raise FormError({"email": "Type an e-mail address, such as name@example.com."})
    if any(post.person_email == email for post in await staff.people_of(service.pool, business.party_id)):
        raise FormError({"email": "This person is of the staff already."})
    secret, now = secrets.token_urlsafe(24), service.clock()
    await invitations.save(service.pool, secret, business.party_id, email, role, inviter.party_id, now, now + LIFE)
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


async def accept(service: Service, invitation: Invitation, person: Party) -> None:
    """Join the staff. Raises FormError: the invitation is another person's, or was taken back meanwhile."""
    if person.email != invitation.email or person.kind != "personal":
        raise FormError(
            {"accept": f"This invitation is for {invitation.email}. Sign in with the account of that address."}
        )
    async with service.pool.acquire() as connection, connection.transaction():
        if not await invitations.end(connection, invitation.business_id, invitation.email):
            raise FormError({"accept": "This invitation was taken back."})
        await staff.add(connection, invitation.business_id, person.party_id, invitation.role, service.clock())
