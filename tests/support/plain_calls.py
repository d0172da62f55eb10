"""Plain calls of one seller's key, and what the database has of it and of one balance."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from tests.support.api_without_books import HOST, Rows
from tests.support.signed_requests import sign

from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id

KEY: Final = "AK" + "0" * 18
SECRET: Final = "s" * 40
TOKEN: Final = make_token_or_instrument_id(IdKind.PREPAID_SENDER, BookId(7), bytes(27))
INSTRUMENT: Final = make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, BookId(7), bytes(27))
COMMON: Final = {
    "AWSAccessKeyId": KEY,
    "SignatureMethod": "HmacSHA256",
    "SignatureVersion": "2",
    "Timestamp": "2027-03-01T12:00:00Z",
    "Version": "2010-08-28",
}
BALANCE: Final = COMMON | {"Action": "GetPrepaidBalance", "PrepaidInstrumentId": INSTRUMENT}


def pay(reference: str) -> dict[str, str]:
    """A Pay of a quarter."""
    return COMMON | {
        "Action": "Pay",
        "CallerReference": reference,
        "SenderTokenId": TOKEN,
        "TransactionAmount.CurrencyCode": "USD",
        "TransactionAmount.Value": "0.25",
    }


def query(params: dict[str, str], secret: str = SECRET, host: str = HOST, verb: str = "GET") -> bytes:
    """The parameters as a query or a form, with their signature."""
    whole = params | {"Signature": sign(verb, host, params, secret)}
    return "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in whole.items()).encode()


def rows(**others: Any) -> Rows:  # noqa: ANN401 - values of a key's row
    """The key, with `others` in its row, and the balance."""
    found = Rows()
    found.add_key(KEY, SECRET, **others)
    found.balances[INSTRUMENT] = {
        "instrument_id": INSTRUMENT,
        "book_id": 7,
        "kind": "prepaid",
        "seller_party_id": 3,
        "sender_party_id": 4,
        "environment": "sandbox",
        "balance_micros": 12_345_678,
        "pending_micros": 1,
    }
    return found
