"""Passkeys beside passwords. Source: W3C Web Authentication, level 3.

A passkey asks its owner for a finger, a face or a PIN (user verification), so it stands for device and owner at once.
The library that knows the formats of authenticators is loaded where a passkey is made or used: it takes five megabytes,
which a process that never meets one has for something else.
"""

from __future__ import annotations

import ipaddress
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from tallystick.services.form_errors import FormError
from tallystick.services.identity import challenges, email_templates, mail
from tallystick.store.accounts import parties, passkeys
from tallystick.store.accounts.passkeys import Passkey, PasskeyTakenError
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.settings import Settings
    from tallystick.store.accounts.parties import Party

__all__ = [
    "Passkey",
    "add",
    "name_in_forms",
    "of_party",
    "owner_of",
    "registration_options",
    "relying_party",
    "remove",
    "sign_in_options",
    "waits_for_address",
]

SECURITY_PATH: Final = "/account/security"
MAX_PASSKEYS: Final = 20
MAX_NAME: Final = 60
MAX_ANSWER: Final = 20_000  # characters; what authenticators send takes a tenth of it

FAILED: Final = marked("The passkey was not accepted. Try again, or use your password.")
NOT_MADE: Final = marked("No passkey was made. Try again.")
TOO_MANY: Final = marked("You have %(num)s passkeys. Remove one that you no longer use first.")

_SIGNING_IN: Final = "sign in"
_SIGN_IN_MS: Final = 60_000
"""How long a browser gives somebody to choose a passkey; a hint, which it may ignore."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for a passkey: the name of our host, and the origins of our pages."""

    host: str
    origins: list[str]


class _Answer(msgspec.Struct):
    """What we read of a browser's answer ourselves; the library reads and checks the rest."""

    id: str
    response: dict[str, Any]


def relying_party(settings: Settings) -> RelyingParty | None:
    """None where passkeys cannot be: browsers bind them to a host's name, and this service is reached by a number."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return RelyingParty(host, [url for url in (settings.public_url, settings.staff_url) if url is not None])
    return None


def sign_in_options(service: Service) -> dict[str, Any] | None:
    """What a sign-in page asks a browser for: any passkey that it has for us. None where passkeys cannot be."""
    ours = relying_party(service.settings)
    if ours is None:
        return None
    return {
        "challenge": _text(challenges.make(service, _SIGNING_IN)),
        "timeout": _SIGN_IN_MS,
        "rpId": ours.host,
        "allowCredentials": [],
        "userVerification": "required",
    }


def waits_for_address(service: Service, party: Party) -> bool:
    """Whether this party has to show first that its address is its own: else somebody's passkey opens another's."""
    return service.settings.consent_needs_verified_email and not party.email_verified


async def registration_options(service: Service, party: Party) -> dict[str, Any] | None:
    """What the security page asks a browser for: a new passkey. None where passkeys cannot be, or not yet."""
    ours = relying_party(service.settings)
    if ours is None or waits_for_address(service, party):
        return None
    known = await passkeys.of_party(service.pool, party.party_id)
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers import options_to_json_dict, structs  # noqa: PLC0415 - see above

    options = webauthn.generate_registration_options(
        rp_id=ours.host,
        rp_name="Tallystick",
        user_id=service.vault.digest(str(party.party_id), "passkey owner"),
        user_name=party.email,
        user_display_name=party.name,
        challenge=challenges.make(service, _adding_to(party.party_id)),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(
                id=one.credential_id,
                transports=[structs.AuthenticatorTransport(transport) for transport in one.transports],
            )
            for one in known
        ],
    )
    return options_to_json_dict(options)


def _adding_to(party_id: PartyId) -> str:
    return f"add to {party_id}"


async def add(service: Service, party: Party, answer: str, name: str) -> Passkey:
    """Register what a browser made. Raises FormError."""
    name = " ".join(name.split())[:MAX_NAME]
    if not name.isprintable() or not name:
        raise FormError({"name": _("Give the passkey a name by which you will know it again.")})
    ours, read = relying_party(service.settings), _read(answer)
    challenge = await _challenge(service, read, _adding_to(party.party_id))
    if len(await passkeys.of_party(service.pool, party.party_id)) >= MAX_PASSKEYS:
        raise FormError({"name": _(TOO_MANY, num=MAX_PASSKEYS)})
    if ours is None or read is None or challenge is None or waits_for_address(service, party):
        raise FormError({"passkey": _(NOT_MADE)})
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - see above

    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=ours.host,
            expected_origin=ours.origins,
            require_user_verification=True,
        )
        passkey = Passkey(
            credential_id=made.credential_id,
            party_id=party.party_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            transports=_transports(read),
            synced=made.credential_backed_up,
            name=name,
            created_at=service.clock(),
        )
        await passkeys.add(service.pool, passkey)
    except (WebAuthnException, PasskeyTakenError, ValueError, KeyError, TypeError):
        raise FormError({"passkey": _(NOT_MADE)}) from None
    url = mail.address_of(service, SECURITY_PATH)
    await mail.post(service, party.email, email_templates.passkey_added(name, url))
    return passkey


async def owner_of(service: Service, answer: str) -> Party:
    """Whose passkey signed our challenge. Raises FormError, which says no more than that it was not accepted."""
    ours, read = relying_party(service.settings), _read(answer)
    challenge = await _challenge(service, read, _SIGNING_IN)
    passkey = None if read is None else await passkeys.find(service.pool, _bytes(read.id))
    if ours is None or challenge is None or passkey is None:
        raise FormError({"passkey": _(FAILED)})
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - see above

    try:
        used = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=ours.host,
            expected_origin=ours.origins,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise FormError({"passkey": _(FAILED)}) from None
    party = await parties.find(service.pool, passkey.party_id)
    if party is None or not await passkeys.mark_used(service.pool, passkey, used.new_sign_count, service.clock()):
        raise FormError({"passkey": _(FAILED)})
    return party


async def of_party(service: Service, party: Party) -> list[Passkey]:
    """The passkeys of this party."""
    return await passkeys.of_party(service.pool, party.party_id)


async def remove(service: Service, party: Party, named: str) -> None:
    """Remove a passkey, named by its id in the form of the page; a second time nothing happens."""
    name = await passkeys.remove(service.pool, party.party_id, _bytes(named))
    if name is not None:
        url = mail.address_of(service, SECURITY_PATH)
        await mail.post(service, party.email, email_templates.passkey_removed(name, url))


def name_in_forms(passkey: Passkey) -> str:
    """How forms name a passkey: its id in base64 for URLs."""
    return _text(passkey.credential_id)


def _read(answer: str) -> _Answer | None:
    try:
        return msgspec.json.decode(answer, type=_Answer) if len(answer) <= MAX_ANSWER else None
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None


async def _challenge(service: Service, read: _Answer | None, purpose: str) -> bytes | None:
    """The challenge that an answer is to, if it is ours for this purpose and was not answered before."""
    try:
        said = msgspec.json.decode(_bytes(str(read.response["clientDataJSON"]))) if read is not None else {}
        challenge = _bytes(str(said["challenge"]))
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None
    return challenge if await challenges.spend(service, challenge, purpose) else None


def _transports(read: _Answer) -> tuple[str, ...]:
    from webauthn.helpers.structs import AuthenticatorTransport  # noqa: PLC0415 - see above

    ways, given = {transport.value for transport in AuthenticatorTransport}, read.response.get("transports")
    return tuple(one for one in given if one in ways) if isinstance(given, list) else ()


def _text(value: bytes) -> str:
    """Base64 for URLs, without the signs at its end."""
    return urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Base64 for URLs, read; nothing where it is something else."""
    try:
        return urlsafe_b64decode(f"{text}===")
    except ValueError:
        return b""
