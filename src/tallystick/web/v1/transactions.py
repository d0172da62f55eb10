"""Transactions as /v1 shows them: charges, top-ups, settlements, write-offs, refunds; each by itself, and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.moments import parse_moment
from tallystick.domain.money import parse_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.transactions import AT_A_TIME
from tallystick.services.events.objects import METHODS, OBJECTS, STATUSES, moment
from tallystick.services.reports import transactions
from tallystick.services.reports.transactions import About, TransactionRecord
from tallystick.web.v1 import authorizations
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.expansion import expanded
from tallystick.web.v1.inputs import USUAL_LIMIT
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError
from tallystick.web.v1.shown import transaction_object

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.web.v1.endpoint import Asked, Perform

__all__ = [
    "METHODS",
    "OBJECTS",
    "STATUSES",
    "find",
    "getting",
    "listing",
    "moment",
    "moment_of",
    "transaction_id",
    "transaction_object",
]

_OPERATIONS: Final = {name: operation for operation, name in OBJECTS.items()}
_BOOKED: Final = {name: status for status, name in STATUSES.items()}


def transaction_id(text: str, field: str) -> TransactionId:
    """The id of a transaction. Raises ProblemError: it is none."""
    try:
        book_of_transaction(text)
    except MalformedIdError:
        raise JsonProblemError("invalid_request", f'"{field}" must be the id of a transaction.', field=field) from None
    return TransactionId(text)


async def find(books: BookContext, text: str, operation: str | None = None) -> TransactionRecord:
    """A transaction of the seller's, of one kind or of any. Raises ProblemError."""
    wanted = transaction_id(text, "id")
    found = await transactions.find(books, wanted)
    if found is not None and operation in {None, found.operation}:
        return found
    message = "There is no such transaction of this account."
    before = None if found is not None else await transactions.may_be_archived(books, wanted)
    if before is not None:
        message = f"{message} Those from before {before:%Y-%m-%d} were moved to an archive."
    raise RefusedProblemError(Refused(Refusal.InvalidTransactionId, message))


def getting(name: str | None) -> Perform:
    """Answers with one transaction: of the kind `name`, or of any."""
    operation = None if name is None else _OPERATIONS[name]

    async def get(asked: Asked) -> Reply:
        found = await find(asked.books, asked.subject, operation)
        (shown,) = await expanded(asked, [transaction_object(asked.books, found)])
        return Reply(shown)

    return get


def listing(name: str | None) -> Perform:
    """Answers with a page of transactions: of the kind `name`, or of all that are asked for."""

    async def list_(asked: Asked) -> Reply:
        given, books = asked.given, asked.books
        kind = given.get("type") or name
        wanted = replace(
            transactions.all_of(books),
            since=moment_of(given.get("created_after")),
            until=moment_of(given.get("created_before")),
            operation=None if kind is None else _OPERATIONS[kind],
            status=None if "status" not in given else _BOOKED[given["status"]],
            min_micros=_micros(given.get("amount_min")),
            max_micros=_micros(given.get("amount_max")),
        )
        if (subject := given.get("authorization")) is not None:
            about = About.TOKEN if authorizations.kind_of(subject) is None else About.INSTRUMENT
            wanted = replace(wanted, about=about, subject=subject)
        cursor = None if "cursor" not in given else transaction_id(given["cursor"], "cursor")
        page = await transactions.list_(books, wanted, int(given.get("limit", USUAL_LIMIT)), cursor)
        await asked.step_aside()
        data: list[Mapping[str, Any]] = []
        for start in range(0, len(page.lines), AT_A_TIME):
            data += [transaction_object(books, line) for line in page.lines[start : start + AT_A_TIME]]
            await asked.step_aside()
        return Reply({"object": "list", "data": await expanded(asked, data), "next_cursor": page.earlier})

    return list_


def _micros(text: str | None) -> int | None:
    return None if text is None else parse_amount(text)


def moment_of(text: str | None) -> datetime | None:
    """The moment that a field has, which was checked."""
    return None if text is None else parse_moment(text)
