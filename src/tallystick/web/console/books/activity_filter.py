"""The filter of the activity: what the address says, checked, as what is asked of the ledger."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction, token_kind_and_book
from tallystick.services.reports import transactions
from tallystick.services.reports.transactions import About, TransactionQuery
from tallystick.services.seller.manual_operations import BookContext
from tallystick.web.console.books.amount_search import amounts_in
from tallystick.web.console.money_form import read_amount
from tallystick.web.console.wording import METHODS, OPERATIONS, STATUSES

NAMES: Final = ("q", "kind", "status", "method", "from", "to", "least", "most", "instrument", "token", "buyer")
"""The parts of a filter, as the address names them."""

_MAX_TEXT: Final = 128
_BUYER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_INSTRUMENTS: Final = frozenset("PC")
_LAST_DAY: Final = date(9999, 12, 30)  # the day after it exists too


@dataclass(frozen=True)
class ActivityFilter:
    """A filter as it was typed, as a query of the ledger, and its problems by field."""

    typed: Mapping[str, str]
    wanted: TransactionQuery
    problems: Mapping[str, str]

    @property
    def query(self) -> str:
        """The same filter in an address: a question mark and what is set, or nothing."""
        return f"?{urlencode(self.typed)}" if self.typed else ""

    def before(self, transaction_id: str) -> str:
        """The address of what comes before a transaction in this filter."""
        return f"?{urlencode({**self.typed, 'before': transaction_id})}"


def read_filter(books: BookContext, params: Mapping[str, str]) -> ActivityFilter:
    """Read the filter in an address; a field that cannot be read is left out and named in `problems`."""
    typed = {name: text for name in NAMES if (text := params.get(name, "").strip().replace("\0", ""))}
    problems: dict[str, str] = {}
    since, until = _day(typed, "from", problems), _day(typed, "to", problems)
    if since is not None and until is not None and since > until:
        problems["to"] = "The last day lies before the first one."
    wanted = replace(
        transactions.all_of(books),
        since=since,
        until=None if until is None else until + timedelta(days=1),
        operation=_one_of(OPERATIONS, typed, "kind", problems),
        status=_one_of(STATUSES, typed, "status", problems),
        payment_method=_one_of(METHODS, typed, "method", problems),
        min_micros=_amount(typed, "least", problems),
        max_micros=_amount(typed, "most", problems),
    )
    if len(typed.get("q", "")) > _MAX_TEXT:
        problems["q"] = f"Search for at most {_MAX_TEXT} characters."
    elif "q" in typed:
        wanted = _searching(wanted, typed["q"], problems)
    for name, about in (("instrument", About.INSTRUMENT), ("token", About.TOKEN)):
        if name in typed:
            wanted = replace(wanted, about=about, subject=typed[name])
    if "buyer" in typed:
        if not _BUYER.fullmatch(typed["buyer"]):
            problems["buyer"] = "There is no such customer."
        wanted = replace(wanted, about=About.BUYER, subject=typed["buyer"])
    return ActivityFilter(typed, wanted, problems)


def transaction_id_of(text: str | None) -> TransactionId | None:
    """The id, if it can be one."""
    try:
        return None if text is None or not book_of_transaction(text) else TransactionId(text)
    except MalformedIdError:
        return None


def _searching(wanted: TransactionQuery, text: str, problems: dict[str, str]) -> TransactionQuery:
    """A complete id of an instrument or token is looked up by index, an amount is one; other text is searched for."""
    amounts = amounts_in(text)
    if amounts is not None:
        if wanted.min_micros is not None or wanted.max_micros is not None:
            problems["q"] = "Amounts are given below already: search for something else here, or leave those empty."
        return replace(wanted, min_micros=amounts[0], max_micros=amounts[1])
    try:
        token_kind_and_book(text)
    except MalformedIdError:
        return replace(wanted, text=text)
    about = About.INSTRUMENT if text[0] in _INSTRUMENTS else About.TOKEN
    return replace(wanted, about=about, subject=text)


def _one_of(choices: Mapping[str, object], typed: Mapping[str, str], name: str, problems: dict[str, str]) -> str | None:
    text = typed.get(name)
    if text is not None and text not in choices:
        problems[name] = "Choose one of the list."
        return None
    return text


def _day(typed: Mapping[str, str], name: str, problems: dict[str, str]) -> datetime | None:
    if name not in typed:
        return None
    try:
        day = min(date.fromisoformat(typed[name]), _LAST_DAY)
    except ValueError:
        problems[name] = "Enter a date such as 2027-03-01."
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _amount(typed: Mapping[str, str], name: str, problems: dict[str, str]) -> int | None:
    return read_amount(typed[name], name, problems) if name in typed else None
