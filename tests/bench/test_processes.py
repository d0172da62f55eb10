"""The servers under measurement."""

from __future__ import annotations

import asyncio
import sys

import psutil
import pytest

from tallystick.bench.target.machine import busy_warning
from tallystick.bench.target.processes import ending_with_us
from tallystick.bench.target.serving import serving_nothing


def handlers(port: str) -> int:
    children = psutil.Process().children()
    return sum(["tallystick.cli.serving.empty_handler", port] == one.cmdline()[2:4] for one in children)


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_empty_handler_has_as_many_processes_as_the_service(workers: int) -> None:
    async with serving_nothing(workers) as served:
        port = served.url.rpartition(":")[2]
        assert handlers(port) == workers
    assert handlers(port) == 0


async def test_servers_end_when_the_benchmark_is_killed() -> None:
    if not ending_with_us():
        pytest.skip("needs setpriv, of Debian's util-linux")
    code = (
        "import asyncio\n"
        "from tallystick.bench.target.serving import serving_nothing\n"
        "async def main():\n"
        "    async with serving_nothing() as served:\n"
        "        print(served.process.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    benchmark = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert benchmark.stdout is not None
    server = psutil.Process(int(await benchmark.stdout.readline()))
    benchmark.kill()
    await benchmark.wait()
    async with asyncio.timeout(60):
        while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - another process's end
            await asyncio.sleep(0.05)


def test_a_busy_machine_is_told() -> None:
    assert busy_warning(3.0) is None
    assert busy_warning(55.0) == (
        "other programs use 55 % of the processors: figures will be worse, and different every time"
    )


async def test_a_proxy_has_no_say_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving_nothing() as served:
        assert served.url
