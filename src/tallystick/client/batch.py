"""Many charges in one request: signed lines of JSON out, a line of JSON for each back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from tallystick.client.fps import Credentials, ServiceError
from tallystick.domain.messages.message_signatures import content_digest, sign

BATCH_PATH: Final = "/v1/payments/batch"
MEDIA_TYPE: Final = "application/x-ndjson"

Payment = Mapping[str, Any]
"""A line: `caller_reference`, `sender_token_id`, `amount` as text such as "0.05"; descriptions and so on if wanted."""


def signed_batch(
    service_url: str, credentials: Credentials, payments: Iterable[Payment], now: datetime
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a POST to BATCH_PATH; good for the minutes that the service allows clocks to differ."""
    body = b"".join(msgspec.json.encode(payment) + b"\n" for payment in payments)
    digest = content_digest(body)
    signature_input, signature = sign(
        {
            "@method": "POST",
            "@authority": urlsplit(service_url).netloc.lower(),
            "@path": BATCH_PATH,
            "content-digest": digest,
        },
        credentials.access_key_id,
        credentials.secret,
        now,
    )
    headers = {
        "content-type": MEDIA_TYPE,
        "content-digest": digest,
        "signature-input": signature_input,
        "signature": signature,
    }
    return headers, body


async def pay_all(
    http: httpx.AsyncClient, service_url: str, credentials: Credentials, payments: Sequence[Payment], now: datetime
) -> list[dict[str, Any]]:
    """Send up to a thousand payments; returns the outcome of each, in their order.

    Raises ServiceError: the request as a whole was refused, and nothing was done. httpx.HTTPError: there was no answer;
    the same lines may be sent again, since each reference is charged at most once.
    """
    headers, body = signed_batch(service_url, credentials, payments, now)
    answer = await http.post(f"{service_url}{BATCH_PATH}", content=body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        problem = msgspec.json.decode(answer.content)
        raise ServiceError(problem["code"], problem["detail"])
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]
