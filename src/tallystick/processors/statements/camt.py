"""Statements as ISO 20022 has them: camt.053, in any of its versions. Needs lxml, of the extra `payouts`.

Read without trusting: no document type, no entities, nothing loaded from anywhere. Elements are looked for by their
local names, since each version has a namespace of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.banking.bank_statements import BankStatement
from tallystick.processors.statements.lines import (
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

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_FEES: Final = frozenset({"CHRG", "COMM", "FEES"})
"""Sub-families of transaction codes that are the bank's own charges. Source: ISO 20022, external code sets."""

_BOOKED: Final = "BOOK"
_IN: Final = "CRDT"


def read_camt(content: bytes) -> list[BankStatement]:
    """All statements of a file. Raises StatementError."""
    root = _parse(content)
    found = [_statement(one) for one in _all(root, "BkToCstmrStmt", "Stmt")]
    if not found:
        raise StatementError("it has no statement: write one of the kind camt.053")
    return found


def _parse(content: bytes) -> Element:
    try:
        from lxml import etree  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise StatementError("statements in XML need the extra: pip install tallystick[payouts]") from None
    try:
        document = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StatementError("it is not UTF-8 text") from None
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise StatementError("a statement has no document type")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(document.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise StatementError(f"it is not well-formed XML: {plain(str(error))}") from None


def _statement(statement: Element) -> BankStatement:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id") or ""
    account = "".join(plain(account).split()).upper()
    lines = [line for entry in _all(statement, "Ntry") for line in _lines(entry)]
    period = _text(statement, "FrToDt", "FrDtTm"), _text(statement, "FrToDt", "ToDtTm")
    days = [line.day for line in lines] + [read_day(text) for text in period if text]
    if not days:
        made = _text(statement, "CreDtTm")
        if made is None:
            raise StatementError("it has neither an entry nor a day")
        days = [read_day(made)]
    name = plain(_text(statement, "Id")) or "without a name"
    return BankStatement(name, account, min(days), max(days), entries_of(account, lines))


def _lines(entry: Element) -> Iterator[BankLine]:
    """What is booked of an entry: its transactions, where it tells each with its amount, else itself."""
    if (_text(entry, "Sts", "Cd") or _text(entry, "Sts") or "").strip() != _BOOKED:
        return
    whole = _line(entry, entry, entry)
    parts = [_line(entry, details, details) for details in _all(entry, "NtryDtls", "TxDtls")]
    if len(parts) == 1:
        (details,) = _all(entry, "NtryDtls", "TxDtls")
        yield _line(entry, details, entry)
    elif parts and all(_amount(details) is not None for details in _all(entry, "NtryDtls", "TxDtls")):
        if sum(part.amount_micros - part.fee_micros for part in parts) != whole.amount_micros - whole.fee_micros:
            raise StatementError(f"the transactions of the entry {whole.reference!r} add up to something else than it")
        yield from parts
    else:
        yield whole


def _line(entry: Element, details: Element, amounts: Element) -> BankLine:
    """`details`: what tells of references. `amounts`: what tells of amounts and charges."""
    booked = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm") or _text(entry, "ValDt", "Dt")
    if booked is None:
        raise StatementError("an entry has no day on which it was booked")
    amount, currency = _amount(amounts) or _amount(entry) or (0, "")
    came_in = _direction(details) or _direction(entry)
    if came_in is None:
        raise StatementError("an entry does not tell whether money came or left")
    sign = 1 if came_in == _IN else -1
    references = [_text(details, "Refs", name) for name in ("EndToEndId", "InstrId", "TxId")]
    message_id = _text(details, "Refs", "MsgId") or _text(entry, "NtryDtls", "Btch", "MsgId")
    known_as = [_text(details, "Refs", "AcctSvcrRef"), _text(entry, "AcctSvcrRef")]  # NtryRef differs by statement
    texts = [_text(details, "AddtlTxInf"), _text(entry, "AddtlNtryInf")]
    texts += [one.text for one in _all(details, "RmtInf", "Ustrd")]
    texts += [one.text for one in _all(details, "RmtInf", "Strd", "CdtrRefInf", "Ref")]
    code = _text(details, "BkTxCd", "Domn", "Fmly", "SubFmlyCd") or _text(entry, "BkTxCd", "Domn", "Fmly", "SubFmlyCd")
    is_fee = (code or "").strip() in _FEES
    fee = -sign * amount if is_fee else _charges(amounts, currency) or _charges(details, currency)
    return BankLine(
        reference=next((plain(one) for one in (*known_as, *references) if plain(one)), NO_REFERENCE),
        day=read_day(booked),
        amount_micros=sign * amount if is_fee else sign * amount + fee,
        fee_micros=fee,
        currency=currency,
        is_fee=is_fee,
        names=names_in([*references, *known_as], texts),
        message_id=plain(message_id) or None,
    )


def _amount(parent: Element) -> tuple[int, str] | None:
    """An amount with its currency; of a transaction in an old version, where that tells it."""
    found = _first(parent, "Amt")
    if found is None:
        found = _first(parent, "AmtDtls", "TxAmt", "Amt")
    if found is None or found.text is None:
        return None
    return read_amount(found.text), read_currency(found.get("Ccy", ""))


def _direction(parent: Element) -> str | None:
    found = (_text(parent, "CdtDbtInd") or "").strip()
    return found if found in {_IN, "DBIT"} else None


def _charges(parent: Element, currency: str) -> int:
    """What the bank kept out of an amount in `currency`: charges that it says are included in it, in micro-units.

    One in another currency is left in the amount: by how much it made that smaller is not told.
    """
    total = 0
    for charges in _all(parent, "Chrgs"):
        records = _all(charges, "Rcrd") or [charges]
        for one in records:
            if (_text(one, "ChrgInclInd") or "").strip() not in {"true", "1"}:
                continue
            amount = _amount(one)
            if amount is not None and amount[1] == currency:
                total += -amount[0] if _direction(one) == _IN else amount[0]
    return total


def _all(parent: Element, *path: str) -> list[Element]:
    found = [parent]
    for name in path:
        found = [child for each in found for child in each if _local(child) == name]
    return found


def _first(parent: Element, *path: str) -> Element | None:
    return next(iter(_all(parent, *path)), None)


def _text(parent: Element, *path: str) -> str | None:
    found = _first(parent, *path)
    return None if found is None else found.text


def _local(element: Element) -> str:
    """The name without its namespace; nothing of comments and processing instructions."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
