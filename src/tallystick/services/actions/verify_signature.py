"""VerifySignature: whether a message that somebody received was signed by this service.

Our own keys are looked up by the date in `certificateUrl`. Nothing is ever fetched: verifiers that fetched what the
message named could be made to trust anybody's key. Source: docs/protocol/signatures.md, 5 and 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from tallystick.domain.messages import signing
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.message_subjects import takes_part
from tallystick.services.consent.outbound import signed_by_us
from tallystick.store.keys import access_keys

if TYPE_CHECKING:
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


async def verify_signature(call: Call) -> Result:
    """Success or Failure, whatever the age of the message.

    A caller who signs this call gets Success only for messages about transactions or tokens of their own: a return URL
    at their address may carry an answer about a payment to somebody else. A call without a signature names no caller;
    then the signature of the message alone decides, as the protocol has it.

    Messages of the first signature scheme, which name no certificate, are accepted only where a setting allows them.
    Their string to sign has no separators between names and values, so that a signed link with text of a buyer's can
    be split differently and passed off as an answer.

    Raises Refused: InvalidParams when no certificate is named.
    """
    endpoint = urlunsplit(urlsplit(call.values.text("UrlEndPoint"))._replace(query="", fragment=""))
    params = decode_message(call.values.text("HttpParameters"))
    if params is None:
        return _status(verified=False)
    of_the_oldest_kind = "signature" in params and "signatureVersion" not in params
    if of_the_oldest_kind and call.service.settings.allow_signature_v1:
        return _status(verified=await _signed_by_caller(call, params))
    if not params.get("certificateUrl"):
        raise Refused(Refusal.InvalidParams, "certificateUrl is missing in 'HttpParameters'.")
    verified = await signed_by_us(call.service, endpoint, params)
    return _status(verified=verified and await _concerns_caller(call, params))


async def _concerns_caller(call: Call, params: dict[str, str]) -> bool:
    if call.signed_by is None or call.service.settings.verify_signature_for_anyone:
        return True
    return await takes_part(call.service.pool, call.signed_by, params)


def _status(*, verified: bool) -> Result:
    return {"VerificationStatus": "Success" if verified else "Failure"}


def decode_message(text: str) -> dict[str, str] | None:
    """The parameters of the message. None when a name is repeated: its reader may have used the unsigned value."""
    params: dict[str, str] = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        try:
            decoded, content = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            return None
        if decoded in params:
            return None
        params[decoded] = content
    return params


async def _signed_by_caller(call: Call, params: dict[str, str]) -> bool:
    """Messages of the first scheme carry an HMAC made with the caller's secret, so only that caller can verify them."""
    if call.signed_by is None:
        return False
    key = call.signed_by
    secrets = await access_keys.secrets_of(
        call.service.pool, call.service.vault, key.party_id, key.environment, call.now
    )
    text = signing.string_to_sign_v1(params, "signature")
    given = signing.as_received(params["signature"])
    matches = [signing.equal(given, signing.hmac_signature(text, secret, "HmacSHA1")) for secret in secrets]
    return any(matches)
