from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.stories.operations.program import Command, one_process


@pytest.fixture(name="command", scope="module")
async def one_process_for_commands() -> AsyncIterator[Command]:
    """The commands of a file share a process: most of what a short one takes is its start."""
    async with one_process() as run:
        yield run
