"""Proving who one is, by password, code, passkey or mailed code: to sign in, and again before what matters.

Where an account has an authenticator app, its password alone proves nothing: at the sign-in the code comes after it,
and later the code stands for both.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import PartyId
from tallystick.services.form_errors import FormError
from tallystick.services.identity import passkeys, second_factor, sign_in
from tallystick.store.accounts import parties
from tallystick.store.keys.vault import SealBrokenError
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.identity.visitors import Visitor
    from tallystick.store.accounts.parties import Party

PASSWORD_MISSING: Final = marked("Type your password.")
WAITED_TOO_LONG: Final = marked("That took too long. Type your password again, and then the code.")

CODE_WITHIN: Final = timedelta(minutes=10)
"""How long after the password the code may be typed."""

_WAITING: Final = "a sign-in that waits for its code"


class Means(Enum):
    """How somebody proved who they are."""

    PASSWORD = "password"  # noqa: S105 - the word, not one
    PASSKEY = "passkey"
    CODE = "code"
    MAILED = "mailed"

    @property
    def strong(self) -> bool:
        """Whether it takes more than a password, or than the mailbox by which one gets another password."""
        return self in {Means.PASSKEY, Means.CODE}


class CodeNeededError(Exception):
    """Password or mailed code is right, and a code of the app is asked for.

    `ticket`: says so, for the form that the code is typed into.
    """

    def __init__(self, ticket: str, problems: Mapping[str, str] | None = None) -> None:
        super().__init__("a code is asked for")
        self.ticket = ticket
        self.problems = dict(problems or {})


async def enter(service: Service, typed: Mapping[str, str], visitor: Visitor) -> tuple[Party, Means]:
    """Who signs in with a form that has `email` and `password`, or `passkey`, or after a password `ticket` and `code`.

    Raises FormError, BusyError, CodeNeededError. Passkeys are never held up: nobody guesses one, and checking one is
    cheap.
    """
    if answer := typed.get("passkey"):
        return await passkeys.owner_of(service, answer), Means.PASSKEY
    if ticket := typed.get("ticket"):
        return await _enter_with_code(service, ticket, typed.get("code", ""), visitor), Means.CODE
    email, password = typed.get("email", ""), typed.get("password", "")
    missing = {}
    if not email.strip():
        missing["email"] = _("Type your e-mail address, such as name@example.com.")
    if not password:
        missing["password"] = _(PASSWORD_MISSING)
    if missing:  # no attempt: nobody was named, or nothing was guessed
        raise FormError(missing)
    party = await sign_in.sign_in(service, email, password, visitor)
    await ask_for_code(service, party)
    return party, Means.PASSWORD


async def ask_for_code(service: Service, party: Party) -> None:
    """After the password, or the mailed code. Raises CodeNeededError: the account has an app."""
    if await second_factor.is_enrolled(service, party):
        raise CodeNeededError(_ticket(service, party))


async def _enter_with_code(service: Service, ticket: str, code: str, visitor: Visitor) -> Party:
    party = await _of_ticket(service, ticket)
    if party is None:
        raise FormError({"email": _(WAITED_TOO_LONG)})
    try:
        await second_factor.check(service, party, code, visitor)
    except FormError as error:
        raise CodeNeededError(ticket, error.problems) from None
    return party


def _ticket(service: Service, party: Party) -> str:
    """Says that somebody typed the password of this account, or a code mailed to it.

    A new password, or signing out everywhere, ends it.
    """
    end = int((service.clock() + CODE_WITHIN).timestamp())
    said = f"{party.party_id} {party.session_round} {end}"
    return urlsafe_b64encode(service.vault.seal(said.encode(), _WAITING)).decode()


async def _of_ticket(service: Service, ticket: str) -> Party | None:
    try:
        said = service.vault.open(urlsafe_b64decode(ticket), _WAITING).decode()
    except (SealBrokenError, ValueError):
        return None
    party_id, session_round, end = map(int, said.split())
    if end <= service.clock().timestamp():
        return None
    party = await parties.find(service.pool, PartyId(party_id))
    return party if party is not None and party.session_round == session_round else None


async def prove(service: Service, party: Party, typed: Mapping[str, str], visitor: Visitor) -> Means:
    """How this party proves it again, with a form that has `passkey`, or `code` where there is an app, or `password`.

    Raises FormError, BusyError.
    """
    if answer := typed.get("passkey"):
        owner = await passkeys.owner_of(service, answer)
        if owner.party_id != party.party_id:
            raise FormError({"passkey": _("This passkey belongs to another account.")})
        return Means.PASSKEY
    if await second_factor.is_enrolled(service, party):
        await second_factor.check(service, party, typed.get("code", ""), visitor)
        return Means.CODE
    if not typed.get("password"):
        raise FormError({"password": _(PASSWORD_MISSING)})
    try:
        await sign_in.sign_in(service, party.email, typed.get("password", ""), visitor)
    except FormError:
        raise FormError({"password": _(sign_in.WRONG_CURRENT)}) from None
    return Means.PASSWORD


async def still_counts(service: Service, party: Party, proved_at: datetime, by: Means, minutes: int) -> bool:
    """Whether a proof of that moment is younger than so many minutes, and no password where a code is asked for."""
    if service.clock() - proved_at >= timedelta(minutes=minutes):
        return False
    return by.strong or not await second_factor.is_enrolled(service, party)
