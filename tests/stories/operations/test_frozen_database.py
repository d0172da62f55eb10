"""A database that is stopped in the middle of everything: every call has an answer in the time that is promised."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx
import psutil
import pytest
from tests.stories.operations.lonely_shop import open_lonely_shop
from tests.support.shop import Shop, amount

from tallystick.domain.money import parse_amount

pytestmark = pytest.mark.timeout(300)

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"
GRACE_SECONDS = 3
"""For a machine that does something else, too."""


def promised_seconds() -> float:
    """What the operator's documentation says."""
    found = re.search(r"Every call has an answer within \*\*(\d+) seconds\*\*", OPERATING.read_text())
    assert found is not None
    return float(found.group(1))


@contextmanager
def frozen(data_directory: Path) -> Iterator[None]:
    """The embedded server and all its processes say nothing while this is open."""
    postmaster = psutil.Process(int((data_directory / "postgres" / "postmaster.pid").read_text().split()[0]))
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@pytest.fixture
async def lonely_shop(data_directory: Path) -> AsyncIterator[Shop]:
    async with open_lonely_shop(data_directory) as shop:
        yield shop


async def test_every_call_has_an_answer_in_time(lonely_shop: Shop, data_directory: Path) -> None:
    shop, promised = lonely_shop, promised_seconds()
    buyer = await shop.books.funded_buyer("10.00")
    pay: dict[str, str] = {
        "SenderTokenId": buyer.spending,
        "CallerReference": "frozen",
        **amount("TransactionAmount", "0.05"),
    }
    balance: dict[str, str] = {"PrepaidInstrumentId": buyer.instrument}
    cancel: dict[str, str] = {"TokenId": buyer.money}
    activity = {"StartDate": "2026-01-01T00:00:00Z"}
    assert (await shop.call("Pay", pay | {"CallerReference": "before"})).code is None

    took: dict[str, float] = {}
    answers: dict[str, httpx.Response] = {}

    async def asked(name: str, path: str, params: dict[str, str]) -> None:
        began = monotonic()
        answers[name] = await shop.client.get(shop.url + path, params=shop.signed("GET", params) if params else {})
        took[name] = monotonic() - began

    with frozen(data_directory):
        calls: dict[str, dict[str, str]] = {
            "Pay": pay,
            "GetPrepaidBalance": balance,
            "CancelToken": cancel,
            "GetAccountActivity": activity,
        }
        pages = {"sign-in": "/account/sign-in", "logo": "/logos/none", "ready": "/readyz"}
        await asyncio.gather(
            *(asked(name, "/", {"Action": name, **params}) for name, params in calls.items()),
            *(asked(name, path, {}) for name, path in pages.items()),
        )

    assert max(took.values()) < promised + GRACE_SECONDS, took
    for name in calls:
        assert answers[name].status_code == 503, answers[name].text
        assert "<Code>ServiceUnavailable</Code>" in answers[name].text
        assert "may have happened" in answers[name].text
    assert answers["ready"].status_code == 503

    # What was unknown is asked for again, and happens once.
    async with asyncio.timeout(60):
        while (await shop.call("Pay", pay)).code is not None:  # noqa: ASYNC110 - nobody tells us when
            await asyncio.sleep(0.5)
    assert await shop.books.balance(buyer) == parse_amount("9.90")
