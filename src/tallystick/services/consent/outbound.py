"""Messages that leave through a buyer's browser, return URLs with a signature of ours; and knowing them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import MessageSigner, is_signed_by, key_name, sign_message
from tallystick.store.keys import signing_keys

if TYPE_CHECKING:
    from tallystick.services.context import Service


async def sign_return_url(
    service: Service, return_url: str, answer: Mapping[str, str], request_id: str, method: str = signing.RSA_METHOD
) -> str:
    """The whole URL to send the buyer to: the caller's own parameters as written, then `answer`, then the signature.

    `method`: one of signing.RSA_METHODS, as the caller chose. An own parameter with a name that the answer has is
    dropped, so that no receiver can read the wrong one. Raises ValueError when `return_url` is not an absolute http or
    https URL.
    """
    async with service.pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, service.vault, service.clock())
    signer = MessageSigner(service.settings.public_url, key.name, key.private_key, method)
    message = sign_message(signer, "GET", return_url, answer, request_id)
    parts = urlsplit(message.url)
    query = "&".join(part for part in (parts.query, signing.percent_encoded_query(message.params)) if part)
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))


async def signed_by_us(service: Service, endpoint: str, params: Mapping[str, str]) -> bool:
    """Whether a message for `endpoint` was signed by any key that this service ever had, unless it was revoked.

    A certificate stays good after its key was replaced. Nothing is fetched: the key is looked up by the name in
    `certificateUrl`.
    """
    name = key_name(params.get("certificateUrl", ""), service.settings.public_url)
    certificate = None if name is None else await signing_keys.certificate(service.pool, name)
    return certificate is not None and is_signed_by(signing.public_key(certificate), endpoint, params)
