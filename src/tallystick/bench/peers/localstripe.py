"""localstripe: a fake of Stripe's API that programs are tested against."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx

from tallystick.bench.load.wrk import LoadError
from tallystick.bench.peers.peer import Peer, PeerRate, Surroundings
from tallystick.bench.peers.server import flooded, serving_peer

STATE: Final = Path("/tmp/localstripe.pickle")  # noqa: S108 - the place is its own choice
"""Where it keeps everything, and writes it anew after each change."""

_KEY: Final = {"authorization": "Bearer sk_test_bench"}
_CARD: Final = {
    "type": "card",
    "card[number]": "4242424242424242",
    "card[exp_month]": "12",
    "card[exp_year]": "2040",
    "card[cvc]": "123",
}


def charges(url: str, method: str) -> Iterator[bytes]:
    """Charges of a cent, each with an idempotency key of its own."""
    body = urlencode({"amount": 1, "currency": "usd", "source": method})
    head = (
        f"POST /v1/charges HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: {_KEY['authorization']}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    )
    while True:
        yield f"{head}Idempotency-Key: {secrets.token_hex(12)}\r\n\r\n{body}".encode("ascii")


async def _measure(where: Surroundings, clients: int, seconds: int) -> PeerRate:
    if STATE.exists():
        raise LoadError(f"localstripe would overwrite {STATE}, which is somebody's: move it away")
    try:
        async with serving_peer(where, "localstripe.server", "--from-scratch", "--port") as url:
            async with httpx.AsyncClient(base_url=url, headers=_KEY, trust_env=False) as client:
                made = (await client.post("/v1/payment_methods", data=_CARD)).raise_for_status()
            return await flooded(url, charges(url, made.json()["id"]), where.directory, clients, seconds)
    finally:
        STATE.unlink(missing_ok=True)


LOCALSTRIPE: Final = Peer(
    name="localstripe",
    install="pip install localstripe",
    compared=(
        "POST /v1/charges of a cent by card, a key as bearer; it keeps objects in memory and writes them all into a "
        "file after each change, so it becomes slower with each charge; no ledger, no balance that is checked"
    ),
    measure=_measure,
)
