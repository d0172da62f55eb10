"""Proving who one is, by password or by passkey: to sign in, and again before something that matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from tallystick.services.form_errors import FormError
from tallystick.services.identity import passkeys, sign_in
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.identity.visitors import Visitor
    from tallystick.store.accounts.parties import Party

PASSWORD_MISSING: Final = marked("Type your password.")


class Means(Enum):
    """How somebody proved who they are."""

    PASSWORD = "password"  # noqa: S105 - the word, not one
    PASSKEY = "passkey"


async def enter(service: Service, typed: Mapping[str, str], visitor: Visitor) -> tuple[Party, Means]:
    """Who signs in with a form that has `email` and `password`, or `passkey`. Raises FormError, BusyError.

    Passkeys are never held up: nobody guesses one, and checking one is cheap.
    """
    if answer := typed.get("passkey"):
        return await passkeys.owner_of(service, answer), Means.PASSKEY
    email, password = typed.get("email", ""), typed.get("password", "")
    missing = {}
    if not email.strip():
        missing["email"] = _("Type your e-mail address, such as name@example.com.")
    if not password:
        missing["password"] = _(PASSWORD_MISSING)
    if missing:  # no attempt: nobody was named, or nothing was guessed
        raise FormError(missing)
    return await sign_in.sign_in(service, email, password, visitor), Means.PASSWORD


async def prove(service: Service, party: Party, typed: Mapping[str, str], visitor: Visitor) -> Means:
    """How this party proves it again, with a form that has `password` or `passkey`. Raises FormError."""
    if answer := typed.get("passkey"):
        owner = await passkeys.owner_of(service, answer)
        if owner.party_id != party.party_id:
            raise FormError({"passkey": _("This passkey belongs to another account.")})
        return Means.PASSKEY
    if not typed.get("password"):
        raise FormError({"password": _(PASSWORD_MISSING)})
    try:
        await sign_in.sign_in(service, party.email, typed.get("password", ""), visitor)
    except FormError:
        raise FormError({"password": _(sign_in.WRONG_CURRENT)}) from None
    return Means.PASSWORD


def is_recent(service: Service, proved_at: datetime, minutes: int) -> bool:
    """Whether a proof of that moment is younger than so many minutes."""
    return service.clock() - proved_at < timedelta(minutes=minutes)
