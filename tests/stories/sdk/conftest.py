"""The clients, on a running service."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.stories.sdk.typescript import PROJECT, compile_client
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


@asynccontextmanager
async def rail_answering(shop: Shop) -> AsyncIterator[None]:
    """Meanwhile the rail answers by itself, as it does where a worker runs."""
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            await shop.rail_answers()
            await asyncio.sleep(0.05)

    going_on = asyncio.create_task(go_on())
    try:
        yield
    finally:
        over.set()
        await going_on


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node found")
    if not (PROJECT / "node_modules" / "typescript").is_dir():
        pytest.skip("the packages of clients/typescript are not there: npm ci in it")
    return found


@pytest.fixture(scope="session")
async def compiled(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript client, its tests and its examples as JavaScript."""
    return await compile_client(node, tmp_path_factory.mktemp("typescript"))
