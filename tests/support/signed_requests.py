"""Requests of the query API that are nearly right: signed and odd, or spoilt after they were signed; from a seed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from tests.support.api_without_books import HOST, Rows

from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id

_FORM: Final = "application/x-www-form-urlencoded"
_TYPES: Final = ("", f"{_FORM}; charset=utf-8", "text/plain", _FORM.upper())
_HOSTS: Final = (f"{HOST}:80", "PAY.example", "known.example", "", "é", "other.example")
_PRINTABLE: Final = string.ascii_letters + string.digits + string.punctuation + " "
_ALL_TEXT: Final = _PRINTABLE + "\t\n\0\x7f\x85é€\u2028\ufffe𐀀"
_AMOUNTS: Final = (
    *("1", "0.01", "1.000000", "0.000001", "007.10", "9999999999999.999999", "1000000000000", "999999999999.999999"),
    *("0", "0.0", "0.0000001", ".5", "5.", "1.5.0", "1e3", "-1", "+1", " 1", "1 ", "1,5", "٣", "", "99999999999999"),
)
_TIMES: Final = (1, -1, 899, 900, 901, -899, -900, -901, 10**6)
_PATTERNS: Final = (
    *(
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%S.000Z",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%S+00:00",
        "%Y-%m-%dT%H:%M:%S.123456789Z",
    ),
    *("%Y-%m-%d %H:%M:%SZ", "%Y%m%dT%H%M%SZ", "%H:%M", "%Y-%m-%dT%H:%M:%Sz"),
)
_VERSIONS: Final = ("2010-08-28", "2008-09-17", "2011-09-20", "2007-01-08", "2012-01-01", "now")
_OTHERS: Final = (
    *(
        "ChargeFeeTo",
        "RecipientTokenId",
        "TransactionTimeoutInMins",
        "OverrideIPNURL",
        "DescriptorPolicy",
        "PrepaidInstrumentId",
    ),
    *("SenderTokenId", "TransactionAmount", "MarketplaceFixedFee.Value", "SignatureX", "action", "A", "", "Ä", "x y"),
)


@dataclass
class SignedRequests:
    """Makes requests. `keys`: ids with their secrets; what they are like is in `rows`."""

    rows: Rows
    now: datetime
    dice: random.Random
    keys: dict[str, str]
    oddness: float = 0.0
    """How likely anything unusual is, in the request that is made just now."""

    def odd(self, share: float = 1.0) -> bool:
        """Whether this one has something unusual in a certain place."""
        return self.dice.random() < share * self.oddness

    @classmethod
    def of(cls, seed: str, now: datetime) -> SignedRequests:
        """With keys of all kinds, and balances that can be asked for."""
        dice, rows = random.Random(seed), Rows()  # noqa: S311 - chance that can be had again
        found = cls(rows, now, dice, {})
        for number, others in enumerate(_kinds_of_keys(now)):
            name = f"AK{number:018d}"
            found.keys[name] = "".join(dice.choices(string.ascii_letters + string.digits, k=40))
            rows.add_key(name, found.keys[name], **others)
        return found

    def an_id(self, kind: IdKind, book: int) -> str:
        return make_token_or_instrument_id(kind, BookId(book), self.dice.randbytes(27))

    def instrument(self) -> str:
        """An instrument id, mostly of a balance that there is."""
        kind = IdKind.PREPAID_INSTRUMENT
        if self.odd():
            return self.an_id(self.dice.choice(list(IdKind)), 7)
        known, book = self.an_id(kind, 7), 9 if self.odd() else 7
        self.rows.balances[known] = {
            "instrument_id": known,
            "book_id": book,
            "kind": "prepaid",
            "seller_party_id": self.dice.choice([3, 3, 3, 4]),
            "sender_party_id": 5,
            "environment": "sandbox",
            "balance_micros": self.dice.randrange(10**12),
            "pending_micros": self.dice.choice([0, 1, 1_500_000]),
        }
        return known

    def token(self) -> str:
        """A token id, mostly of a balance or a tab of the seller's."""
        kinds = list(IdKind) if self.odd() else [IdKind.PREPAID_SENDER, IdKind.CREDIT_SENDER]
        made = self.an_id(self.dice.choice(kinds), self.dice.choice([8, 9]) if self.odd() else 7)
        if self.odd():
            place = self.dice.randrange(64)
            made = made[:place] + self.dice.choice("0Ax%é") + made[place + 1 :]
        return made

    def text(self, most: int) -> str:
        length = self.dice.choice([1, 5, 20, 24, most - 1, most, most + self.odd()])
        letters = _ALL_TEXT if self.odd() else _PRINTABLE if self.odd() else "aZ09-_.~ +/:="
        return "".join(self.dice.choices(letters, k=length))

    def params(self) -> dict[str, str]:
        """The parameters of a call, before they are spoilt."""
        dice = self.dice
        name = dice.choice(list(self.keys)) if self.odd(2) else next(iter(self.keys))
        whole = {
            "Action": dice.choice(["Pay", "Pay", "Pay", "GetPrepaidBalance", "GetPrepaidBalance", "GetDebtBalance"]),
            "AWSAccessKeyId": name,
            "SignatureMethod": dice.choice(["HmacSHA1", "hmacsha256", "SHA"]) if self.odd() else "HmacSHA256",
            "SignatureVersion": dice.choice(["1", "0", "3", "02"]) if self.odd() else "2",
            "Timestamp": (self.now + timedelta(seconds=dice.choice(_TIMES) * self.odd(2))).strftime(
                dice.choice(_PATTERNS) if self.odd(2) else _PATTERNS[0]
            ),
            "Version": dice.choice(_VERSIONS if self.odd(2) else _VERSIONS[:3]),
        }
        if whole["Action"] == "Pay":
            whole |= {
                "SenderTokenId": self.token(),
                "CallerReference": dice.choice(["stale", "refused", "broken", "damaged"])
                if self.odd()
                else self.text(128),
                "TransactionAmount.CurrencyCode": dice.choice(["EUR", "usd", ""]) if self.odd() else "USD",
                "TransactionAmount.Value": dice.choice(_AMOUNTS)
                if self.odd(2)
                else f"{dice.random() * 100 + 0.01:.2f}",
            }
            for description in ("CallerDescription", "SenderDescription"):
                if dice.random() < 0.3:
                    whole[description] = self.text(160)
        else:
            kind = "PrepaidInstrumentId" if whole["Action"] == "GetPrepaidBalance" else "CreditInstrumentId"
            whole[kind] = self.instrument()
        return whole

    def spoil(self, whole: dict[str, str]) -> None:
        """Change something of parameters that are signed afterwards."""
        dice = self.dice
        name = dice.choice(list(whole))
        match dice.randrange(5):
            case 0:
                del whole[name]
            case 1:
                whole[name] = self.text(40)
            case 2:
                whole[dice.choice(_OTHERS)] = self.text(20)
            case 3:
                whole[name] = ""
            case _:
                place = dice.randrange(len(whole[name]) + 1)
                whole[name] = whole[name][:place] + dice.choice(_ALL_TEXT) + whole[name][place + 1 :]

    def encoded(self, whole: Mapping[str, str]) -> bytes:
        """As a query; now and then encoded otherwise than for signing."""
        dice = self.dice
        pairs = list(whole.items())
        if dice.random() < 0.5:
            dice.shuffle(pairs)
        encode: Callable[[str], str] = _as_signed
        if self.odd():
            encode = dice.choice(
                [lambda text: quote(text, safe="/:=+"), lambda text: quote(text).replace("%20", "+"), _lower]
            )
        return "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs).encode()

    def damaged(self, query: bytes) -> bytes:
        """Changed on the way."""
        dice = self.dice
        place, length = dice.randrange(len(query) + 1), dice.choice([0, 1, 1, 3, 20])
        new = dice.choice(
            [b"", b"&", b"=", b"%", b"%2", b"%41", b"%00", b"%zz", b"+", b"a", b"\0", b"\xff", b"&&", b"&A=1"]
        )
        return query[:place] + new + query[place + length :]

    def request(self) -> tuple[dict[str, Any], bytes]:
        """A scope and a body; about half of them have nothing unusual about them."""
        dice = self.dice
        self.oddness = dice.choice([0, 0, 0, 0.05, 0.2])
        whole = self.params()
        if self.odd(2):
            self.spoil(whole)
        host = dice.choice(_HOSTS) if self.odd(2) else HOST
        verb = dice.choice(["GET", "GET", "GET", "POST", "POST", "HEAD" if self.odd() else "GET"])
        secret = self.keys.get(whole.get("AWSAccessKeyId", ""), "0" * 40)
        whole["Signature"] = sign(verb, host.lower(), whole, secret)
        query = self.encoded(whole)
        if self.odd(2):
            query = self.damaged(query)
        headers = [(b"host", host.encode("latin-1")), (b"user-agent", b"a test")]
        body = b""
        if verb == "POST":
            headers.append((b"content-type", (dice.choice(_TYPES) if self.odd(2) else _FORM).encode()))
            query, body = b"", query
            if self.odd():
                query, body = body, b""
            elif self.odd():
                query, _, body = body.partition(b"&")
        path = dice.choice(["", "/pay"]) if self.odd() else "/"
        return {"type": "http", "method": verb, "path": path, "query_string": query, "headers": headers}, body


def _kinds_of_keys(now: datetime) -> list[dict[str, Any]]:
    return [
        {},
        {"scopes": 1},
        {"networks": ["10.0.0.0/8"]},
        {"status": "closed"},
        {"expires_at": now + timedelta(minutes=10)},
        {"expires_at": now - timedelta(minutes=1)},
        {"book_id": None, "parts": []},
        {"parts": [7, 8], "clock_offset_seconds": 86_400},
        {"calls_per_second": 5, "environment": "live"},
    ]


def _as_signed(text: str) -> str:
    return quote(text, safe="-_.~")


def _lower(text: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), _as_signed(text))


def sign(verb: str, host: str, params: Mapping[str, str], secret: str) -> str:
    """The signature of version 2, written down once more."""
    method = hashlib.sha1 if params.get("SignatureMethod") == "HmacSHA1" else hashlib.sha256
    pairs = "&".join(f"{_as_signed(name)}={_as_signed(params[name])}" for name in sorted(params) if name != "Signature")
    return sign_text(f"{verb}\n{host}\n/\n{pairs}", secret, method)


def sign_text(text: str, secret: str, method: Callable[..., Any] = hashlib.sha256) -> str:
    """The signature over a text."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), method)).decode()
