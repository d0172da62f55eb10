"""A server under test in a process of its own, which may die: `python -m tests.web.api.guarded_server PORT IN_ALL`.

It shares its port with others. A line on its standard input asks how many connections it has; it stops when that ends.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic

import structlog
from tests.web.api.test_connections import HOST, front_of

from tallystick.cli.serving.connections import ConnectionGuard, ConnectionLimits
from tallystick.cli.serving.http_server import listening


async def serve(port: int, in_all: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    counting = ConnectionGuard(port, ConnectionLimits())  # one that cuts nothing, and counts what the other one left
    async with listening(front_of(), HOST, port, shared=True, limits=ConnectionLimits(in_all=in_all)):
        tell("ready")
        while await reader.readline():
            counting.look(monotonic())
            tell(str(counting.open))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
