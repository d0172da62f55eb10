"""A program that signs with a registered certificate, and a buyer whom it charges."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stories.soap.soap_client import Program, program_of
from tests.support.books import Buyer
from tests.support.shop import Shop


@pytest.fixture
async def program(shop: Shop, tmp_path: Path) -> Program:
    return await program_of(shop, tmp_path)


@pytest.fixture
async def buyer(shop: Shop) -> Buyer:
    return await shop.books.funded_buyer("10.00")
