"""Statements as tables: comma-separated values below a line with the names of columns: docs/reconciliation.md."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import islice
from typing import Final

from tallystick.domain.banking.bank_statements import BankStatement
from tallystick.domain.money import USD
from tallystick.processors.statements.lines import (
    MAX_ENTRIES,
    NO_REFERENCE,
    BankLine,
    StatementError,
    entries_of,
    names_in,
    plain,
    read_amount,
    read_currency,
    read_day,
)

NEEDED: Final = ("date", "amount")
COLUMNS: Final = (*NEEDED, "currency", "reference", "end_to_end_id", "message_id", "text", "kind", "fee", "account")
KINDS: Final = ("payment", "fee")
_DELIMITERS: Final = ",;\t"


def read_table(content: bytes, name: str) -> BankStatement:
    """The one statement of a file. `name`: how people call it. Raises StatementError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StatementError("it is not UTF-8 text") from None
    if "\0" in text:
        raise StatementError("it is not text")
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.DictReader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        _check_names(rows.fieldnames or ())
        read = [(_line(row), row.get("account")) for row in islice(rows, MAX_ENTRIES + 1)]
    except (StatementError, csv.Error) as error:
        raise StatementError(f"line {rows.line_num}: {error}") from None
    if not read:
        raise StatementError("it has no entry")
    lines = [line for line, _ in read]
    accounts = {"".join(plain(account).split()).upper() for _, account in read}
    if len(accounts) > 1:
        raise StatementError("its entries are of several accounts")
    account = next(iter(accounts))
    days = [line.day for line in lines]
    return BankStatement(plain(name) or "without a name", account, min(days), max(days), entries_of(account, lines))


def _check_names(names: Sequence[str]) -> None:
    for name in NEEDED:
        if name not in names:
            raise StatementError(f"there is no column {name!r}; the first line has the names of the columns")
    for name in names:
        if name not in COLUMNS:
            raise StatementError(f"there is no column {plain(name)!r}; there are {', '.join(COLUMNS)}")
    if len(set(names)) != len(names):
        raise StatementError("a column is there twice")


def _line(row: Mapping[str | None, str | list[str] | None]) -> BankLine:
    if None in row or None in row.values():
        raise StatementError("it has not as many values as there are columns")
    given = {name: value.strip() for name, value in row.items() if name is not None and isinstance(value, str)}
    kind = given.get("kind") or "payment"
    if kind not in KINDS:
        raise StatementError(f"not a kind: {plain(kind)!r}; it is payment or fee")
    amount = _signed(given["amount"])
    fee = _signed(given.get("fee") or "0")
    if kind == "fee":
        if fee:
            raise StatementError("a fee has no fee of its own")
        fee = -amount
    references = [given.get("end_to_end_id"), given.get("reference")]
    return BankLine(
        reference=plain(given.get("reference")) or plain(given.get("end_to_end_id")) or NO_REFERENCE,
        day=read_day(given["date"]),
        amount_micros=amount if kind == "fee" else amount + fee,
        fee_micros=fee,
        currency=read_currency(given.get("currency") or USD),
        is_fee=kind == "fee",
        names=names_in(references, [given.get("text")]),
        message_id=plain(given.get("message_id")) or None,
    )


def _signed(text: str) -> int:
    return -read_amount(text[1:]) if text.startswith("-") else read_amount(text.removeprefix("+"))
