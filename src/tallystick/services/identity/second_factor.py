"""A second factor beside the password: codes of an authenticator app, and codes for when it is lost.

Source: RFC 6238 (TOTP), with what every app takes: SHA-1, six digits, half a minute. A passkey is a second factor by
itself and asks for none of this: it stands for device and owner at once.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pyotp

from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts, email_templates, mail
from tallystick.services.identity.passkeys import SECURITY_PATH, waits_for_address
from tallystick.services.identity.visitors import known_device
from tallystick.services.operations import audit
from tallystick.store.accounts import parties, passkeys, second_factors, staff, web_sessions
from tallystick.store.keys.vault import SealBrokenError
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.identity.visitors import Visitor
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party
    from tallystick.store.accounts.second_factors import SecondFactor

STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1
"""By how many half minutes the clock of somebody's telephone may be off, either way."""

RECOVERY_CODES: Final = 10
SETUP_LIFE: Final = timedelta(minutes=30)
"""How long the page with a new secret may be open."""

WRONG: Final = marked(
    "This is not the code, or it was used already. Type the one that your app shows now; after many wrong ones, wait an"
    " hour."
)
NOT_SET_UP: Final = marked("This is not the code of your app. Type the one that it shows now.")
TOO_OLD: Final = marked("This page was open for too long. Add the new key to your app and type its code.")

_DIGITS: Final = 6
_ISSUER: Final = "Tallystick"
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_CODE_LENGTH: Final = 12  # of 31 characters: 59 bits
_CODE_PART: Final = 4
_CONTEXT: Final = "second factor"


@dataclass(frozen=True, slots=True)
class Setup:
    """A secret that is not in use yet. `uri`: for the QR code; `sealed`: what the form carries of it."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    sealed: str = field(repr=False)


async def find(service: Service, party: Party) -> SecondFactor | None:
    """The authenticator app of this account; None where there is none."""
    return await second_factors.find(service.pool, party.party_id)


async def is_enrolled(service: Service, party: Party) -> bool:
    """Whether a password alone does not sign in to this account."""
    return await find(service, party) is not None


async def has_any(service: Service, party: Party) -> bool:
    """Whether this account has an app or a passkey."""
    return await is_enrolled(service, party) or bool(await passkeys.of_party(service.pool, party.party_id))


async def is_required(service: Service, party: Party) -> bool:
    """Whether the settings want a second factor of this person: for the operator's pages, or for a console."""
    settings = service.settings
    if settings.operators_need_second_factor and await staff.is_operator(service.pool, party.party_id):
        return True
    return settings.owners_need_second_factor and (
        party.kind == "business" or await staff.owns_any(service.pool, party.party_id)
    )


def begin(service: Service, party: Party) -> Setup:
    """A fresh secret for somebody's app. Nothing is kept of it before a code shows that the app has it."""
    secret = pyotp.random_base32()
    end = int((service.clock() + SETUP_LIFE).timestamp())
    sealed = service.vault.seal(f"{end} {secret}".encode(), _of_setup(party))
    uri = pyotp.TOTP(secret).provisioning_uri(name=party.email, issuer_name=_ISSUER)
    return Setup(secret, uri, urlsafe_b64encode(sealed).decode())


def resume(service: Service, party: Party, sealed: str) -> Setup | None:
    """The same as it was, where its form comes back; None: too old, or never one of ours."""
    try:
        end, _blank, secret = service.vault.open(urlsafe_b64decode(sealed), _of_setup(party)).decode().partition(" ")
    except (SealBrokenError, ValueError):
        return None
    if int(end) <= service.clock().timestamp():
        return None
    return Setup(secret, pyotp.TOTP(secret).provisioning_uri(name=party.email, issuer_name=_ISSUER), sealed)


async def enrol(service: Service, party: Party, sealed: str, code: str) -> list[str]:
    """Ask for codes of this app from now on; gives the recovery codes, which nobody sees again. Raises FormError.

    The code that shows that the app has the secret is used up by it.
    """
    setup = resume(service, party, sealed)
    if setup is None or waits_for_address(service, party):
        raise FormError({"code": _(TOO_OLD)})
    step = _step_of(service, setup.secret, _plain(code))
    if step is None:
        raise FormError({"code": _(NOT_SET_UP)})
    codes = [_recovery_code() for _number in range(RECOVERY_CODES)]
    digests = [_digest(service, party, one) for one in codes]
    secret_sealed = service.vault.seal(setup.secret.encode(), second_factors.seal_context(party.party_id))
    async with service.pool.acquire() as connection:
        if not await second_factors.add(connection, party.party_id, secret_sealed, step, digests, service.clock()):
            raise FormError({"code": _(TOO_OLD)})
    url = mail.address_of(service, SECURITY_PATH)
    await mail.post(service, party.email, email_templates.second_factor_added(url))
    return codes


async def check(service: Service, party: Party, code: str, visitor: Visitor) -> None:
    """Use up a code of the app, or a recovery code. Raises FormError: wrong, used before, or too many were.

    Wrong ones count for the account, whoever types them; a known device has a count of its own, so that others, who
    would have to know the password, do not hold its owner up. All known devices together have a wider one.
    """
    device = known_device(service, party.email, visitor)
    subject = str(party.party_id) if device is None else f"{party.party_id} {device}"
    together = None if device is None else str(party.party_id)
    if not await attempts.allowed(service, attempts.SECOND_FACTORS, subject):
        raise FormError({"code": _(WRONG)})
    if not await attempts.allowed(service, attempts.SECOND_FACTORS_OF_KNOWN, together):
        raise FormError({"code": _(WRONG)})
    if not await _use(service, party, _plain(code)):
        raise FormError({"code": _(WRONG)})
    await attempts.take_back(service, attempts.SECOND_FACTORS, subject)
    await attempts.take_back(service, attempts.SECOND_FACTORS_OF_KNOWN, together)


async def new_recovery_codes(service: Service, party: Party) -> list[str]:
    """Other recovery codes; the earlier ones count no more. Nothing where there is no app."""
    if not await is_enrolled(service, party):
        return []
    codes = [_recovery_code() for _number in range(RECOVERY_CODES)]
    async with service.pool.acquire() as connection:
        digests = [_digest(service, party, one) for one in codes]
        await second_factors.replace_codes(connection, party.party_id, digests)
    return codes


async def remove(service: Service, party: Party) -> None:
    """Let the password alone sign in again; a second time nothing happens."""
    if await second_factors.remove(service.pool, party.party_id):
        url = mail.address_of(service, SECURITY_PATH)
        await mail.post(service, party.email, email_templates.second_factor_removed(url))


async def reset(service: Service, actor: Actor, party: Party) -> bool:
    """Take app, recovery codes and passkeys from an account whose owner lost them; False where there was nothing.

    All browsers are signed out: the next sign-in is by the password, and sets up what the settings require.
    """
    async with service.pool.acquire() as connection, connection.transaction():
        had_app = await second_factors.remove(connection, party.party_id)
        had_passkeys = len(await passkeys.of_party(connection, party.party_id))
        if not had_app and not had_passkeys:
            return False
        await passkeys.remove_all(connection, party.party_id)
        await parties.sign_out_everywhere(connection, party.party_id)
        await web_sessions.end_of_party(connection, party.party_id)
        details = {"app": had_app, "passkeys": had_passkeys}
        await audit.record(
            connection, actor, "account.second_factor_reset", party.email, details=details, at=service.clock()
        )
    url = mail.address_of(service, SECURITY_PATH)
    await mail.post(service, party.email, email_templates.second_factor_removed(url))
    return True


def _of_setup(party: Party) -> str:
    return f"{_CONTEXT} to be set up by {party.party_id}"


async def _use(service: Service, party: Party, code: str) -> bool:
    known = await second_factors.find(service.pool, party.party_id)
    if known is None:
        return False
    if len(code) == _DIGITS:
        secret = service.vault.open(known.secret_sealed, second_factors.seal_context(party.party_id)).decode()
        step = _step_of(service, secret, code)
        return step is not None and await second_factors.use_step(service.pool, party.party_id, step)
    return await second_factors.use_code(service.pool, party.party_id, _digest(service, party, code), service.clock())


def _step_of(service: Service, secret: str, code: str) -> int | None:
    """The half minute to which a code belongs, if it is one of the present ones."""
    now, codes = int(service.clock().timestamp()) // STEP_SECONDS, pyotp.HOTP(secret)
    fitting = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if hmac.compare_digest(codes.at(step).encode(), code.encode())
    ]
    return fitting[-1] if fitting else None


def _plain(code: str) -> str:
    """A code as it is compared: people type blanks and dashes as they are shown."""
    return "".join(character for character in code.lower() if character not in " -\u00a0")


def _recovery_code() -> str:
    code = "".join(secrets.choice(_ALPHABET) for _number in range(_CODE_LENGTH))
    return "-".join(code[start : start + _CODE_PART] for start in range(0, _CODE_LENGTH, _CODE_PART))


def _digest(service: Service, party: Party, code: str) -> bytes:
    return service.vault.digest(f"{party.party_id}\0{_plain(code)}", "recovery code")
