"""The servers under measurement."""

from __future__ import annotations

import psutil
import pytest

from tallystick.bench.run import serving_nothing


def handlers(port: str) -> int:
    children = psutil.Process().children()
    return sum(["tallystick.cli.serving.empty_handler", port] == one.cmdline()[2:4] for one in children)


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_empty_handler_has_as_many_processes_as_the_service(workers: int) -> None:
    async with serving_nothing(workers) as served:
        port = served.url.rpartition(":")[2]
        assert handlers(port) == workers
    assert handlers(port) == 0


async def test_a_proxy_has_no_say_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving_nothing() as served:
        assert served.url
