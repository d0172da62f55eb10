"""The Python client, on a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.stories.v1.conftest import program_of
from tests.support.shop import Shop

from tallystick_client import AsyncTallystick


@pytest.fixture
async def secret(shop: Shop) -> str:
    """Of a key that may do everything."""
    return (await program_of(shop)).secret


@pytest.fixture
async def ts(shop: Shop, secret: str) -> AsyncIterator[AsyncTallystick]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        yield AsyncTallystick(secret, shop.url, http=http)
