"""Lists of authorizations: balances and tabs that buyers have agreed to, page by page, and what they are chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.tokens import TokenState
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.events.authorizations import STATES
from tallystick.services.reports import customers, instruments
from tallystick.services.reports.instruments import InstrumentQuery, InstrumentRecord, ListPage
from tallystick.web.v1 import authorizations
from tallystick.web.v1.authorizations import POSTPAID, PREPAID
from tallystick.web.v1.consent import objects
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import CREATED_AFTER, CREATED_BEFORE, CURSOR, LIMIT, USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError
from tallystick.web.v1.transactions import moment_of

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.web.v1.endpoint import Asked
    from tallystick.web.v1.inputs import Given

_KINDS: Final = {PREPAID: "prepaid", POSTPAID: "credit"}
_STATES: Final = {
    STATES[state]: state for state in (TokenState.NOT_YET, TokenState.ACTIVE, TokenState.EXPIRED, TokenState.CANCELLED)
}
"""What balances and tabs can have come to: nothing uses them up."""


def _moment(one: JsonInput, meaning: str) -> JsonInput:
    return replace(one, field=replace(one.field, meaning=meaning))


FILTERS: Final = (
    JsonInput(Field("kind", "string", OPTIONAL, "Only these.", choices=tuple(_KINDS)), PREPAID),
    JsonInput(
        Field("status", "string", OPTIONAL, "Only those that have come to this.", choices=tuple(_STATES)), "active"
    ),
    JsonInput(
        Field("buyer", "string", OPTIONAL, "Only those of the buyer with this e-mail address.", max_length=254),
        "ada@example.org",
    ),
    _moment(CREATED_AFTER, "Agreed to at this moment or later."),
    _moment(CREATED_BEFORE, "Agreed to before this moment."),
    LIMIT,
    CURSOR,
)


async def list_(asked: Asked) -> Reply:
    """A page of balances and tabs. Those that nobody has agreed to yet are not among them."""
    books = asked.books
    page = await _page(books, asked.given)
    data: list[Mapping[str, Any]] = []
    for record in page.found:  # each is a few rows of one book
        data.append(objects.agreed(asked, await authorizations.find(books, record.instrument_id), None))
        await asked.step_aside()
    return Reply({"object": "list", "data": data, "next_cursor": page.earlier})


async def _page(books: BookContext, given: Given) -> ListPage[InstrumentRecord]:
    """The instruments that are wanted. Where they may be rare, only so many are looked at, and a page may lack some."""
    after = None
    if (cursor := given.get("cursor")) is not None:
        after = await instruments.instrument(books, cursor)
        if after is None:
            raise JsonProblemError("invalid_request", '"cursor" must be the next_cursor of a page.', field="cursor")
    kind, status, address = given.get("kind"), given.get("status"), given.get("buyer")
    wanted = InstrumentQuery(
        books.parts,
        books.now,
        kind=None if kind is None else _KINDS[kind],
        state=None if status is None else _STATES[status],
        since=moment_of(given.get("created_after")),
        until=moment_of(given.get("created_before")),
    )
    maximum = int(given.get("limit", USUAL_LIMIT))
    if address is not None:
        buyer = await customers.find_by_address(books, address)
        if buyer is None:
            return ListPage([], None)
        return await instruments.instruments(books, replace(wanted, buyer_id=buyer.party_id), maximum, after)
    if kind is None and status is None:
        return await instruments.instruments(books, wanted, maximum, after)
    return await instruments.bounded_instruments(books, wanted, maximum, after)
