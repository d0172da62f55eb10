"""A statement for spreadsheets: everything that happened under an authorization, or in a month of it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import USD, display_amount
from tallystick.services.buyer import history
from tallystick.services.seller import spreadsheets
from tallystick.services.seller.spreadsheets import without_formula
from tallystick.web.common.agreements.history_text import kind_in_words, status_in_words

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.buyer.months import Month
    from tallystick.services.context import Service
    from tallystick.services.process.downloads import Download

COLUMNS: Final = (
    "at",
    "kind",
    "description",
    "status",
    "amount",
    "change",
    "balance_after",
    "currency",
    "transaction_id",
)
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def file_name(state: AuthorizationState, ending: str = "csv", month: Month | None = None) -> str:
    """A name for the statement that every system takes; of one month, or of everything since it was given."""
    name = _NOT_IN_NAMES.sub("-", state.seller.lower()).strip("-")
    since = f"{state.authorization.created_at:%Y-%m-%d}" if month is None else month.text
    return f"statement-{name or 'seller'}-{since}.{ending}"


def as_csv(
    service: Service, state: AuthorizationState, month: Month | None, download: Download
) -> AsyncGenerator[bytes, None]:
    """All of it, oldest first, for spreadsheets; of one month, or everything."""
    return spreadsheets.as_csv(COLUMNS, _rows(service, state, month, download))


async def _rows(
    service: Service, state: AuthorizationState, month: Month | None, download: Download
) -> AsyncIterator[list[str]]:
    authorization = state.authorization
    async for entry in history.entries(service, authorization, month):
        yield [
            entry.at.isoformat(timespec="seconds"),
            kind_in_words(history.kind_of(entry, authorization)),
            without_formula(entry.description or ""),
            status_in_words(entry),
            display_amount(entry.amount_micros),
            display_amount(entry.change_micros),
            display_amount(entry.running_micros),
            USD,
            entry.transaction_id,
        ]
        await download.row_written()
