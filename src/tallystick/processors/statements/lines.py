"""What every kind of statement file has in common: bounds, how its values are read, and by what an entry is known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

import msgspec

from tallystick.domain.banking.bank_statements import BankEntry, whole_cents
from tallystick.domain.ids import ALPHABET, TRANSACTION_LENGTH, MalformedIdError, book_of_transaction
from tallystick.domain.money import MICROS_PER_UNIT, USD, display_amount, parse_amount

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_ENTRIES: Final = 5_000
MAX_AMOUNT_MICROS: Final = 10**9 * MICROS_PER_UNIT
"""A thousand million: so many entries of that much still add up to a number that the database can hold."""

MAX_TEXT: Final = 140
NO_REFERENCE: Final = "without a reference"
"""What stands for the reference of an entry that has none."""

_NOT_PROVIDED: Final = "NOTPROVIDED"  # what banks write where there is no reference

_MAX_NAMES: Final = 8
_YEARS: Final = range(2000, 3000)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_TRANSACTION: Final = re.compile(rf"(?=([{ALPHABET}]{{{TRANSACTION_LENGTH}}}))", re.ASCII)


class StatementError(Exception):
    """A file is not a statement that can be read; the message tells why."""


@dataclass(frozen=True, slots=True)
class BankLine:
    """An entry as a file has it, before it is known which one it is. Amounts as in BankEntry."""

    reference: str
    day: date
    amount_micros: int
    fee_micros: int = 0
    currency: str = USD
    is_fee: bool = False
    names: tuple[str, ...] = ()
    message_id: str | None = None


def entries_of(account: str, lines: Sequence[BankLine]) -> tuple[BankEntry, ...]:
    """The entries, each with its id: a digest of all that the bank says of it.

    Of entries that are alike to the letter on one day, as two fees can be, the first is another one than the second; so
    a statement has to have each of its days from the beginning. Raises StatementError: there are too many, or an amount
    is too large.
    """
    if len(lines) > MAX_ENTRIES:
        raise StatementError(f"it has more than {MAX_ENTRIES} entries")
    alike: Counter[str] = Counter()
    found = []
    for line in lines:
        check_size(line.amount_micros)  # once more: charges are parts of it
        check_size(line.fee_micros)
        told = [
            account,
            line.day.isoformat(),
            line.amount_micros,
            line.fee_micros,
            line.currency,
            line.is_fee,
            line.reference,
            line.names,
            line.message_id,
        ]
        digest = sha256(msgspec.json.encode(told)).hexdigest()[:40]
        alike[digest] += 1
        found.append(
            BankEntry(
                entry_id=f"{digest}-{alike[digest]}",
                reference=line.reference,
                day=line.day,
                amount_micros=line.amount_micros,
                fee_micros=line.fee_micros,
                currency=line.currency,
                is_fee=line.is_fee,
                names=line.names,
                message_id=line.message_id,
            )
        )
    return tuple(found)


def read_amount(text: str) -> int:
    """An amount above 0 or 0, in micro-units of whole cents. Raises StatementError."""
    try:
        micros = whole_cents(parse_amount(text.strip().rstrip("0").rstrip(".") if "." in text else text.strip()))
    except ValueError as error:
        raise StatementError(str(error)) from None
    return check_size(micros)


def check_size(micros: int) -> int:
    """The same amount, above or below 0. Raises StatementError: it is larger than any that a bank books."""
    if abs(micros) > MAX_AMOUNT_MICROS:
        most = MAX_AMOUNT_MICROS // MICROS_PER_UNIT
        raise StatementError(f"an amount is larger than {most}: {display_amount(micros)}")
    return micros


def read_day(text: str) -> date:
    """A day, also of a moment, as the bank wrote it. Raises StatementError."""
    try:
        day = date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise StatementError(f"not a day: {text.strip()[:40]!r}; it is written 2026-11-29") from None
    if day.year not in _YEARS:
        raise StatementError(f"a day lies outside of the years that can be: {day}")
    return day


def read_currency(text: str) -> str:
    """A currency's code. Raises StatementError."""
    if _CURRENCY.fullmatch(text.strip()) is None:
        raise StatementError(f"not a currency: {text.strip()[:40]!r}")
    return text.strip()


def plain(text: str | None) -> str:
    """A reference as it is kept: what can be seen of it, on one line, not endless."""
    found = "".join(each for each in " ".join((text or "").split()) if each.isprintable())[:MAX_TEXT]
    return "" if found == _NOT_PROVIDED else found


def names_in(references: Iterable[str | None], texts: Iterable[str | None]) -> tuple[str, ...]:
    """What may name a payout: references as they are, and what looks like an id of ours in texts, without blanks."""
    found = [plain(reference) for reference in references]
    for text in texts:
        found += filter(is_an_id, _TRANSACTION.findall("".join((text or "")[:2000].split()).upper()))
    return tuple(dict.fromkeys(name for name in found if name))[:_MAX_NAMES]


def is_an_id(name: str) -> bool:
    """Whether it is a transaction's id, as far as its check digits tell."""
    try:
        book_of_transaction(name)
    except MalformedIdError:
        return False
    return True
