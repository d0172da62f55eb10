"""What the processes under torture do when they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tallystick import __version__
from tallystick.torture.processes import Program


async def test_what_ended_by_itself_is_counted_and_started_again_but_not_what_was_stopped(tmp_path: Path) -> None:
    program = Program("version", ("--version",), {}, tmp_path / "log")
    try:
        await asyncio.gather(program.start(), program.start())
        first = program.process
        assert first is not None
        await first.wait()

        await program.start()
        assert program.process is not None
        assert program.process is not first
        how = f"--version, status 0: {__version__}"
        assert program.ended == {how: 1}
        await program.kill()
        await program.start()
        assert program.ended == {how: 1}
        await program.process.wait()
        await program.stop()
        await program.start()
        assert not program.running
    finally:
        await program.kill()
