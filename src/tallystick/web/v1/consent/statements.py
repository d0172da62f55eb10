"""Statements in /v1: which months of balances and tabs there are, and one month with its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.money import USD, format_amount
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.buyer.history import EntryKind
from tallystick.services.events.authorizations import POSTPAID, PREPAID
from tallystick.services.reports import instruments, statements
from tallystick.services.reports.statements import MAX_LINES, Month, StatementPlace
from tallystick.web.v1 import authorizations
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import CURSOR, LIMIT, OF_AUTHORIZATION, USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from tallystick.services.reports.statements import MonthTotal, SellerStatement, StatementLine
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.web.v1.endpoint import Asked

OPEN: Final = "open"
FINAL: Final = "final"
STATUSES: Final = (OPEN, FINAL)
LINE_TYPES: Final = {
    EntryKind.BALANCE_FILLED: "top_up",
    EntryKind.PURCHASE: "charge",
    EntryKind.DEBT_SETTLED: "settlement",
    EntryKind.DEBT_FORGIVEN: "write_off",
    EntryKind.REFUND: "refund",
    EntryKind.UNSPENT_REFUNDED: "top_up_refund",
    EntryKind.SETTLEMENT_REFUNDED: "settlement_refund",
    EntryKind.REFUND_FAILED: "refund_reversal",
    EntryKind.DISPUTE: "dispute",
}
"""What can move a balance or a debt."""

LINES: Final = "lines"
EXPAND: Final = JsonInput(
    Field("expand", "string", OPTIONAL, "`lines`: what moved, line by line.", choices=(LINES,)),
    [LINES],
    many=True,
    most=1,
)
FILTERS: Final = (
    OF_AUTHORIZATION,
    JsonInput(
        Field("month", "string", OPTIONAL, "Only those of this month, such as `2026-11`.", max_length=7), "2026-11"
    ),
    LIMIT,
    JsonInput(
        Field("cursor", "string", OPTIONAL, CURSOR.field.meaning, max_length=128),
        f"stm_{OF_AUTHORIZATION.example}_2026-11",
    ),
)

_PREFIX: Final = "stm"
_KINDS: Final = {"prepaid": PREPAID, "credit": POSTPAID}


async def get(asked: Asked) -> Reply:
    """One statement, its lines where they are asked for."""
    wanted = _read(asked.subject)
    with_lines = LINES in asked.given.lists.get(EXPAND.name, ())
    most = MAX_LINES if with_lines else 0
    found = None if wanted is None else await statements.find(asked.books, *wanted, most, asked.step_aside)
    if found is None:
        raise JsonProblemError("statement_not_found", "There is no statement with this id.")
    return Reply(statement_object(asked.books, found, with_lines=with_lines))


async def list_(asked: Asked) -> Reply:
    """A page of the statements that there are, without their figures."""
    books, given = asked.books, asked.given
    maximum = int(given.get(LIMIT.name, USUAL_LIMIT))
    month = None
    if (text := given.get("month")) is not None and (month := Month.parse(text)) is None:
        raise JsonProblemError("invalid_request", "month must be like 2026-11.", field="month")
    after = await _after(books, given.get(CURSOR.name))
    if (subject := given.get(OF_AUTHORIZATION.name)) is None:
        page = await statements.list_(books, maximum, month, after, asked.step_aside)
    else:
        authorizations.kind_of(subject)
        before = None if after is None else after.month
        page = await statements.of_authorization(books, subject, maximum, month, before)
    data = [_head(books, place, "statement_month") for place in page.found]
    cursor = None if page.earlier is None else _id(page.earlier)
    return Reply({"object": "list", "data": data, "next_cursor": cursor})


async def _after(books: BookContext, cursor: str | None) -> StatementPlace | None:
    if cursor is None:
        return None
    read = _read(cursor)
    record = None if read is None else await instruments.instrument(books, read[0])
    if read is None or record is None:
        raise JsonProblemError("invalid_request", '"cursor" must be the next_cursor of a page.', field="cursor")
    return StatementPlace(record, read[1])


def _id(place: StatementPlace) -> str:
    return f"{_PREFIX}_{place.instrument.instrument_id}_{place.month.text}"


def _read(text: str) -> tuple[str, Month] | None:
    """The authorization and the month of an id; None: it is none."""
    prefix, _, rest = text.partition("_")
    authorization_id, _, month_text = rest.rpartition("_")
    month = Month.parse(month_text)
    return None if prefix != _PREFIX or month is None else (authorization_id, month)


def _head(books: BookContext, place: StatementPlace, word: str) -> Mapping[str, Any]:
    return {
        "object": word,
        "id": _id(place),
        "authorization": place.instrument.instrument_id,
        "kind": _KINDS[place.instrument.kind],
        "month": place.month.text,
        "status": FINAL if books.now >= place.month.end else OPEN,
        "starts_at": moment(place.month.begin),
        "ends_at": moment(place.month.end),
        "currency": USD,
        "environment": books.environment,
    }


def statement_object(books: BookContext, found: SellerStatement, *, with_lines: bool) -> Mapping[str, Any]:
    """A statement with its figures; `with_lines`: and what moved, line by line."""
    made = found.statement
    return {
        **_head(books, found.place, "statement"),
        "complete": found.complete,
        "opening": format_amount(made.opening_micros),
        "totals": [_total(one) for one in made.totals],
        "closing": format_amount(made.closing_micros),
        "due": None if found.due_micros is None else format_amount(found.due_micros),
        "lines": [_line(one) for one in made.lines] if with_lines else None,
        "lines_by_day": made.by_day if with_lines else None,
    }


def _total(one: MonthTotal) -> Mapping[str, Any]:
    return {"type": LINE_TYPES[one.kind], "count": one.count, "change": format_amount(one.change_micros)}


def _line(one: StatementLine) -> Mapping[str, Any]:
    return {
        "at": moment(one.at),
        "type": LINE_TYPES[one.kind],
        "transaction": one.transaction_id,
        "description": one.description,
        "count": 1 if one.count is None else one.count,
        "change": format_amount(one.change_micros),
        "balance": format_amount(one.running_micros),
    }
