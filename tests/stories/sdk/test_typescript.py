"""The TypeScript client under Node: its own tests, its types, and the way of `demo --walk` on a running service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.stories.sdk.conftest import rail_answering
from tests.stories.sdk.typescript import run
from tests.support.shop import Shop
from tools.clients.files import TYPES, types

pytestmark = pytest.mark.timeout(300)

WALK = """\
Prepaid: a balance of at most 10.00, from a card
  ok  Authorization, prepaid: the buyer agreed, status active
  ok  Top-up of 10.00: seller's cash +9.70, balance 10.00
  ok  100 charges of 0.05: seller's cash +9.70, balance 5.00
  ok  Refund of one of them, 0.05: balance 5.05
  ok  Top-up of 5.00, past the limit: refused, balance_limit_exceeded
  ok  … and nothing changed: seller's cash +9.70, balance 5.05
Postpaid: a tab of at most 100.00, settled from a bank account
  ok  Authorization, postpaid: the buyer agreed, status active
  ok  Charge of 40.00: debt 40.00
  ok  Charge of 60.00: debt 100.00
  ok  Charge of 0.01 at the limit: refused, insufficient_balance
  ok  Settlement of 90.00: seller's cash +87.50, debt 10.00
  ok  Write-off of 10.00: seller's cash +87.50, debt 0.00
"""


async def test_its_types_are_those_of_the_service(node: str) -> None:
    assert TYPES.read_text("utf-8") == await asyncio.to_thread(types, node), "python -m tools.clients"


async def test_its_own_tests_pass(node: str, compiled: Path) -> None:
    files = sorted(str(path) for path in (compiled / "test").glob("*.test.js"))
    assert len(files) == 2
    status, told = await run(node, "--test", "--test-reporter=tap", *files)
    assert status == 0, told
    assert "\n# fail 0\n" in told


async def test_it_walks_the_whole_way(node: str, compiled: Path, shop: Shop, secret: str) -> None:
    walk = str(compiled / "examples" / "walk.js")
    async with rail_answering(shop):
        status, told = await run(node, walk, TALLYSTICK_URL=shop.url, API_KEY=secret)
    assert told == WALK
    assert status == 0
