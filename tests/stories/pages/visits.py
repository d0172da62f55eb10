"""Parts of a visit that many tests of the hosted pages begin with."""

from __future__ import annotations

import httpx
from tests.stories.pages.world import Seller, World

from tallystick.domain.ids import IdKind

PREPAID_IDS = {
    "prepaidInstrumentID": IdKind.PREPAID_INSTRUMENT,
    "prepaidSenderTokenID": IdKind.PREPAID_SENDER,
    "fundingTokenID": IdKind.FUNDING,
}
POSTPAID_IDS = {
    "creditInstrumentID": IdKind.CREDIT_INSTRUMENT,
    "creditSenderTokenID": IdKind.CREDIT_SENDER,
    "settlementTokenID": IdKind.SETTLEMENT,
}


async def instruments(world: World, seller: Seller) -> list[str]:
    rows = await world.rows("SELECT instrument_id FROM instrument WHERE book_id = $1", seller.book_id)
    return [row["instrument_id"] for row in rows]


def chosen_card(method: httpx.Response) -> str:
    """The newest card on the page."""
    return next(
        part.split('"')[0] for part in method.text.split('name="key" value="')[1:] if part.split('"')[0].isdigit()
    )
