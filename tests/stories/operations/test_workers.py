"""`serve --workers`: several processes on one port, which live and end with the one that was started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import STOP_SECONDS, start
from tests.support.master_key import MASTER_KEY_TEXT

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def meeting_place() -> Iterator[Path]:
    """The directory for sockets through which the processes exchange their metrics."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
async def serving(
    make_database: MakeDatabase, tmp_path: Path, meeting_place: Path
) -> AsyncIterator[tuple[Process, str]]:
    port = free_port()
    environment = {
        "TALLYSTICK_DATABASE_URL": await make_database(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_LOG_LEVEL": "error",
        "TMPDIR": str(meeting_place),
    }
    process = await start("serve", "--workers", "2", "--port", str(port), settings=environment)
    assert process.stdout is not None
    while b"processes" not in (line := await process.stdout.readline()):
        assert line, "it ended before it served"
    yield process, f"http://127.0.0.1:{port}"
    if process.returncode is None:
        process.kill()
        await process.wait()


def others(process: Process) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if is_other(child)]


def is_other(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "--beside" in process.cmdline()
    return False


def listening(process: psutil.Process) -> bool:
    return any(connection.status == psutil.CONN_LISTEN for connection in process.net_connections("tcp"))


def left_behind(place: Path) -> list[Path]:
    return list(place.iterdir())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - nothing tells of processes
            await asyncio.sleep(0.1)


async def calls_are_answered(url: str) -> None:
    """On a connection each, so that every process gets some."""
    for _ in range(30):
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/?Action=GetAccountBalance")
            assert (answer.status_code, "MissingClientTokenId" in answer.text) == (403, True), answer.text


async def counted(url: str) -> dict[tuple[str, str], float]:
    """What one look at the metrics tells of each process: whether it is up, and how many calls it refused."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    return {
        (sample.name, sample.labels["process"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in {"tallystick_process_up", "tallystick_requests_total"}
    }


async def test_processes_share_a_port_and_one_that_dies_is_replaced(
    serving: tuple[Process, str], meeting_place: Path
) -> None:
    process, url = serving
    await until(lambda: len(others(process)) == 1 and all(map(listening, others(process))))
    await calls_are_answered(url)
    looks = [await counted(url) for _ in range(10)]
    assert all(look == looks[0] for look in looks), "whichever process is asked"
    assert {process for _, process in looks[0]} == {"0", "1"}
    assert sum(count for (name, _), count in looks[0].items() if name == "tallystick_requests_total") == 30
    if sys.platform == "linux":
        pids = [process.pid, *(other.pid for other in others(process))]
        assert {os.sched_getscheduler(pid) for pid in pids} == {os.SCHED_BATCH}

    first = others(process)[0]
    first.kill()
    await until(lambda: first not in others(process) and len(others(process)) == 1)
    await until(lambda: all(map(listening, others(process))))
    await calls_are_answered(url)
    assert {process for name, process in await counted(url) if name == "tallystick_process_up"} == {"0", "1"}

    left = others(process)
    process.send_signal(signal.SIGTERM)
    _, complaint = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert process.returncode == 0, complaint.decode()
    assert not any(child.is_running() for child in left)
    assert left_behind(meeting_place) == []


async def test_processes_end_when_the_first_one_is_killed(serving: tuple[Process, str], meeting_place: Path) -> None:
    process, _ = serving
    await until(lambda: len(others(process)) == 1 and all(map(listening, others(process))))
    left = others(process)

    process.kill()
    await process.wait()

    await until(lambda: not any(child.is_running() for child in left))
    assert left_behind(meeting_place) == []
