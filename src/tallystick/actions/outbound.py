"""Messages that leave through a buyer's browser: return URLs with a signature of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tallystick.domain import signing
from tallystick.ledger import signing_keys

if TYPE_CHECKING:
    from tallystick.actions.service import Service

CERTIFICATES_PATH: Final = "/certs/"
CERTIFICATE_FILE: Final = "/PKICert.pem"


def certificate_url(public_url: str, name: str, request_id: str) -> str:
    """Where the receiver finds the certificate of the key `name`; the request id only tells messages apart."""
    return f"{public_url}{CERTIFICATES_PATH}{name}{CERTIFICATE_FILE}?requestId={request_id}"


async def sign_return_url(service: Service, return_url: str, answer: Mapping[str, str], request_id: str) -> str:
    """The whole URL to send the buyer to: the caller's own parameters as written, then `answer`, then the signature.

    An own parameter with a name that the answer has is dropped, so that no receiver can read the wrong one. Raises
    ValueError when `return_url` is not an absolute http or https URL.
    """
    async with service.pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, service.vault, service.clock())
    params = {
        **answer,
        "signatureVersion": "2",
        "signatureMethod": signing.RSA_METHOD,
        "certificateUrl": certificate_url(service.settings.public_url, key.name, request_id),
    }
    parts = urlsplit(return_url)
    own_query = parts.query
    own = parse_qsl(own_query, keep_blank_values=True)
    kept = [(name, value) for name, value in own if name not in params and name != "signature"]
    if len(kept) < len(own):
        own_query = "&".join(
            f"{signing.percent_encoded(name)}={signing.percent_encoded(value)}" for name, value in kept
        )
    endpoint = urlunsplit(parts._replace(query=own_query, fragment=""))
    text = signing.string_to_sign_outbound("GET", endpoint, params)
    params["signature"] = signing.rsa_signature(text, key.private_key)
    query = "&".join(part for part in (own_query, signing.percent_encoded_query(params)) if part)
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))
