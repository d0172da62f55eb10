"""Messages that leave through a buyer's browser: return URLs with a signature of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tallystick.domain import signing
from tallystick.domain.signed_messages import Signer, sign_message
from tallystick.ledger import signing_keys

if TYPE_CHECKING:
    from tallystick.actions.service import Service


async def sign_return_url(service: Service, return_url: str, answer: Mapping[str, str], request_id: str) -> str:
    """The whole URL to send the buyer to: the caller's own parameters as written, then `answer`, then the signature.

    An own parameter with a name that the answer has is dropped, so that no receiver can read the wrong one. Raises
    ValueError when `return_url` is not an absolute http or https URL.
    """
    async with service.pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, service.vault, service.clock())
    signer = Signer(service.settings.public_url, key.name, key.private_key)
    message = sign_message(signer, "GET", return_url, answer, request_id)
    parts = urlsplit(message.url)
    query = "&".join(part for part in (parts.query, signing.percent_encoded_query(message.params)) if part)
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))
