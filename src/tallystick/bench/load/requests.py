"""Signed requests, prepared before the measurement: each is distinct, as sellers' programs would send it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, cycle, islice
from typing import Final
from urllib.parse import urlsplit

from tallystick.bench.target.sellers import CHARGE_MICROS, REFUND_MICROS, BenchmarkSeller
from tallystick.client.batch import BATCH_PATH, signed_batch
from tallystick.client.fps import API_VERSION, METHOD, Credentials, amount
from tallystick.domain.ids import TokenId
from tallystick.domain.messages.signing import hmac_signature, percent_encoded_query, string_to_sign_v2
from tallystick.domain.money import format_amount
from tallystick.services.actions.activity import MAX_BATCH
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

    def batch(self, seller: BenchmarkSeller, tokens: Iterator[TokenId]) -> bytes:
        """A batch of charges of a cent, each on the next token, from its request line to its last byte."""
        lines = [
            {
                "caller_reference": secrets.token_hex(12),
                "sender_token_id": token,
                "amount": format_amount(CHARGE_MICROS),
            }
            for token in islice(tokens, BATCH_LINES)
        ]
        credentials = Credentials(seller.key.access_key_id, seller.key.secret)
        headers, body = signed_batch(self.service_url, credentials, lines, self.clock())
        headers |= {"host": urlsplit(self.service_url).netloc, "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {BATCH_PATH} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def json_charges(signer: RequestSigner, seller: BenchmarkSeller) -> Iterator[bytes]:
    """Charges of a cent of one seller in JSON, each on the next balance, with a key of its own."""
    host = urlsplit(signer.service_url).netloc
    head = (
        f"POST /v1/charges HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {seller.bearer}\r\n"
        "Content-Type: application/json\r\n"
    )
    amount_text = format_amount(CHARGE_MICROS)
    for instrument, _ in cycle(seller.balances):
        body = f'{{"authorization":"{instrument}","amount":"{amount_text}"}}'
        own = f"Idempotency-Key: {secrets.token_hex(12)}\r\nContent-Length: {len(body)}\r\n\r\n"
        yield f"{head}{own}{body}".encode("ascii")


def pays(signer: RequestSigner, seller: BenchmarkSeller, tokens: Sequence[TokenId]) -> Iterator[bytes]:
    """Charges of one seller, each on the next token."""
    for token in cycle(tokens):
        yield pay(signer, seller, token)


def batches(signer: RequestSigner, sellers: Sequence[BenchmarkSeller]) -> Iterator[bytes]:
    """Batches of one seller after the other."""
    tokens = [cycle([token for _, token in seller.balances]) for seller in sellers]
    for number in cycle(range(len(sellers))):
        yield signer.batch(sellers[number], tokens[number])


def spread_pays(signer: RequestSigner, sellers: Sequence[BenchmarkSeller]) -> Iterator[bytes]:
    """Charges of balances, of each seller in turn, however many balances each has."""
    own = [(seller, cycle([token for _, token in seller.balances])) for seller in sellers]
    for seller, tokens in cycle(own):
        yield pay(signer, seller, next(tokens))


def every_balance(signer: RequestSigner, sellers: Sequence[BenchmarkSeller]) -> Iterator[bytes]:
    """A charge of every balance of all sellers, each once; over and over."""
    for seller, token in cycle([(one, token) for one in sellers for _, token in one.balances]):
        yield pay(signer, seller, token)


def every_authorization(signer: RequestSigner, sellers: Sequence[BenchmarkSeller]) -> Iterator[bytes]:
    """A charge of every balance and every tab of all sellers, each once; over and over."""
    for seller, token in cycle([(one, token) for one in sellers for token in one.tokens]):
        yield pay(signer, seller, token)


def pay(signer: RequestSigner, seller: BenchmarkSeller, token: TokenId) -> bytes:
    """One charge of a cent with a reference of its own."""
    parameters = {"SenderTokenId": token, "CallerReference": secrets.token_hex(12)}
    return signer.request(seller.key, "Pay", parameters | amount("TransactionAmount", CHARGE_MICROS))


def balance_reads(signer: RequestSigner, seller: BenchmarkSeller) -> Iterator[bytes]:
    """GetPrepaidBalance of one balance after the other."""
    for instrument_id, _ in cycle(seller.balances):
        yield signer.request(seller.key, "GetPrepaidBalance", {"PrepaidInstrumentId": instrument_id})


def activity_lists(signer: RequestSigner, seller: BenchmarkSeller) -> Iterator[bytes]:
    """GetAccountActivity, as much as an answer may hold, over and over."""
    begin = (signer.clock() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    while True:
        yield signer.request(seller.key, "GetAccountActivity", {"StartDate": begin, "MaxBatchSize": str(MAX_BATCH)})


def mixed(signer: RequestSigner, seller: BenchmarkSeller) -> Iterator[bytes]:
    """Four kinds of request in the shares of the mix, in a random order that is the same in every run."""
    order = random.Random(1351)  # noqa: S311 - an order, not a secret
    actions, weights = [name for name, _ in _MIX], [share for _, share in _MIX]
    numbers, reads = count(), balance_reads(signer, seller)
    while True:
        action = order.choices(actions, weights)[0]
        if action == "Pay":
            _, token = seller.balances[order.randrange(len(seller.balances))]
            yield pay(signer, seller, token)
        elif action == "GetPrepaidBalance":
            yield next(reads)
        else:
            charge = seller.charges[next(numbers) % len(seller.charges)]
            parameters: dict[str, str] = {"TransactionId": charge}
            if action == "Refund":
                parameters |= {"CallerReference": secrets.token_hex(12)}
                parameters |= amount("RefundAmount", REFUND_MICROS)
            yield signer.request(seller.key, action, parameters)
