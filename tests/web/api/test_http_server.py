"""The HTTP server in its caller's event loop stops cleanly, however often it is told to."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tallystick.cli.serving.empty_handler import HOST, nothing
from tallystick.cli.serving.http_server import listening, port_or_free_one


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_to_be_told_to_stop_several_times_is_no_fault(times: int) -> None:
    before = asyncio.all_tasks()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    port, ready = port_or_free_one(HOST, 0), asyncio.Event()

    async def serve() -> None:
        async with listening(nothing, HOST, port):
            ready.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await ready.wait()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://{HOST}:{port}/")).status_code == 200
    for _ in range(times):
        serving.cancel()
        await asyncio.sleep(0)  # it has heard of this one before the next

    with pytest.raises(asyncio.CancelledError):
        await serving
    while others := asyncio.all_tasks() - before:  # of the server, which may still be processing a signal
        await asyncio.wait(others)
    assert complaints == []
