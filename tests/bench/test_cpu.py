"""Whose processor time it was: read of processes that are there, and told apart by part."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import psutil
import pytest

from tallystick.bench.load.programs import output_of
from tallystick.bench.target import cpu
from tallystick.bench.target.cpu import CpuReading, Watched
from tallystick.bench.target.pinning import pinned, place
from tallystick.bench.target.service import memory_of

SPIN = "import time; end = time.process_time() + 0.1\nwhile time.process_time() < end: pass"
ZERO = CpuReading(own={}, api={}, backends={}, auxiliaries={}, ended=0, load=0, machine=0, stolen=0)


@asynccontextmanager
async def waiting(code: str = "") -> AsyncIterator[psutil.Process]:
    """A process of ours that has run `code` and waits."""
    source = f"{code}\nprint(flush=True); input()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield psutil.Process(process.pid)
    finally:
        await process.communicate(b"\n")


async def test_threads_of_a_server_are_counted_from_their_start() -> None:
    before = cpu.read([], None)
    async with waiting(SPIN) as server:
        time = cpu.between(before, cpu.read([server], None))
        assert time.api >= 0.1
        assert time.database is None
    assert cpu.of_threads([server]) == {}, "it has ended"
    assert memory_of([server]) == 0


async def test_the_load_generator_is_what_has_ended() -> None:
    watched = Watched()
    with pytest.raises(LookupError):
        watched.time  # noqa: B018 - that it cannot be asked for yet
    with watched.watch([], None):
        await output_of(sys.executable, "-c", SPIN)
    assert watched.time.load >= 0.1
    assert watched.share(2 * watched.time.load) == 2 * watched.share(watched.time.load) > 0


async def test_a_database_has_parts_and_what_has_ended_counts_once() -> None:
    """A backend of 3 s, 1 of them before, has ended, and so has a vacuum of 0.5 s that began meanwhile."""
    before = replace(ZERO, backends={(1, 1): 5, (2, 2): 1}, auxiliaries={(3, 3): 7}, ended=10)
    after = replace(ZERO, backends={(1, 1): 9, (4, 4): 0.25}, auxiliaries={(3, 3): 8}, ended=13.5)
    time = cpu.between(before, after)
    assert time.database is not None
    assert time.database.backends == pytest.approx(4.25)
    assert time.database.auxiliaries == pytest.approx(1 + 2.5)


def test_what_is_not_ours_is_what_others_used() -> None:
    before = replace(ZERO, own={(1, 1): 1, (1, 2): 1}, api={(1, 2): 1}, backends={(5, 5): 2}, load=1, machine=100)
    after = replace(
        ZERO, own={(1, 1): 2, (1, 2): 4}, api={(1, 2): 4}, backends={(5, 5): 4}, load=2, machine=110, stolen=0.5
    )
    after = replace(after, auxiliaries={(6, 6): 0})
    time = cpu.between(before, after)
    assert (time.api, time.load, time.stolen) == (3, 1, 0.5)
    assert time.others == pytest.approx(10 - (1 + 3) - 2 - 1)
    assert cpu.between(before, replace(after, machine=None)).others is None


@pytest.mark.parametrize(
    ("title", "for_the_server"),
    [
        ("postgres: walwriter ", True),
        ("postgres: autovacuum worker tallystick_bench", True),
        ("postgres: main: checkpointer ", True),
        ("postgres: io worker 1", True),
        ("postgres: tallystick tallystick [local] idle", False),
        ("postgres: main: tallystick tallystick 127.0.0.1(40000) INSERT", False),
    ],
)
def test_processes_of_the_server_are_known_by_their_titles(title: str, *, for_the_server: bool) -> None:
    assert cpu.serves_no_client(title) == for_the_server


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors are chosen as Linux does it")
async def test_processes_have_their_processors_while_they_are_measured() -> None:
    everywhere = os.sched_getaffinity(0)
    one, other = min(everywhere), max(everywhere)  # the same, where there is one only
    async with waiting() as server, waiting() as database:
        with pinned([server], [database], [one, one, other, one]):
            assert [os.sched_getaffinity(pid) for pid in (server.pid, database.pid, 0)] == [{one}, {other}, {one}]
        assert [os.sched_getaffinity(pid) for pid in (server.pid, database.pid, 0)] == [everywhere] * 3
    place(server.pid, {one})  # that it has ended is no error
