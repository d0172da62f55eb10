"""The embedded server's buffers fit the machine, or the container's part of it."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import psutil
import pytest

from tallystick.db.embedded.server import EmbeddedPostgres
from tallystick.db.embedded.server_memory import MAX_BYTES, MIN_BYTES, buffers_bytes, memory_bytes

GIGABYTE = 1 << 30


@pytest.mark.parametrize(
    ("memory", "buffers"),
    [(GIGABYTE // 2, MIN_BYTES), (4 * GIGABYTE, GIGABYTE // 2), (64 * GIGABYTE, MAX_BYTES)],
)
def test_an_eighth_of_the_memory_within_bounds(memory: int, buffers: int) -> None:
    assert buffers_bytes(memory) == buffers


@pytest.mark.parametrize(("limit", "found"), [("1073741824\n", GIGABYTE), ("max\n", None)])
def test_a_container_has_what_it_is_allowed(tmp_path: Path, limit: str, found: int | None) -> None:
    path = tmp_path / "memory.max"
    path.write_text(limit, "ascii")
    total = psutil.virtual_memory().total

    assert memory_bytes((path, tmp_path / "missing")) == min(total, found or total)


async def test_the_server_is_started_with_them(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as server:
        connection = await asyncpg.connect(server.dsn)
        buffers = await connection.fetchval("SELECT pg_size_bytes(current_setting('shared_buffers'))")
        await connection.close()
    assert buffers == buffers_bytes(memory_bytes()) >> 20 << 20
