"""Signing in with a password, and what a password may be.

Nothing here tells whether an e-mail address has an account: every way to fail takes one hash and says the same words.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts, email_templates, mail
from tallystick.store.accounts import parties, web_sessions
from tallystick.store.accounts.parties import Party, Throttle
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.context import Service

PASSWORD_LENGTH: Final = range(12, 129)  # characters; the upper end keeps hashing cheap
MIN_DIFFERENT_CHARACTERS: Final = 5
MAX_NAME: Final = 100
MAX_EMAIL: Final = 254  # RFC 5321

THROTTLE: Final = Throttle(attempts=5, first_pause=timedelta(seconds=30), longest_pause=timedelta(minutes=15))

WRONG: Final = marked(
    "E-mail address and password do not match, or sign-in is paused after several wrong attempts. "
    "Check both; if they are right, wait a few minutes."
)

WRONG_CURRENT: Final = marked(
    "This is not your password, or there were several wrong attempts. If it is right, wait a few minutes."
)

FAILURE_SECONDS: Final = 0.25
"""A failure never comes sooner, so that the extra statement for accounts that exist does not show in the time."""

_EMAIL: Final = re.compile(
    r"[^\s@<>\"',;:\\\x00-\x20\x7f]{1,64}@[^\s@<>\"',;:\\/\x00-\x20\x7f]+\.[^\s@.<>\"',;:\\/\x00-\x20\x7f]{2,}"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DIRECTION: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Unicode's Bidi_Control: unseen, and what follows them may be read as something else."""

_HASHER: Final = PasswordHasher()  # argon2id with the library's current parameters
_NOBODYS_HASH: Final = _HASHER.hash("nobody has this password")
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")  # each hash takes 64 MiB


async def sign_in(service: Service, email: str, password: str, client: str | None = None) -> Party:
    """The party with this address and password, also when it is suspended or closed. Raises FormError.

    `client`: the address that the attempt comes from, where it is known: one client's failures are counted, whichever
    accounts they are about.
    """
    now = service.clock()
    loop = asyncio.get_running_loop()
    earliest = loop.time() + FAILURE_SECONDS
    welcome = await attempts.allowed(service, attempts.FAILED_SIGN_INS, client)
    party = await parties.find_by_email(service.pool, email) if welcome and _storable(email) else None
    counted = party is not None and await parties.begin_sign_in(service.pool, party.party_id, THROTTLE, now)
    stored = party.password_hash if party is not None and counted else None
    right = await verify_password(stored, password)
    if party is None or stored is None or not right:
        await asyncio.sleep(earliest - loop.time())
        raise FormError({"email": _(WRONG)})
    await attempts.take_back(service, attempts.FAILED_SIGN_INS, client)
    await parties.forget_failed_sign_ins(service.pool, party.party_id)
    if _HASHER.check_needs_rehash(stored):
        await parties.renew_password_hash(service.pool, party.party_id, stored, await hash_password(password))
    return party


async def open_personal(service: Service, name: str, email: str, password: str) -> Party:
    """Open a personal account. Raises FormError, EmailTakenError."""
    name, email = check_new_account(name, email, password)
    password_hash = await hash_password(password)
    async with service.pool.acquire() as connection:
        return await parties.create_personal(connection, email, name, password_hash, service.clock())


async def set_password(service: Service, party: Party, password: str) -> None:
    """Give an account another password, or its first one, and sign out everywhere. Raises FormError."""
    if problem := password_problem(password, party.email, party.name):
        raise FormError({"password": problem})
    await _replace_password(service, party, password)


async def change_password(service: Service, party: Party, current: str, new: str) -> Party:
    """Another password for somebody who knows the present one; signs out everywhere. Raises FormError.

    Wrong guesses count, and pause, as those on the sign-in page do.
    """
    if problem := password_problem(new, party.email, party.name):
        raise FormError({"password": problem})
    try:
        await sign_in(service, party.email, current)
    except FormError:
        raise FormError({"current": _(WRONG_CURRENT)}) from None
    return await _replace_password(service, party, new)


async def _replace_password(service: Service, party: Party, password: str) -> Party:
    """Another password, other browsers signed out, and word to the owner in case it was not them."""
    password_hash = await hash_password(password)
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
        problems["name"] = _("Type your name as it should appear to sellers.")
    if not is_email(email):
        problems["email"] = _("Type your e-mail address, such as name@example.com.")
    if problem := password_problem(password, email, name):
        problems["password"] = problem
    if problems:
        raise FormError(problems)
    return name, email


def is_name(text: str) -> bool:
    """Whether this can be the name of an account holder: one line, not too long, and nothing that turns text around."""
    return 0 < len(text) <= MAX_NAME and _CONTROL.search(text) is None and _DIRECTION.search(text) is None


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
    if len(set(lower)) < MIN_DIFFERENT_CHARACTERS or lower in "".join(map(chr, range(32, 127))):
        return _("This is too easy to guess. Use several words, or more different characters.")
    return None


async def hash_password(password: str) -> str:
    """Argon2id in its text form; on a thread, since it takes its time on purpose."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether this is the password of the hash. Without a hash it is not, and that takes as long."""

    def verify() -> bool:
        try:
            return _HASHER.verify(stored or _NOBODYS_HASH, password[: PASSWORD_LENGTH[-1] + 1])
        except (VerificationError, InvalidHashError):
            return False

    right = await asyncio.get_running_loop().run_in_executor(_THREADS, verify)
    return right and stored is not None


def _storable(text: str) -> bool:
    """PostgreSQL's text has no NUL, and UTF-8 no lone surrogates."""
    return len(text) <= MAX_EMAIL and _CONTROL.search(text.strip()) is None
