"""Signed requests, prepared before the measurement: each is distinct, as sellers' programs would send it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle, islice
from typing import Final
from urllib.parse import urlsplit

from tallystick.bench.target.stall import CHARGE_MICROS, REFUND_MICROS, Stall, spread
from tallystick.client.batch import BATCH_PATH, signed_batch
from tallystick.client.fps import API_VERSION, METHOD, Credentials, amount
from tallystick.domain.ids import TokenId
from tallystick.domain.messages.signing import hmac_signature, percent_encoded_query, string_to_sign_v2
from tallystick.domain.money import format_amount
from tallystick.store.keys.access_keys import AccessKey

BATCH_LINES: Final = 1000
_MIX: Final = (("Pay", 80), ("GetPrepaidBalance", 10), ("GetTransactionStatus", 5), ("Refund", 5))
"""Shares of the mix, in per cent."""


@dataclass(frozen=True, slots=True)
class RequestSigner:
    """Writes whole HTTP requests for one service, signed for the minutes around what `clock` says."""

    service_url: str
    clock: Callable[[], datetime]

    def request(self, key: AccessKey, action: str, parameters: Mapping[str, str]) -> bytes:
        """A call of the query API, from its request line to its last byte; with GET, as the stock clients send it."""
        host = urlsplit(self.service_url).netloc
        params = {
            "Action": action,
            "AWSAccessKeyId": key.access_key_id,
            "Timestamp": self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": API_VERSION,
            **parameters,
            "SignatureVersion": "2",
            "SignatureMethod": METHOD,
        }
        text = string_to_sign_v2("GET", host, "/", params, "Signature")
        params["Signature"] = hmac_signature(text, key.secret, METHOD)
        return f"GET /?{percent_encoded_query(params)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("ascii")

    def batch(self, stall: Stall, tokens: Iterator[TokenId]) -> bytes:
        """A batch of charges of a cent, each on the next token, from its request line to its last byte."""
        lines = [
            {
                "caller_reference": secrets.token_hex(12),
                "sender_token_id": token,
                "amount": format_amount(CHARGE_MICROS),
            }
            for token in islice(tokens, BATCH_LINES)
        ]
        credentials = Credentials(stall.key.access_key_id, stall.key.secret)
        headers, body = signed_batch(self.service_url, credentials, lines, self.clock())
        headers |= {"host": urlsplit(self.service_url).netloc, "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {BATCH_PATH} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def pays(signer: RequestSigner, stall: Stall, tokens: Sequence[TokenId]) -> Iterator[bytes]:
    """Charges of one stall, each on the next token."""
    for token in cycle(tokens):
        yield pay(signer, stall, token)


def batches(signer: RequestSigner, stalls: Sequence[Stall]) -> Iterator[bytes]:
    """Batches of one stall after the other."""
    tokens = [cycle([token for _, token in stall.balances]) for stall in stalls]
    for number in cycle(range(len(stalls))):
        yield signer.batch(stalls[number], tokens[number])


def spread_pays(signer: RequestSigner, stalls: Sequence[Stall]) -> Iterator[bytes]:
    """Charges of balances, of each stall in turn."""
    for stall, _, token in cycle(spread(stalls)):
        yield pay(signer, stall, token)


def pay(signer: RequestSigner, stall: Stall, token: TokenId) -> bytes:
    """One charge of a cent with a reference of its own."""
    parameters = {"SenderTokenId": token, "CallerReference": secrets.token_hex(12)}
    return signer.request(stall.key, "Pay", parameters | amount("TransactionAmount", CHARGE_MICROS))


def balance_reads(signer: RequestSigner, stall: Stall) -> Iterator[bytes]:
    """GetPrepaidBalance of one balance after the other."""
    for instrument_id, _ in cycle(stall.balances):
        yield signer.request(stall.key, "GetPrepaidBalance", {"PrepaidInstrumentId": instrument_id})


def mixed(signer: RequestSigner, stall: Stall) -> Iterator[bytes]:
    """Four kinds of request in the shares of the mix, in a random order that is the same in every run."""
    order = random.Random(1351)  # noqa: S311 - an order, not a secret
    actions, weights = [name for name, _ in _MIX], [share for _, share in _MIX]
    numbers, reads = count(), balance_reads(signer, stall)
    while True:
        action = order.choices(actions, weights)[0]
        if action == "Pay":
            _, token = stall.balances[order.randrange(len(stall.balances))]
            yield pay(signer, stall, token)
        elif action == "GetPrepaidBalance":
            yield next(reads)
        else:
            charge = stall.charges[next(numbers) % len(stall.charges)]
            parameters: dict[str, str] = {"TransactionId": charge}
            if action == "Refund":
                parameters |= {"CallerReference": secrets.token_hex(12)}
                parameters |= amount("RefundAmount", REFUND_MICROS)
            yield signer.request(stall.key, action, parameters)
