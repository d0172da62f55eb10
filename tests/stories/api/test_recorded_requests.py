"""Requests of clients that nobody here wrote, byte by byte as they came over the wire.

`tests/data/recorded_requests.json` has them with gaps for what differs from one time to the next: ids, moments, the
message to verify, and the key with its signature. `answered` is the code of the refusal, null for an answer.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from tests.stories.conftest import OpenShop
from tests.support.paths import DATA
from tests.support.shop import Shop, signature

from tallystick.domain.commands import Method, TokenTerms
from tallystick.domain.outcomes import Accepted
from tallystick.services.consent.outbound import sign_return_url

ENDPOINT: Final = "http://shop.example:8080/fps/return"
RECORDED: Final[list[dict[str, Any]]] = json.loads((DATA / "recorded_requests.json").read_text("utf-8"))


@dataclass(frozen=True)
class Recorded:
    """One request with its gaps."""

    client: str
    answered: str | None
    head: list[str]
    body: str

    @property
    def target(self) -> str:
        return self.head[0].split(" ")[1]

    @property
    def parameters(self) -> str:
        return self.body or urlsplit(self.target).query

    def value(self, name: str) -> str:
        return dict(parse_qsl(self.parameters))[name]

    def filled(self, gaps: dict[str, str], secret: str) -> bytes:
        """The request as it goes over the wire, signed where the client signed it."""
        text = fill(self.parameters, gaps)
        if "{signature}" in text:
            params = dict(parse_qsl(text, keep_blank_values=True))
            del params["Signature"]
            host = next(line.partition(": ")[2] for line in self.head if line.startswith("Host: "))
            made = signature(self.head[0].split(" ")[0], host, "/", params, secret)
            text = text.replace("{signature}", quote(made, safe=""))
        head = "\r\n".join(self.head).replace("{length}", str(len(text)))
        if not self.body:
            head = head.replace(self.parameters, text)
        return f"{head}\r\n\r\n{text if self.body else ''}".encode()


def fill(text: str, gaps: dict[str, str]) -> str:
    for name, value in gaps.items():
        text = text.replace(f"{{{name}}}", quote(value, safe=""))
    return text


REQUESTS: Final = [Recorded(one["client"], one["answered"], one["request"], one.get("body", "")) for one in RECORDED]


async def gaps_of(recorded: Recorded, shop: Shop, open_shop: OpenShop) -> dict[str, str]:
    """What the request is about, made just before."""
    now = shop.clock()
    gaps = {
        "key": shop.key.access_key_id,
        "now": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "earlier": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    action = recorded.value("Action")
    if action == "VerifySignature":
        own = (await shop.books.prepaid_buyer()).money  # a signed call hears only of what it takes part in
        answer = {"status": "SC", "expiry": "12/2039", "fundingTokenID": own, "callerReference": "F0 +~"}
        url = await sign_return_url(shop.service, f"{ENDPOINT}?order=7", answer, "request-1")
        gaps |= {"endpoint": ENDPOINT, "message": urlsplit(url).query}
    elif action == "Pay":
        enough = recorded.answered is None
        buyer = await (shop.books.funded_buyer("10.00") if enough else shop.books.prepaid_buyer())
        gaps["spending"] = buyer.spending
    elif action == "Settle":
        held = await shop.books.reserve(await shop.books.sender_token(Method.CC), "8.00")
        assert isinstance(held, Accepted)
        await shop.rail_answers()
        gaps["reservation"] = held.transaction_id
    elif action == "GetRecipientVerificationStatus":
        gaps["recipient"] = await shop.books.recipient_token((await open_shop()).books, TokenTerms())
    return gaps


async def answer_to(request: bytes, shop: Shop) -> tuple[int, str]:
    """Send bytes as they stand; the status of the answer and its body."""
    url = httpx.URL(shop.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode()
    length = re.search(r"^content-length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
    assert length is not None, head
    assert "content-encoding" not in head.lower()
    body = await asyncio.wait_for(reader.readexactly(int(length[1])), 30)
    writer.close()
    await writer.wait_closed()
    return int(head.split(" ")[1]), body.decode()


@pytest.mark.parametrize(
    "recorded", REQUESTS, ids=lambda one: f"{one.client.partition('/')[0]} {one.value('Action')} {one.value('Version')}"
)
async def test_what_old_clients_send_is_understood(recorded: Recorded, shop: Shop, open_shop: OpenShop) -> None:
    request = recorded.filled(await gaps_of(recorded, shop, open_shop), shop.key.secret)
    assert b"{" not in request

    status, text = await answer_to(request, shop)

    if recorded.answered is None:
        namespace = f"http://fps.amazonaws.com/doc/{recorded.value('Version')}/"
        assert (status, text.splitlines()[1].partition(">")[0]) == (
            200,
            f'<{recorded.value("Action")}Response xmlns="{namespace}"',
        )
    else:
        assert (status, f"<Code>{recorded.answered}</Code>" in text) == (400, True), text
    if recorded.value("Action") == "VerifySignature":
        assert "<VerificationStatus>Success</VerificationStatus>" in text


def test_the_recordings_have_calls_with_and_without_a_signature() -> None:
    unsigned = [one for one in REQUESTS if "{signature}" not in one.parameters]

    assert [(one.value("Action"), one.value("Version")) for one in unsigned] == [("VerifySignature", "2010-08-28")]
    assert len(REQUESTS) == 14
