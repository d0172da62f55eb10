"""Signing in with a password, and what a password may be.

Nothing here tells whether an e-mail address has an account: whoever may try takes one hash, and every way to fail says
the same words.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.texts import DIRECTION
from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts, email_templates, mail
from tallystick.services.identity.common_passwords import is_common
from tallystick.services.identity.password_hashing import MAX_PASSWORD
from tallystick.services.identity.visitors import UNKNOWN, Visitor, known_device
from tallystick.store.accounts import parties, sign_in_pauses, web_sessions
from tallystick.store.accounts.parties import Party
from tallystick.store.accounts.sign_in_pauses import Throttle
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.context import Service

PASSWORD_LENGTH: Final = range(12, MAX_PASSWORD + 1)  # characters; the upper end keeps hashing cheap
MIN_DIFFERENT_CHARACTERS: Final = 5
MAX_NAME: Final = 100
MAX_EMAIL: Final = 254  # RFC 5321

THROTTLE: Final = Throttle(
    attempts=5,
    first_pause=timedelta(seconds=30),
    longest_pause=timedelta(minutes=15),
    forgotten_after=timedelta(days=1),
)

WRONG: Final = marked(
    "E-mail address and password do not match, or sign-in is paused after several wrong attempts. "
    "Check both; if they are right, wait a few minutes."
)

NAME_MISSING: Final = marked("Type your name as it should appear to sellers.")

WRONG_CURRENT: Final = marked(
    "This is not your password, or there were several wrong attempts. If it is right, wait a few minutes."
)

FAILURE_SECONDS: Final = 0.25
"""The least time that a failed attempt takes: the extra statement for existing accounts does not show in it."""

_EMAIL: Final = re.compile(
    r"[^\s@<>\"',;:\\\x00-\x20\x7f]{1,64}@[^\s@<>\"',;:\\/\x00-\x20\x7f]+\.[^\s@.<>\"',;:\\/\x00-\x20\x7f]{2,}"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


async def sign_in(service: Service, email: str, password: str, visitor: Visitor = UNKNOWN) -> Party:
    """The party with this address and password, also when it is suspended or closed. Raises FormError, BusyError.

    Failures are counted twice: of the client, whichever accounts they are about, and of client and address together,
    whether or not there is such an account. A device that is known for the address has a count of its own instead, so
    that nobody else holds it up. Who has too many waits, and nothing is hashed.
    """
    loop = asyncio.get_running_loop()
    earliest = loop.time() + FAILURE_SECONDS
    email = email if _storable(email) else ""
    device = known_device(service, email, visitor)
    client = visitor.client if device is None else None
    subject = _subject(service, email, visitor.client, device)
    with service.passwords.place(visitor.client, known=device is not None):
        party = await _right(service, email, password, client, subject)
    if party is None:
        await asyncio.sleep(earliest - loop.time())
        raise FormError({"email": _(WRONG)})
    await attempts.take_back(service, attempts.FAILED_SIGN_INS, client)
    await sign_in_pauses.end(service.pool, subject)
    return party


async def _right(service: Service, email: str, password: str, client: str | None, subject: bytes) -> Party | None:
    """The party, if it may be tried and the password is right."""
    if not await attempts.allowed(service, attempts.FAILED_SIGN_INS, client):
        return None
    if not await sign_in_pauses.begin(service.pool, subject, THROTTLE, service.clock()):
        return None
    party = await parties.find_by_email(service.pool, email)
    stored = None if party is None else party.password_hash
    right = await service.passwords.verify(stored, password)
    if party is None or stored is None or not right:
        return None
    if service.passwords.outdated(stored):
        await parties.renew_password_hash(service.pool, party.party_id, stored, await service.passwords.hash(password))
    return party


def _subject(service: Service, email: str, client: str | None, device: str | None) -> bytes:
    """What wrong passwords are counted by: the known device, else client and e-mail address together."""
    if device is not None:
        return service.vault.digest(device, "sign-ins on a known device")
    home = "" if client is None else attempts.home_of(client)
    return service.vault.digest(f"{parties.normal_email(email)}\0{home}", "sign-ins of a client")


async def open_personal(service: Service, name: str, email: str, password: str, client: str | None = None) -> Party:
    """Open a personal account. Raises FormError, EmailTakenError, BusyError."""
    name, email = check_new_account(name, email, password)
    password_hash = await hash_password(service, password, client)
    async with service.pool.acquire() as connection:
        return await parties.create_personal(connection, email, name, password_hash, service.clock())


async def hash_password(service: Service, password: str, client: str | None = None) -> str:
    """Argon2id in its text form, for a client who gets one of the places. Raises BusyError."""
    with service.passwords.place(client):
        return await service.passwords.hash(password)


async def change_password(service: Service, party: Party, current: str, new: str, visitor: Visitor) -> Party:
    """Another password for somebody who knows the present one; signs out everywhere. Raises FormError, BusyError.

    Wrong guesses count, and pause, as those on the sign-in page do.
    """
    if problem := password_problem(new, party.email, party.name):
        raise FormError({"password": problem})
    try:
        await sign_in(service, party.email, current, visitor)
    except FormError:
        raise FormError({"current": _(WRONG_CURRENT)}) from None
    return await replace_password(service, party, await hash_password(service, new, visitor.client))


async def replace_password(service: Service, party: Party, password_hash: str) -> Party:
    """Set another password, end all sessions, and tell the owner by e-mail in case it was not them."""
    async with service.pool.acquire() as connection, connection.transaction():
        renewed = await store_password(connection, party, password_hash)
    await tell_of_new_password(service, party)
    return renewed


async def store_password(connection: Connection, party: Party, password_hash: str) -> Party:
    """Keep another password, and sign other browsers out. What else is to be in the same commit goes with it."""
    renewed = await parties.replace_password(connection, party.party_id, password_hash)
    await web_sessions.end_of_party(connection, party.party_id)
    return renewed


async def tell_of_new_password(service: Service, party: Party) -> None:
    """A letter to the owner of the account, in case it was not them."""
    url = mail.address_of(service, "/account/forgotten")
    await mail.post(service, party.email, email_templates.password_changed(url))


async def sign_out_everywhere(service: Service, party: Party) -> None:
    """End the sessions of all browsers on which this party is signed in."""
    await parties.sign_out_everywhere(service.pool, party.party_id)
    await web_sessions.end_of_party(service.pool, party.party_id)


def check_new_account(name: str, email: str, password: str) -> tuple[str, str]:
    """Name and address as they are stored. Raises FormError: something cannot be used."""
    name, email = " ".join(name.split()), email.strip()
    problems = {}
    if not is_name(name):
        problems["name"] = _(NAME_MISSING)
    if not is_email(email):
        problems["email"] = _("Type your e-mail address, such as name@example.com.")
    if problem := password_problem(password, email, name):
        problems["password"] = problem
    if problems:
        raise FormError(problems)
    return name, email


def is_name(text: str) -> bool:
    """Whether this can be the name of an account holder: one line, not too long, and nothing that turns text around."""
    return 0 < len(text) <= MAX_NAME and _CONTROL.search(text) is None and DIRECTION.search(text) is None


def is_email(text: str) -> bool:
    """Whether this looks like an e-mail address; whether it is one only a letter to it can tell."""
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def password_problem(password: str, email: str, name: str) -> str | None:
    """What to change about a new password; None when it will do."""
    if len(password) < PASSWORD_LENGTH[0]:
        return _("Use at least %(num)s characters. Several words are fine.", num=PASSWORD_LENGTH[0])
    if len(password) > PASSWORD_LENGTH[-1]:
        return _("Use at most %(num)s characters.", num=PASSWORD_LENGTH[-1])
    lower = password.casefold()
    personal = {email.casefold(), email.casefold().partition("@")[0], name.casefold()}
    leftover = lower
    for word in sorted(personal, key=len, reverse=True):
        leftover = leftover.replace(word, "") if len(word) > 3 else leftover  # noqa: PLR2004 - initials may occur
    if len(leftover) < PASSWORD_LENGTH[0] // 2:
        return _("Do not use your name or e-mail address as your password.")
    if len(set(lower)) < MIN_DIFFERENT_CHARACTERS or lower in "".join(map(chr, range(32, 127))) or is_common(password):
        return _("This is too easy to guess. Use several words, or more different characters.")
    return None


def _storable(text: str) -> bool:
    """PostgreSQL's text has no NUL, and UTF-8 no lone surrogates."""
    return len(text) <= MAX_EMAIL and _CONTROL.search(text.strip()) is None
