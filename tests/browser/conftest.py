"""Debian's Chromium, driven by Playwright, before the running service."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from playwright.async_api import Browser, async_playwright
from tests.stories.pages.serving import for_one_test, running
from tests.stories.pages.world import Seller, World

from tallystick.db.connections import Pool

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_CLOSING_SECONDS = 20
THANKS = b"<!doctype html><title>Music Shop</title><h1>Thank you</h1>"


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    playwright = await async_playwright().start()
    try:
        known = (*PROGRAMS, playwright.chromium.executable_path)
        program = next((path for path in map(shutil.which, known) if path), None)
        if program is None:
            reason = "no Chromium found: install Debian's `chromium`, or run `playwright install chromium`"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox does not work for root
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await browser.close()
    finally:
        with suppress(TimeoutError):  # it may be deaf by now
            async with asyncio.timeout(_CLOSING_SECONDS):
                await playwright.stop()


@pytest.fixture(scope="session")
async def pages(pool: Pool) -> AsyncIterator[World]:
    async with running(pool) as world:
        yield world


@pytest.fixture
async def world(pages: World) -> AsyncIterator[World]:
    """The running service; when the test is over, its books must balance."""
    async with for_one_test(pages) as fresh:
        yield fresh


@pytest.fixture
async def seller(world: World) -> Seller:
    return await world.seller()


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    """The address of a seller's site that thanks whoever comes back."""

    async def thank(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(THANKS)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head.encode("ascii") + THANKS)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(thank, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/thanks?order=7"
