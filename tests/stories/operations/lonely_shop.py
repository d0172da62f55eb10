"""A seller alone at a service with a database of its own, which tests may stop, starve or spoil."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from tests.stories.conftest import free_port
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop

from tallystick.cli.serving.http_server import listening
from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import asgi_app, make_worker, open_service


@asynccontextmanager
async def open_lonely_shop(data_directory: Path) -> AsyncIterator[Shop]:
    """A shop of which the books must balance at the end."""
    port, clock = free_port(), TestClock()
    url = f"http://127.0.0.1:{port}"
    settings = Settings(data_directory=data_directory, port=port, public_url=url, master_key=MASTER_KEY)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(settings, clock))
        await stack.enter_async_context(listening(asgi_app(service), "127.0.0.1", port))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=90, **CHECKED))
        yield await new_shop(service, make_worker(service), client, url, clock)
        assert (await verify(service.pool)).problems == []
