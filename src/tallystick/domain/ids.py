"""Typed ids that carry their book and a check, so that requests are routed and typos refused without a look-up.

Both kinds use the 32 digits and letters that people do not confuse, in byte order, so that encoded numbers sort as
numbers do. Randomness and time are passed in.

* token and instrument ids, 64 characters: 1 kind, 13 book, 43 random (215 bits), 7 check;
* transaction ids, 35 characters: 10 milliseconds, 13 book, 8 random (40 bits), 4 check. Time-ordered; whoever makes
  several in a millisecond passes ascending numbers in for the random ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, unique
from functools import lru_cache
from typing import Final, NewType
from zlib import crc32

from tallystick.domain.speedups import compiled

TokenId = NewType("TokenId", str)
InstrumentId = NewType("InstrumentId", str)
TransactionId = NewType("TransactionId", str)
BookId = NewType("BookId", int)
PartyId = NewType("PartyId", int)
AccountId = NewType("AccountId", int)

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOKEN: Final = re.compile(rf"[A-Z][0-7][{ALPHABET}]{{62}}", re.ASCII)
_TRANSACTION: Final = re.compile(rf"[{ALPHABET}]{{10}}[0-7][{ALPHABET}]{{24}}", re.ASCII)
"""Thirteen digits of a book have room for 65 bits. One that does not fit the database's 63 is in no id of ours."""

_PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)
_TO_BASE_32: Final = bytes.maketrans(ALPHABET.encode("ascii"), b"0123456789abcdefghijklmnopqrstuv")
"""To the digits that Python reads. Other characters pass unchanged, so callers check the alphabet first."""

TOKEN_LENGTH: Final = 64
TOKEN_ENTROPY_BYTES: Final = 27  # 216 bits, of which 215 are used
TRANSACTION_LENGTH: Final = 35
TRANSACTION_ENTROPY_BYTES: Final = 5

_BOOK_DIGITS: Final = 13
_TOKEN_RANDOM_DIGITS: Final = 43
_TOKEN_CHECK_DIGITS: Final = 7
_TIME_DIGITS: Final = 10
_TRANSACTION_CHECK_DIGITS: Final = 4


@unique
class IdKind(Enum):
    """What a 64-character id names; its first character."""

    PREPAID_INSTRUMENT = "P"
    CREDIT_INSTRUMENT = "C"
    PREPAID_SENDER = "S"
    FUNDING = "F"
    CREDIT_SENDER = "D"
    SETTLEMENT = "T"
    SENDER = "U"
    RECIPIENT = "R"
    INSTALLED = "N"


_KINDS: Final = {kind.value: kind for kind in IdKind}


_OF_INSTRUMENTS: Final = frozenset({IdKind.PREPAID_SENDER.value, IdKind.CREDIT_SENDER.value})


class MalformedIdError(ValueError):
    """The text is no id of ours: wrong length, alphabet, kind or check."""


def _encode(number: int, digits: int) -> str:
    """The last digits of a number, two at a time."""
    if digits % 2:
        return ALPHABET[number >> 5 * (digits - 1) & 31] + _encode(number, digits - 1)
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (digits - 2), -1, -10)])


_encode_cached = lru_cache(maxsize=1024)(_encode)
"""For numbers that many ids have in common: books, and the millisecond."""


def _four_digits(number: int) -> str:
    """The last four digits of a number."""
    return f"{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}"


def _decode(digits: bytes) -> int:
    return int(digits.translate(_TO_BASE_32), 32)


_decode_cached = lru_cache(maxsize=1024)(_decode)
"""For books."""


def _check(body: bytes, digits: int) -> int:
    """The number that the last digits of an id must be."""
    return crc32(body) & (1 << 5 * digits) - 1


def make_token_or_instrument_id(kind: IdKind, book_id: BookId, entropy: bytes) -> str:
    """A new 64-character id. `entropy` must be TOKEN_ENTROPY_BYTES fresh random bytes."""
    random = int.from_bytes(entropy[:TOKEN_ENTROPY_BYTES], "big") >> 1
    body = kind.value + _encode(book_id, _BOOK_DIGITS) + _encode(random, _TOKEN_RANDOM_DIGITS)
    return body + _encode(crc32(body.encode("ascii")), _TOKEN_CHECK_DIGITS)


def make_transaction_id(book_id: BookId, at_milliseconds: int, entropy: bytes) -> TransactionId:
    """A new transaction id. `at_milliseconds` since 1970 UTC, `entropy` TRANSACTION_ENTROPY_BYTES random bytes."""
    return TransactionId(_transaction_id(book_id, at_milliseconds, entropy))


def transaction_id_in_python(book: int, milliseconds: int, entropy: bytes) -> str:
    """The digits of a transaction id."""
    when, where = _encode_cached(milliseconds, _TIME_DIGITS), _encode_cached(book, _BOOK_DIGITS)
    random = int.from_bytes(entropy, "big")
    body = f"{when}{where}{_four_digits(random >> 20)}{_four_digits(random)}"
    return body + _four_digits(crc32(body.encode("ascii")))


_transaction_id: Callable[[int, int, bytes], str] = (
    transaction_id_in_python if compiled is None else compiled.transaction_id
)


def token_kind_and_book(text: str) -> tuple[IdKind, BookId]:
    """Kind and book of a token or instrument id. Raises MalformedIdError; does not say that the id exists."""
    kind, book = _KINDS.get(text[:1]), _book_of_token(text)
    if kind is None or book is None:
        raise MalformedIdError(text[:TOKEN_LENGTH])
    return kind, book


def book_of_token_in_python(token: str) -> BookId | None:
    """The number of the book in a token or instrument id of any kind; None where the text is no such id."""
    if _TOKEN.fullmatch(token) is None:
        return None
    digits = token.encode("ascii")
    if _check(digits[:-_TOKEN_CHECK_DIGITS], _TOKEN_CHECK_DIGITS) != _decode(digits[-_TOKEN_CHECK_DIGITS:]):
        return None
    return BookId(_decode_cached(digits[1 : 1 + _BOOK_DIGITS]))


_book_of_token: Callable[[str], BookId | None] = book_of_token_in_python if compiled is None else compiled.book_of_token


def is_of_instrument(token_id: TokenId) -> bool:
    """Whether a token charges an instrument, and so has no third party; its id tells."""
    return token_id[0] in _OF_INSTRUMENTS


def book_of_transaction(text: str) -> BookId:
    """Book of a transaction id. Raises MalformedIdError; does not say that the transaction exists."""
    if _TRANSACTION.fullmatch(text) is None:
        raise MalformedIdError(text[:TRANSACTION_LENGTH])
    digits = text.encode("ascii")
    body, check = digits[:-_TRANSACTION_CHECK_DIGITS], digits[-_TRANSACTION_CHECK_DIGITS:]
    if _check(body, _TRANSACTION_CHECK_DIGITS) != _decode(check):
        raise MalformedIdError(text)
    return BookId(_decode_cached(digits[_TIME_DIGITS : _TIME_DIGITS + _BOOK_DIGITS]))


def book_digits(transaction_id: TransactionId) -> str:
    """The characters of a transaction's id that are its book's: equal for those of one book. Nothing is checked."""
    return transaction_id[_TIME_DIGITS : _TIME_DIGITS + _BOOK_DIGITS]


def book_named_in(an_id: TokenId | InstrumentId | TransactionId) -> BookId:
    """The book that any id of ours carries. Raises MalformedIdError."""
    if len(an_id) == TRANSACTION_LENGTH:
        return book_of_transaction(an_id)
    book = _book_of_token(an_id)
    if book is None or an_id[0] not in _KINDS:
        raise MalformedIdError(an_id[:TOKEN_LENGTH])
    return book


def milliseconds_of_transaction(transaction_id: TransactionId) -> int:
    """When the transaction's request was received: milliseconds since 1970 UTC, by its book's clock."""
    return _decode(transaction_id[:_TIME_DIGITS].encode("ascii"))


def transaction_ids_from(at_milliseconds: int) -> str:
    """A text that sorts, in byte order, before every transaction id of this millisecond and after all earlier ones."""
    return _encode(at_milliseconds, _TIME_DIGITS)
